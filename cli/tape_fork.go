package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/fork"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/trace"
)

// forked is a run over the inputs of tapes.
type forked struct {
	in   *fork.Inputs
	out  *fork.Outputs
	seed uint64
	zone *time.Location
	// queries are the results of SELECTs.
	queries []*fork.Table
	// lost: rows of the tape could not be had.
	lost bool
}

// newFork prepares a run over the inputs of tapes in the time zone of the first.
func newFork(seed uint64, tapes ...*trace.File) (*forked, error) {
	in, err := fork.Open(tapes...)
	if err != nil {
		return nil, failed(exitUnreachable, err)
	}
	k := &forked{in: in, out: &fork.Outputs{}, seed: seed, zone: time.UTC}
	if z, err := time.LoadLocation(tapes[0].Manifest.Zone); err == nil {
		k.zone = z
	}
	return k, nil
}

// edit is what the engine does to its graphs; nil where nothing is forked.
func (k *forked) edit() func(*plan.Physical, *flow.Graph, *time.Location) error {
	if k == nil {
		return nil
	}
	return func(p *plan.Physical, g *flow.Graph, zone *time.Location) error {
		if err := k.in.Edit(p, g); err != nil {
			return err
		}
		k.out.Edit(p, g, zone)
		return nil
	}
}

// tables are what the run has given: tables, then queries.
func (k *forked) tables() []*fork.Table { return append(k.out.Tables(), k.queries...) }

// run executes a script.
func (k *forked) run(ctx context.Context, a *app, o embed, settings map[string]string, t text) (err error) {
	o.fork = k
	client, err := a.embedded(o)
	if err != nil {
		return err
	}
	defer func() {
		if e := client.Close(); err == nil {
			err = e
		}
	}()
	session, err := client.OpenSession(ctx, settings)
	if err != nil {
		return failed(exitUsage, err)
	}
	defer session.Close()
	s := &script{app: a, name: t.name, text: t.sql, client: client, session: session}
	var jobs []job
	for _, it := range parse.Script(t.sql) {
		op, err := k.statement(ctx, session, t.sql, it)
		if err != nil {
			base := it.Span.Start
			if it.Err != nil {
				base = 0
			}
			k.lost = lostRows(err)
			s.report(err, it.Span, base)
			return failed(exitFailed, nil)
		}
		if op != nil {
			jobs = append(jobs, job{op, it.Span})
		}
	}
	for _, j := range jobs {
		if err := j.op.Wait(ctx); err != nil {
			if ctx.Err() != nil {
				return context.Canceled
			}
			k.lost = lostRows(err)
			s.report(err, j.span, j.span.Start)
			return failed(exitFailed, nil)
		}
	}
	return nil
}

// lostRows reports a run that failed since the tape, or what it was of, lacks rows.
func lostRows(err error) bool {
	code := diag.CodeOf(err)
	return code == diag.Divergence || code == diag.InvalidTape
}

// statement executes one and gives the operation to wait for, if its job goes on.
func (k *forked) statement(ctx context.Context, session gateway.Session, sql string, it parse.Item) (gateway.Operation, error) {
	if it.Err != nil {
		return nil, it.Err
	}
	op, err := session.Execute(ctx, sql[it.Span.Start:it.Span.End])
	if err != nil || op.Result() == gateway.Submitted {
		return op, err
	}
	defer op.Close()
	if op.Job() == "" {
		return nil, nil
	}
	t := fork.NewTable(fmt.Sprintf("query %d", len(k.queries)+1), op.Schema(), nil)
	k.queries = append(k.queries, t)
	for {
		b, err := op.Next(ctx)
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		t.Apply(b, op.Zone())
	}
}

// compareTape runs the script of a tape and another one over its inputs, and prints in
// what their tables differ. With "" for the other it is the same script, the inputs cut
// otherwise by the seed.
func (a *app) compareTape(ctx context.Context, t *trace.File, other text, seed uint64, output string) error {
	was, err := newFork(t.Manifest.Seed, t)
	if err != nil {
		return err
	}
	now, err := newFork(t.Manifest.Seed, t)
	if err != nil {
		return err
	}
	if seed != 0 {
		now.seed, now.in.Seed = seed, seed
	}
	o := embed{nodes: 1}
	if err := was.run(ctx, a, o, t.Manifest.Settings, text{t.Name, tapedScript(t)}); err != nil {
		return err
	}
	if other.sql == "" {
		other = text{t.Name, tapedScript(t)}
	}
	if err := now.run(ctx, a, o, t.Manifest.Settings, other); err != nil {
		return err
	}
	same, err := a.tellChanges(was.tables(), now.tables(), output)
	if err == nil && !same && seed != 0 {
		return failed(exitFailed, diag.New(diag.Divergence, "with seed %d the run gives other rows", seed).
			WithHint("its answer depends on how rows arrive: EXPLAIN says where"))
	}
	return err
}

// tapedScript is the text of all statements on a tape.
func tapedScript(t *trace.File) string {
	var sql strings.Builder
	for _, s := range t.Manifest.Statements {
		sql.WriteString(s.Text + ";\n")
	}
	return sql.String()
}

// tellChanges prints what makes the tables now of those that were.
func (a *app) tellChanges(was, now []*fork.Table, output string) (same bool, err error) {
	find := func(list []*fork.Table, name string) *fork.Table {
		for _, t := range list {
			if t.Name == name {
				return t
			}
		}
		return nil
	}
	same = true
	names := append([]*fork.Table(nil), was...)
	for _, t := range now {
		if find(was, t.Name) == nil {
			names = append(names, t)
		}
	}
	for _, like := range names {
		before, after := find(was, like.Name), find(now, like.Name)
		if before == nil {
			before = fork.NewTable(like.Name, like.Schema, nil)
		}
		if after == nil {
			after = fork.NewTable(like.Name, like.Schema, nil)
		}
		changes := fork.Compare(before, after)
		same = same && len(changes) == 0
		if output == "json" {
			err = a.changesJSON(before, after, changes)
		} else {
			err = a.changesText(before, after, changes)
		}
		if err != nil {
			return same, err
		}
	}
	return same, nil
}

// shortName leaves the default catalog and database out of a name.
func shortName(name string) string {
	if rest, ok := strings.CutPrefix(name, "`default_catalog`.`default_database`."); ok {
		return strings.Trim(rest, "`")
	}
	return name
}

func (a *app) changesText(before, after *fork.Table, changes []fork.Change) error {
	what := "the same"
	if n := len(changes); n > 0 {
		if what = fmt.Sprintf("%d rows differ", n); n == 1 {
			what = "1 row differs"
		}
	}
	if _, err := fmt.Fprintf(a.out, "%s: %d %s, now %d: %s\n", shortName(before.Name), before.Rows(), plural(int64(before.Rows()), "row"), after.Rows(), what); err != nil {
		return err
	}
	if len(changes) == 0 {
		return nil
	}
	fmt.Fprintln(a.out, "  "+strings.Join(before.Schema.Names(), " | "))
	for _, c := range changes {
		sign := "-"
		if c.Added {
			sign = "+"
		}
		line := sign + " " + strings.Join(c.Cells, " | ")
		if c.Times > 1 {
			line += fmt.Sprintf("  (%d times)", c.Times)
		}
		if _, err := fmt.Fprintln(a.out, line); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) changesJSON(before, after *fork.Table, changes []fork.Change) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	for _, c := range changes {
		row, schema := map[string]string{}, before.Schema
		if c.Added {
			schema = after.Schema
		}
		for i, cell := range c.Cells {
			row[schema[i].Name] = cell
		}
		op := "-"
		if c.Added {
			op = "+"
		}
		if err := e.Encode(map[string]any{"table": shortName(before.Name), "op": op, "row": row, "times": c.Times}); err != nil {
			return err
		}
	}
	return nil
}

// compareWith is compareTape with the flags of the command line.
func (a *app) compareWith(ctx context.Context, t *trace.File, file string, seed uint64, output string, playback bool) error {
	switch {
	case playback:
		return failed(exitUsage, diag.New(diag.Config, "--until and --speed are for a replay, and --sql and --seed run anew").WithHint("leave one of them out"))
	case output != "" && output != "table" && output != "json":
		return failed(exitUsage, diag.New(diag.Config, "differences cannot be printed as %q", output).WithHint("table or json"))
	case file == "":
		return a.compareTape(ctx, t, text{}, seed, output)
	}
	other, err := a.readScript([]string{file})
	if err != nil {
		return err
	}
	return a.compareTape(ctx, t, other, seed, output)
}
