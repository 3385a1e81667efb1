package nexmark

import (
	"testing"

	"github.com/minkstream/mink/engine/sql/parse"
)

// Every script is SQL that parses, statement by statement.
func TestScriptsParse(t *testing.T) {
	for _, q := range Queries() {
		o := Options{Sink: FileSink("/tmp/out"), Side: SideTable("/tmp/side.csv")}
		items := parse.Script(q.Script(o))
		if got, want := len(items), len(q.Statements(o)); got != want {
			t.Errorf("%s: %d statements, want %d", q.Name, got, want)
		}
		for _, it := range items {
			if it.Err != nil {
				t.Errorf("%s: %v at %v", q.Name, it.Err, it.Span)
			}
		}
	}
}
