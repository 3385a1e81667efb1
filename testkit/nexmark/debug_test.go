package nexmark_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/nexmark"
)

// debugEvents are few: each look at a moment in the past executes what came before it.
const debugEvents = 2_000

// Every query, recorded on threads with checkpoints, is stepped through in the debugger:
// what is seen at a moment is the same, to the entry of state, whether one comes from
// before or goes back to it.
func TestDebugged(t *testing.T) {
	side := sideFile(t)
	queries(t, func(t *testing.T, q nexmark.Query) {
		config := map[string]string{"parallelism.default": "2", "mink.exec.batch-rows": "64", "execution.checkpointing.interval": "5 ms"}
		disk := env.NewMemDisk()
		to, err := trace.Create(disk, "tape", trace.Manifest{Settings: config})
		if err != nil {
			t.Fatal(err)
		}
		r := prepareAs(t, q, debugEvents, 2, engine.Config{Record: &engine.Record{To: to, Full: true}}, side, config)
		r.insertAndWait(t)
		r.engine.Close()
		if err := r.engine.CloseTape(); err != nil {
			t.Fatal(err)
		}
		f, err := trace.Open(disk, "tape")
		if err != nil {
			t.Fatal(err)
		}
		c := engine.Config{Connectors: append(connectors.All(), r.verifier.Connector()), Formats: connectors.Formats(), Functions: scalar.All()}
		d, err := debugger.Open(context.Background(), c, func(e *engine.Engine) error {
			for name, fn := range nexmark.UserFunctions() {
				if err := e.RegisterAs(name, fn); err != nil {
					return err
				}
			}
			return nil
		}, f)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		whyOf(t, d.Jobs[0])
		backAndForth(t, d.Jobs[0])
	})
}

func backAndForth(t *testing.T, j *debugger.Job) {
	t.Helper()
	ctx := context.Background()
	goTo := func(to debugger.Target) debugger.Stop {
		st, err := j.Seek(ctx, to)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	if st := goTo(debugger.AtEnd); st.Why != "end" {
		t.Fatalf("the end is %+v", st)
	}
	steps := j.Ordinal()
	rng := rand.New(rand.NewPCG(uint64(steps), 1))
	seen := map[debugger.Position]string{}
	var places []debugger.Position
	for range 4 {
		if _, err := j.Step(ctx, debugger.ByStep, -1-rng.IntN(int(max(1, steps/8)))); err != nil {
			t.Fatal(err)
		}
		if p := j.Position(); j.Ordinal() > 0 && seen[p] == "" {
			seen[p] = stateOf(t, j)
			places = append(places, p)
		}
	}
	for range 5 {
		p := places[rng.IntN(len(places))]
		goTo(debugger.Target{At: &p})
		if now := stateOf(t, j); now != seen[p] {
			t.Fatalf("at %s there was\n%.2000s\nand then\n%.2000s", p, seen[p], now)
		}
	}
	for _, u := range debugger.Units {
		if _, err := j.Step(ctx, u, 2); err != nil {
			t.Fatal(err)
		}
		stateOf(t, j)
		if _, err := j.Step(ctx, u, -1); err != nil {
			t.Fatal(err)
		}
		stateOf(t, j)
	}
}

// stateOf is the content of all operators and what waits in front of them.
func stateOf(t *testing.T, j *debugger.Job) string {
	t.Helper()
	if j.Ordinal() == 0 {
		return "start"
	}
	var b strings.Builder
	tasks, err := j.Tasks()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%+v\n", tasks)
	for _, o := range j.Operators {
		tables, err := j.State(o.Name, "", 500)
		if err != nil {
			if strings.Contains(err.Error(), "keeps no state") {
				continue
			}
			t.Fatal(err)
		}
		for _, x := range tables {
			fmt.Fprintf(&b, "%s.%s/%d: %d\n", o.Name, x.Name, x.Subtask, x.Entries)
			for _, r := range x.Rows {
				text, err := r.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				b.Write(text)
			}
		}
	}
	if _, err := j.Windows(""); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// whyOf traces a row of the output to the source: it is made of rows that were read.
func whyOf(t *testing.T, j *debugger.Job) {
	t.Helper()
	l, err := j.WhyRow(context.Background(), "", 1)
	if err != nil {
		if strings.Contains(err.Error(), "the tape has no out=#1") {
			return // so few events give no row
		}
		t.Fatal(err)
	}
	var path []string
	read := int64(0)
	var walk func(l *debugger.Lineage)
	walk = func(l *debugger.Lineage) {
		path = append(path, fmt.Sprintf("%s %d", l.Operator, l.Total))
		if strings.HasPrefix(l.Operator, "TableSourceScan") {
			read += l.Total
			for _, r := range l.Rows {
				if r.Origin == "" {
					t.Errorf("a row that was read has no origin")
				}
				if _, err := r.Row.MarshalJSON(); err != nil {
					t.Error(err)
				}
			}
		}
		for _, x := range l.From {
			walk(x)
		}
	}
	walk(l)
	if read == 0 {
		t.Errorf("the row is made of nothing: %q", path)
	}
}
