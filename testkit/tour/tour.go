// Package tour goes through a taped job in the debugger, as a test of both: forwards,
// backwards, by each unit, with a look at everything that there is to be seen.
//
// What is right is known without the job: a moment looks the same from wherever one
// comes to it, a row of the output is made of rows that were read, and why-not finds a
// row that is there.
package tour

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/plan"
)

// Options say what a job lets one ask for.
type Options struct {
	// NoSource: rows may be made of none that were read, such as those of VALUES.
	NoSource bool
	// Moves is the number of moments that are compared; 0 is 5.
	Moves int
}

// Job tours one job.
func Job(t *testing.T, j *debugger.Job, o Options) {
	t.Helper()
	if o.Moves == 0 {
		o.Moves = 5
	}
	for _, out := range outputs(j) {
		whyOf(t, j, out, o)
	}
	backAndForth(t, j, o)
	reasons(t, j)
}

// outputs are the names of the operators that write the job's results.
func outputs(j *debugger.Job) (names []string) {
	for _, o := range j.Operators {
		switch o.Node.(type) {
		case *plan.Sink, *plan.Collect:
			names = append(names, o.Name)
		}
	}
	return names
}

func backAndForth(t *testing.T, j *debugger.Job, o Options) {
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
	steps := j.Ordinal() // a step back executes what lies before it, so they are few
	if steps == 0 {
		return
	}
	rng := rand.New(rand.NewPCG(uint64(steps), 1))
	seen := map[debugger.Position]string{}
	var places []debugger.Position
	note := func() {
		if p := j.Position(); j.Ordinal() > 0 && seen[p] == "" {
			seen[p] = Look(t, j)
			places = append(places, p)
		}
	}
	note()
	for range o.Moves - 1 {
		if _, err := j.Step(ctx, debugger.ByStep, -1-rng.IntN(int(min(max(1, steps/8), 12)))); err != nil {
			t.Fatal(err)
		}
		note()
	}
	for range o.Moves {
		p := places[rng.IntN(len(places))]
		goTo(debugger.Target{At: &p})
		if now := Look(t, j); now != seen[p] {
			t.Fatalf("at %s there was\n%.2000s\nand then\n%.2000s", p, seen[p], now)
		}
	}
	for _, u := range debugger.Units {
		for _, n := range []int{2, -1} {
			if _, err := j.Step(ctx, u, n); err != nil {
				t.Fatal(err)
			}
			Look(t, j)
		}
	}
}

// Look is the content of all operators and what waits in front of them.
func Look(t *testing.T, j *debugger.Job) string {
	t.Helper()
	if j.Ordinal() == 0 {
		return "start"
	}
	var b strings.Builder
	tasks, err := j.Tasks()
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		// Memory hangs on when snapshots were taken on the way, which is a matter of time.
		for i := range task.Ops {
			task.Ops[i].StateBytes = 0
		}
		fmt.Fprintf(&b, "%+v\n", task)
	}
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
func whyOf(t *testing.T, j *debugger.Job, output string, o Options) {
	t.Helper()
	l, err := j.WhyRow(context.Background(), output, 1)
	if err != nil {
		if strings.Contains(err.Error(), "the tape has no out=") {
			return // it gives no row
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
	if read == 0 && !o.NoSource {
		t.Errorf("the row is made of nothing: %q", path)
	}
}

// reasons asks for the rest at the end: what the job waits for, what its state is made
// of, and why any row at all is not there.
func reasons(t *testing.T, j *debugger.Job) {
	t.Helper()
	ctx := context.Background()
	if _, err := j.Seek(ctx, debugger.AtEnd); err != nil {
		t.Fatal(err)
	}
	if j.Ordinal() == 0 {
		return
	}
	if _, err := j.WhyStuck(); err != nil {
		t.Error(err)
	}
	if _, err := j.WhyBig(); err != nil {
		t.Error(err)
	}
	for _, out := range outputs(j) {
		_, noRow := j.WhyRow(ctx, out, 1)
		found, err := j.WhyNot(ctx, out, "TRUE")
		if err != nil {
			t.Error(err)
		} else if noRow == nil && len(found) == 0 {
			t.Errorf("why-not says nothing of rows of %s, the first of which is there", out)
		}
	}
}
