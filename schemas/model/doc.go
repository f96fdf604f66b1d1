// Package model is the data model that flexbeam fills: its tables, their columns, and where each
// value comes from.
//
// The mapping of fields is data: a Column names its type, its meaning, the rule that decides it and
// the ordered places its value is read from. The folds resolve attribute columns from it, and DDL,
// JSON schema and docs/model.md are generated from it, so that code and documents cannot drift
// apart.
package model
