// Command lint-sql analyses SQL for BigQuery offline, with the analyser of GoogleSQL: syntax, names
// of tables and columns, types and functions.
//
//	go run ./lint-sql FILE...
//
// Tables that a file creates are known to the statements behind them, also in the files behind it.
// Of a Markdown file it takes the blocks of SQL. It prints each fault with its file and line, and
// ends with status 1 if there was any.
//
// GoogleSQL is a little larger than what BigQuery takes of it, so a statement that passes may still
// be refused there.
package main
