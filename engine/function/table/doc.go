// Package table holds the table functions that are built in: one a file.
//
// A table function gives any number of rows for each row of its arguments; see
// function.TableFunc for what it promises. Windowing functions are operators of
// their own and not here.
package table
