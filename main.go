// Command mink is a streaming SQL workbench in one binary.
package main

import (
	"os"

	"github.com/minkstream/mink/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
