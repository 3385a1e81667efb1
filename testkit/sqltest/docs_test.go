package sqltest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/sql/parse"
)

var docBlock = regexp.MustCompile("(?s)```(sql|python)\n(.*?)```")

// TestUserFunctionDocs runs what docs/functions-user.md shows: its Python blocks are
// files, named by their first line, and its SQL blocks run in order.
func TestUserFunctionDocs(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: the examples of docs/functions-user.md do not run")
	}
	text, err := os.ReadFile("../../docs/functions-user.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	client := local(t, false)
	defer client.Close()
	session, err := client.OpenSession(context.Background(), map[string]string{
		"mink.script.dir": dir, "execution.runtime-mode": "batch", "restart-strategy.type": "none",
	})
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, b := range docBlock.FindAllStringSubmatch(string(text), -1) {
		if b[1] == "python" {
			name := strings.Trim(strings.Fields(b[2])[1], ",")
			if err := os.WriteFile(filepath.Join(dir, name), []byte(b[2]), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		for _, it := range parse.Script(b[2]) {
			if it.Err != nil {
				t.Fatal(it.Err)
			}
			ran++
			got := (&runner{ctx: context.Background(), session: session}).script(b[2][it.Span.Start:it.Span.End])
			if got.err != nil {
				t.Errorf("%s\n%v", b[2][it.Span.Start:it.Span.End], got.err)
			}
		}
	}
	if ran < 4 {
		t.Errorf("only %d statements were found", ran)
	}
}
