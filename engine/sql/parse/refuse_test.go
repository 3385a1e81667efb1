package parse_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/parse"
)

// TestRefuse reads statements with the error each must give: see the head of the
// file.
func TestRefuse(t *testing.T) {
	b, err := os.ReadFile("testdata/refuse.txt")
	if err != nil {
		t.Fatal(err)
	}
	var place, code, part string
	n := 0
	for i, line := range strings.Split(string(b), "\n") {
		if head, ok := strings.CutPrefix(line, "# "); ok {
			head, part, _ = strings.Cut(head, " | ")
			place, code, _ = strings.Cut(head, " ")
			continue
		}
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		n++
		_, err := parse.Statement(line)
		d := diag.As(err)
		if d == nil {
			t.Errorf("line %d: accepted: %s", i+1, line)
			continue
		}
		p := diag.Source{Text: line}.Position(d.Span.Start)
		if at := fmt.Sprintf("%d:%d", p.Line, p.Column); at != place || string(d.Code) != code || !strings.Contains(d.Msg+" "+d.Hint, part) {
			t.Errorf("line %d: %s\n got %s %s %s (%s)\nwant %s %s ... %s", i+1, line, at, d.Code, d.Msg, d.Hint, place, code, part)
		}
		if strings.Contains(d.Msg+d.Hint, "not supported yet") {
			t.Errorf("line %d: a refusal of the grammar says %q", i+1, d.Msg)
		}
	}
	if n < 80 {
		t.Errorf("only %d statements", n)
	}
}
