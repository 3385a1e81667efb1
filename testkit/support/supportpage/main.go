// Command supportpage writes docs/sql-support.md from the rows and tests of the tree
// in the current directory; make gen runs it.
package main

import (
	"fmt"
	"os"

	"github.com/minkstream/mink/testkit/support"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "supportpage:", err)
		os.Exit(1)
	}
}

func write() error {
	rows, err := support.Rows()
	if err != nil {
		return err
	}
	tests, err := support.Collect(".")
	if err != nil {
		return err
	}
	c := support.Cover(rows, tests)
	for _, b := range c.Bad {
		fmt.Fprintln(os.Stderr, b)
	}
	old, err := os.ReadFile(support.PagePath)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(support.PagePath, []byte(c.Page(string(old))), 0o644)
}
