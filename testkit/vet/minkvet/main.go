// Command minkvet runs the checks of testkit/vet over packages:
//
//	go run ./testkit/vet/minkvet ./...
//
// It runs as a tool of go vet, so that packages which have not changed are not
// looked at again, and ends with the number of excuses in the tree.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/minkstream/mink/testkit/vet"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && (strings.HasPrefix(args[0], "-") || strings.HasSuffix(args[len(args)-1], ".cfg")) {
		unitchecker.Main(vet.Analyzer, vet.Compared)
	}
	if len(args) == 0 {
		args = []string{"./..."}
	}
	self, err := os.Executable()
	if err != nil {
		fail(err)
	}
	cmd := exec.Command("go", append([]string{"vet", "-vettool=" + self}, args...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	bad := cmd.Run()
	n, err := count()
	if err != nil {
		fail(err)
	}
	fmt.Printf("minkvet: %d excuses\n", n)
	if bad != nil {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "minkvet:", err)
	os.Exit(1)
}

// count is the number of excuses in the Go files of the module.
func count() (n int, err error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return 0, err
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && p != root || p == filepath.Join(root, "testkit", "vet")):
			return fs.SkipDir
		case !strings.HasSuffix(p, ".go"):
			return nil
		}
		text, err := os.ReadFile(p)
		n += strings.Count(string(text), vet.Excuse)
		return err
	})
	return n, err
}
