package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestReference compares docs/reference with what make gen writes.
func TestReference(t *testing.T) {
	dir := filepath.Join("..", "docs", "reference")
	root := (&app{}).root()
	pages := docPages(root)
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("docs/reference/%s is not current: run make gen", name)
		}
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if _, ok := pages[e.Name()]; !ok {
			t.Errorf("docs/reference/%s is written by nobody", e.Name())
		}
	}
	again := docPages((&app{}).root())
	for name, text := range pages {
		if again[name] != text {
			t.Errorf("%s differs from run to run", name)
		}
	}
}

// TestHelp: every command that can be run has a sentence, examples that begin with
// mink, and help on standard output with exit code 0.
func TestHelp(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, c := range c.Commands() {
			walk(c)
			if c.Hidden || c.Name() == "help" || c.Parent().Name() == "completion" || c.Name() == "completion" {
				continue
			}
			var out, errOut bytes.Buffer
			args := append(strings.Fields(c.CommandPath())[1:], "--help")
			if code := Main(args, strings.NewReader(""), &out, &errOut); code != exitOK || errOut.Len() > 0 {
				t.Errorf("%v: exit %d, %s", args, code, errOut.String())
			}
			if !strings.Contains(out.String(), "Usage:") {
				t.Errorf("%v prints no usage", args)
			}
			if c.Short == "" {
				t.Errorf("%v has no sentence", args)
			}
			if !does(c) {
				continue
			}
			if !strings.Contains(out.String(), "Examples:") || !strings.Contains(c.Example, c.CommandPath()) {
				t.Errorf("%v has no example", args)
			}
		}
	}
	walk((&app{}).root())
}
