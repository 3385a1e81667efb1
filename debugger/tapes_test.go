package debugger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/types"
)

// TestTapesOfJobs: each job of an engine has a tape of its own, whose script is made of what
// the job was planned of: views that resolve names elsewhere, other catalogs, functions,
// statement sets, settings. Whoever opens it needs nothing of the engine, nor
// of where the rows came from.
//
// shows mink.tape.ring.embed
func TestTapesOfJobs(t *testing.T) {
	e := env.OS("")
	e.Disk = env.NewMemDisk()
	c := config(e)
	var said []string
	c.Tapes, c.Log = &engine.Tapes{Bytes: 32 << 20, KeptBytes: 64 << 20}, func(text string) { said = append(said, text) }
	eng, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	client := gateway.Local(eng)
	defer client.Close()
	s, err := client.OpenSession(ctx, map[string]string{"mink.tape.ring.embed": "true"})
	if err != nil {
		t.Fatal(err)
	}
	const numbers = `CREATE TABLE %s (n BIGINT) WITH ('connector'='datagen', 'rows-per-second'='20000', 'fields.n.kind'='sequence', 'fields.n.start'='1', 'fields.n.end'='100000000')`
	ids := map[string]string{}
	for _, x := range [][2]string{
		{"", strings.ReplaceAll(numbers, "%s", "numbers")},
		{"", "CREATE TABLE sums (k BIGINT, s BIGINT) WITH ('connector'='blackhole')"},
		{"", "CREATE CATALOG other WITH ('type'='generic_in_memory')"},
		{"", "CREATE DATABASE other.`a b`"},
		{"", "USE other.`a b`"},
		{"", strings.ReplaceAll(numbers, "%s", "inner_numbers")},
		{"", "CREATE VIEW evens AS SELECT n, n * 2 AS d FROM inner_numbers WHERE MOD(n, 2) = 0"},
		{"", "USE CATALOG default_catalog"},
		{"", "CREATE TEMPORARY VIEW twice AS SELECT n, d FROM other.`a b`.evens WHERE d > 0"},
		{"plain", "INSERT INTO sums SELECT MOD(n, 5), SUM(n) FROM numbers GROUP BY MOD(n, 5)"},
		{"view", "INSERT INTO sums SELECT MOD(n, 5), SUM(d) FROM twice GROUP BY MOD(n, 5)"},
		{"set", "EXECUTE STATEMENT SET BEGIN INSERT INTO sums SELECT n, n FROM numbers; INSERT INTO sums SELECT n, COUNT(*) FROM numbers GROUP BY n; END"},
		{"query", "SELECT MOD(n, 3), MAX(n) FROM numbers GROUP BY MOD(n, 3)"},
		{"", "SET 'parallelism.default' = '2'"},
		{"", "SET 'table.exec.state.ttl' = '1 h'"},
		{"settings", "INSERT INTO sums SELECT MOD(n, 5), SUM(n) FROM numbers GROUP BY MOD(n, 5)"},
	} {
		op, err := s.Execute(ctx, x[1])
		if err != nil {
			t.Fatalf("%s: %v", x[1], err)
		}
		if x[0] != "" {
			ids[x[0]] = op.Job()
		}
	}
	if len(said) > 0 {
		t.Errorf("the log says %q", said)
	}
	for name, id := range ids {
		var l *debugger.Live
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			empty := config(env.OS(""))
			empty.Env.Disk = env.NewMemDisk()
			if l, err = debugger.Attach(ctx, client, id, empty, nil); err == nil {
				if _, err = l.Job.Seek(ctx, debugger.AtEnd); err == nil && l.Job.Position().Step > 20 {
					break
				}
				_ = l.Close()
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %v", name, err)
			}
		}
		rows := int64(0)
		tasks, err := l.Job.Tasks()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, x := range tasks {
			for _, op := range x.Ops {
				rows += op.RowsIn
			}
		}
		if rows == 0 {
			t.Errorf("%s: no row came", name)
		}
		if err := l.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	l, err := debugger.AttachTo(ctx, eng, ids["view"])
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, st := range l.Statements {
		texts = append(texts, st.Text)
	}
	if all := strings.Join(texts, "\n"); !strings.Contains(all, "USE `other`.`a b`") || !strings.Contains(all, "inner_numbers") || strings.Contains(all, "TABLE `numbers`") {
		t.Errorf("the script is\n%s", all)
	}
	_ = l.Close()
	tape, num, err := client.Tape(ctx, ids["plain"])
	if err != nil {
		t.Fatal(err)
	}
	a := tape.Manifest.Jobs[num].Attempts
	rows, err := tape.Rows(num, a[len(a)-1].N, 0, types.Schema{{Name: "n", Type: types.BigIntT}})
	if err == nil {
		err = rows.Next(&batch.Batch{})
	}
	if err != nil {
		t.Errorf("rows of the source on the tape: %v", err)
	}
	_ = tape.Close()
	if err := client.Cancel(ctx, ids["plain"]); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, _, err = eng.Tape(ids["plain"])
		if diag.CodeOf(err) == diag.NotFound {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the tape of a job that has ended: %v", err)
		}
	}
	if _, _, err := eng.Tape("nope"); diag.CodeOf(err) != diag.NotFound {
		t.Errorf("%v", err)
	}
}
