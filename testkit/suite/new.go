package suite

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/fork"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/harness"
)

// NewOptions say how a test is made from a tape.
type NewOptions struct {
	// Name is the test's.
	Name string
	// Rows is the most rows of each table; 0 takes all.
	Rows int
	// Use is the script for @use, relative to the test's folder; "" writes the statements
	// of the tape into the test.
	Use string
}

// New writes a test of what is on a tape: the rows that its sources gave, and a table for
// each sink that is still to be filled in (Options.Update).
func New(t *trace.File, o NewOptions) (string, error) {
	jobs, err := tapedJobs(t, env.OS(""))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	start := time.Now()
	if len(t.Manifest.Statements) > 0 {
		start = time.UnixMilli(t.Manifest.Statements[0].At)
	}
	day := start.UTC().Truncate(24 * time.Hour)
	fmt.Fprintf(&b, "-- made from the tape %s\n@clock %s\n", filepath.Base(t.Name), start.UTC().Format("2006-01-02 15:04:05"))
	if o.Use != "" {
		fmt.Fprintf(&b, "@use %s\n", o.Use)
	}
	fmt.Fprintf(&b, "\n@test %s\n", o.Name)
	if o.Use == "" {
		for _, s := range t.Manifest.Statements {
			b.WriteString(strings.TrimRight(strings.TrimSpace(s.Text), ";") + ";\n")
		}
	}
	for _, name := range jobs.order {
		rows := jobs.tables[name]
		if o.Rows > 0 && len(rows) > o.Rows {
			rows = rows[:o.Rows]
		}
		if len(rows) > 0 {
			head, list := harness.CellsOf(rows, jobs.read[name], day)
			b.WriteString(Write(&harness.Give{Table: name, Header: head, Rows: list}))
		}
	}
	if !jobs.bounded {
		b.WriteString("@end\n")
	}
	for _, s := range jobs.sinks {
		b.WriteString(strings.TrimSpace("@expect table "+s) + "\n")
	}
	return b.String(), nil
}

// taped is what the jobs of a tape read and write.
type taped struct {
	tables map[string][]harness.Taken
	// read are the columns that a job reads: no others have values.
	read    map[string][]int
	order   []string
	sinks   []string
	bounded bool
}

// tapedJobs plans the statements of a tape and reads what its sources gave. outside has the disk
// and the programs that this may touch.
func tapedJobs(t *trace.File, outside *env.Env) (*taped, error) {
	inputs, err := fork.Open(t)
	if err != nil {
		return nil, err
	}
	host := env.OS("")
	host.Disk, host.Processes = env.NewOverlay(outside.Disk), outside.Processes
	zone, err := time.LoadLocation(t.Manifest.Zone)
	if err != nil {
		zone = time.UTC
	}
	e, err := engine.New(engine.Config{
		Env: host, Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), Runtimes: connectors.Runtimes(), Zone: zone,
	})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	s := e.NewSession()
	for k, v := range t.Manifest.Settings {
		if err := s.Set(k, v); err != nil {
			return nil, err
		}
	}
	out := &taped{tables: map[string][]harness.Taken{}, read: map[string][]int{}, bounded: true}
	for _, st := range t.Manifest.Statements {
		if stmt, err := parse.Statement(st.Text); err == nil && shows(stmt) {
			continue
		}
		p, err := s.Prepare(st.Text, nowhere{})
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		out.bounded = out.bounded && p.Graph.Bounded()
		if err := inputs.Edit(p.Plan, p.Graph); err != nil {
			return nil, err
		}
		for _, v := range p.Graph.Vertices {
			if v.Source != nil && v.Source.Table != "" {
				if err := out.columns(p.Plan, v.Source); err != nil {
					return nil, err
				}
				if err := out.take(v.Source); err != nil {
					return nil, err
				}
			}
		}
		for _, i := range p.Inserts {
			out.sinks = append(out.sinks, i.Table.Path.Object)
		}
		if len(p.Inserts) == 0 {
			out.sinks = append(out.sinks, "")
		}
	}
	if len(out.sinks) == 0 {
		return nil, diag.New(diag.InvalidTape, "the tape %s has no job", t.Name)
	}
	return out, nil
}

func shows(s ast.Statement) bool {
	switch s.(type) {
	case *ast.Explain, *ast.Show, *ast.Describe:
		return true
	}
	return false
}

// columns notes which columns of a source are read.
func (t *taped) columns(p *plan.Physical, spec *flow.SourceSpec) error {
	if _, ok := t.read[spec.Name]; ok {
		return nil
	}
	for _, n := range p.Nodes {
		s, ok := n.(*plan.Scan)
		if !ok || s.Table.Path.String() != spec.Table {
			continue
		}
		var at []int
		for i := range spec.Schema {
			if s.Projection == nil {
				at = append(at, i)
			}
		}
		for _, path := range s.Projection {
			if len(path) > 1 {
				return diag.New(diag.Unsupported, "table %s: column %s is read in parts, of which a test cannot be made yet: that is not supported yet", spec.Name, spec.Schema[path[0]].Name).
					WithHint("write the rows into a test by hand")
			}
			at = append(at, path[0])
		}
		slices.Sort(at)
		t.read[spec.Name] = at
		return nil
	}
	return nil
}

// take takes the rows of a source, split by split; a table that several jobs read is taken
// once, with the columns of the first.
func (t *taped) take(spec *flow.SourceSpec) error {
	if _, ok := t.tables[spec.Name]; ok {
		return nil
	}
	t.order = append(t.order, spec.Name)
	t.tables[spec.Name] = nil
	splits, err := spec.Source.Splits(1)
	if err != nil {
		return err
	}
	slices.SortFunc(splits, func(a, b connect.Split) int { return cmp.Compare(a.ID, b.ID) })
	for _, s := range splits {
		r, err := spec.Source.Open(s, connect.ReaderCtx{Parallelism: 1, Now: func() int64 { return 0 }, Wake: func() {}, BadRecord: func(error) {}})
		if err != nil {
			return err
		}
		for status := connect.More; status == connect.More; {
			var b batch.Batch
			if status, err = r.Poll(&b, batch.MaxRows); err != nil {
				return err
			}
			own := &batch.Batch{}
			own.Gather(&b, nil)
			for i := range own.N {
				t.tables[spec.Name] = append(t.tables[spec.Name], harness.Taken{Schema: spec.Schema, Batch: own, Lane: i})
			}
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}

// nowhere takes the rows of a query that is planned and not run.
type nowhere struct{}

func (nowhere) Changes(q connect.Changes) connect.Changes              { return q }
func (nowhere) Grade() string                                          { return "exactly-once" }
func (nowhere) Open(connect.WriterCtx) (connect.Writer, error)         { return nil, nil }
func (nowhere) Committer(connect.WriterCtx) (connect.Committer, error) { return nil, nil }

// Create writes a new test of a tape and fills in what it expects by running it. A file
// that is there is left alone.
func Create(t *trace.File, file string, o NewOptions) error {
	if _, err := os.Stat(file); err == nil {
		return diag.New(diag.AlreadyExists, "%s is there already", file).WithHint("name another file with -o, or remove it")
	}
	text, err := New(t, o)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		return diag.Wrap(diag.IO, err, "cannot write %s", file)
	}
	f, errs := Read(env.OS(""), file)
	if len(errs) > 0 {
		return errs[0]
	}
	r := &Result{File: f, Test: f.Tests[0]}
	(&Options{Plan: harness.Plan{Schedules: -1}}).one(r)
	if r.Internal != nil {
		return r.Internal
	}
	return update([]*Result{r})
}
