package config

import _ "embed"

// Example is a file with comments, as flexbeam config example prints it.
//
//go:embed example.yaml
var Example string
