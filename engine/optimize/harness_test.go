package optimize_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/optimize"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

var only = flag.String("only", "", "run the testdata files whose name contains this")

// The connector of the tests: a table with the option 'changes' gives and takes
// those kinds of changes.
func testConnector(name string, source, sink, lookup bool) *connect.Connector {
	c := &connect.Connector{
		Name: name,
		Options: []connect.Option{
			{Key: "changes", Default: "I"}, {Key: "bounded", Type: connect.Bool, Default: "true"}, {Key: "format"}, {Key: "password", Secret: true},
		},
		Metadata: []connect.MetadataColumn{
			{Key: "timestamp", Type: types.TimestampLTZT(3).Nullable(false), Writable: true},
			{Key: "offset", Type: types.BigIntT.Nullable(false)},
		},
	}
	if source {
		c.Source = func(t *connect.Table) (connect.Source, error) {
			ch, err := parseChanges(t.Options.Text("changes", "I"))
			return fakeSource{ch, t.Options.Text("bounded", "true") == "true"}, err
		}
	}
	if sink {
		c.Sink = func(t *connect.Table) (connect.Sink, error) {
			ch, err := parseChanges(t.Options.Text("changes", "I"))
			return fakeSink{ch}, err
		}
	}
	if lookup {
		c.Lookup = func(*connect.Table) (connect.Lookup, error) { return fakeLookup{}, nil }
	}
	return c
}

func parseChanges(s string) (connect.Changes, error) {
	var c connect.Changes
	for _, k := range strings.Split(s, ",") {
		switch strings.TrimSpace(k) {
		case "I":
			c |= connect.HasInsert
		case "UB":
			c |= connect.HasUpdateBefore
		case "UA":
			c |= connect.HasUpdateAfter
		case "D":
			c |= connect.HasDelete
		case "ANY":
			return 0, nil
		default:
			return 0, connect.Invalid("changes", "takes a list of I, UB, UA, D")
		}
	}
	return c, nil
}

type fakeSource struct {
	changes connect.Changes
	bounded bool
}

func (s fakeSource) Changes() connect.Changes                                      { return s.changes }
func (s fakeSource) Bounded() bool                                                 { return s.bounded }
func (s fakeSource) Project(connect.Projection)                                    {}
func (s fakeSource) Splits(int) ([]connect.Split, error)                           { return nil, nil }
func (s fakeSource) Discover([]string) ([]connect.Split, error)                    { return nil, nil }
func (s fakeSource) DiscoverInterval() time.Duration                               { return 0 }
func (s fakeSource) Open(connect.Split, connect.ReaderCtx) (connect.Reader, error) { return nil, nil }

type fakeSink struct{ changes connect.Changes }

func (s fakeSink) Changes(query connect.Changes) connect.Changes {
	if s.changes == 0 {
		return query
	}
	return s.changes
}
func (s fakeSink) Grade() string                                          { return "none" }
func (s fakeSink) Open(connect.WriterCtx) (connect.Writer, error)         { return nil, nil }
func (s fakeSink) Committer(connect.WriterCtx) (connect.Committer, error) { return nil, nil }

type fakeLookup struct{}

func (fakeLookup) Open([]int, connect.ReaderCtx) (connect.LookupReader, error) { return nil, nil }

func testSession() *catalog.Session {
	count := function.Func{
		Name: "count_char", Category: "user", Signatures: []string{"count_char(text, char)"},
		Infer: func(c *function.Call) (function.Resolved, error) {
			if len(c.Args) != 2 {
				return function.Resolved{}, diag.New(diag.InvalidArgument, "count_char takes 2 arguments")
			}
			return function.Resolved{Params: []types.Type{types.StringT, types.StringT}, Result: types.BigIntT.Nullable(false)}, nil
		},
	}
	h := &catalog.Host{
		Connectors: []*connect.Connector{
			testConnector("test", true, true, false), testConnector("blackhole", false, true, false),
			testConnector("print", false, true, false), testConnector("dim", true, false, true), testConnector("nexmark", true, false, false),
			testConnector("filesystem", true, true, true),
		},
		Functions:     function.NewRegistry(scalar.All()),
		UserFunctions: map[string]*function.Func{"com.github.nexmark.flink.udf.CountChar": &count},
	}
	return catalog.NewSession(catalog.NewStore(), h)
}

// run executes a script in a session and returns what its last statement shows: the
// plan of a query, the rows of an action, or the first error with its place.
func run(s *catalog.Session, text string) string {
	out := ""
	for _, it := range parse.Script(text) {
		if it.Err != nil {
			return show(it.Err, text)
		}
		b := bind.New(s, text)
		bound, err := b.Statement(it.Stmt)
		if err != nil {
			return show(err, text)
		}
		switch bound := bound.(type) {
		case *bind.Action:
			rows, err := bound.Apply()
			if err != nil {
				return show(err, text)
			}
			out = "OK\n"
			if bound.Warning != nil {
				out = "warning: " + show(bound.Warning, text)
			}
			if rows != nil {
				out = table(rows)
			}
		case *bind.Explain:
			p, err := optimize.Plan(bound.Of, s)
			if err != nil {
				return show(err, text)
			}
			out = plan.Explain(p, bound.Details...)
		case *bind.BeginSet, *bind.EndSet:
			out = fmt.Sprintf("%T\n", bound)
		default:
			p, err := optimize.Plan(bound, s)
			if err != nil {
				return show(err, text)
			}
			out = plan.Tree(p)
			for _, w := range p.Warnings {
				out += "warning: " + w.Msg + "\n"
			}
		}
	}
	return out
}

func show(err error, text string) string {
	e := diag.As(err)
	if e == nil {
		return "error without a code: " + err.Error() + "\n"
	}
	line, col := 1, 1
	for _, r := range text[:min(e.Span.Start, len(text))] {
		col++
		if r == '\n' {
			line, col = line+1, 1
		}
	}
	place := "?"
	if !e.Span.IsZero() && e.Span.End <= len(text) {
		place = fmt.Sprintf("%d:%d: [%s]", line, col, text[e.Span.Start:e.Span.End])
	}
	out := fmt.Sprintf("error %s %s\n  %s\n", e.Code, place, e.Msg)
	for _, n := range e.Notes {
		out += "  note: " + n.Msg + "\n"
	}
	if e.Hint != "" {
		out += "  hint: " + e.Hint + "\n"
	}
	return out
}

func table(r *bind.Rows) string {
	out := strings.Join(r.Schema.Names(), " | ") + "\n"
	for _, row := range r.Data {
		var cells []string
		for _, v := range row {
			if v == nil {
				v = "NULL"
			}
			cells = append(cells, fmt.Sprint(v))
		}
		out += strings.Join(cells, " | ") + "\n"
	}
	return out
}

// A file of text tests: cases separated by blank lines, each a statement, a line of
// dashes and what comes out. A case that begins with "-- setup" runs in the session
// that all cases after it start from; the others do not see each other.
type testCase struct{ input, want string }

func readCases(t *testing.T, path string) []testCase {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []testCase
	for _, part := range strings.Split(string(data), "\n====\n") {
		in, want, _ := strings.Cut(part, "\n----\n")
		out = append(out, testCase{strings.TrimSpace(in), strings.TrimRight(want, "\n")})
	}
	return out
}

func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(files)
	accept := os.Getenv("MINK_ACCEPT") != ""
	for _, f := range files {
		if !strings.Contains(f, *only) {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(f), ".sql"), func(t *testing.T) {
			cases := readCases(t, f)
			setup := ""
			var b strings.Builder
			for i, c := range cases {
				s := testSession()
				if setup != "" {
					run(s, setup)
				}
				got := strings.TrimRight(run(s, c.input), "\n")
				if strings.HasPrefix(c.input, "-- setup") {
					setup += c.input + "\n"
				}
				if got != c.want && !accept {
					t.Errorf("%s\n---- got\n%s\n---- want\n%s", c.input, got, c.want)
				}
				if i > 0 {
					b.WriteString("\n====\n")
				}
				b.WriteString(c.input + "\n----\n" + got)
			}
			if accept {
				if err := os.WriteFile(f, []byte(b.String()+"\n"), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
