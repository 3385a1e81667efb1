package sqltest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/sql/parse"
)

// TestCompiledSuite compiles the INSERT of every section that has one and runs the
// plan: the section's result must come out. Queries of the others are compiled as
// INSERTs into a table of their columns and run, too; EXECUTE PLAN checks, node by node,
// that the plan is the one that was compiled. It takes one section in four, whose place
// the seed says; MINK_SQL=all and MINK_ALL take all.
func TestCompiledSuite(t *testing.T) {
	names, err := filepath.Glob("testdata/*.test")
	if err != nil {
		t.Fatal(err)
	}
	p, every := planned(t), 4
	if p.drawn < 0 {
		every = 1
	}
	compiled := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".test"), func(t *testing.T) {
			for i, s := range f.Sections {
				if s.Skip != "" || s.Form == Error || s.Form == Text || (i+int(p.seed%uint64(every)))%every != 0 {
					continue
				}
				c := *s
				last := lastStatement(s.SQL)
				switch {
				case s.Sink != nil && strings.HasPrefix(last, "INSERT INTO"):
					c.SQL = strings.TrimSuffix(s.SQL, last) + "COMPILE AND EXECUTE PLAN '${dir}/plan.json' FOR " + last
				case s.Sink == nil && (strings.HasPrefix(last, "SELECT") || strings.HasPrefix(last, "WITH")):
					c.SQL = strings.TrimSuffix(s.SQL, last) + "CREATE TABLE kept_plan WITH ('connector' = 'blackhole') AS " + last +
						";\nCOMPILE AND EXECUTE PLAN '${dir}/plan.json' FOR INSERT INTO kept_plan " + last
					c.Form, c.Want = OK, nil
				default:
					continue
				}
				compiled++
				t.Run(fmt.Sprintf("line%d", s.Line), func(t *testing.T) {
					ways, _ := variants(&c, rand.New(rand.NewPCG(1, 2)), 0)
					if len(ways) == 0 {
						return // no way to run it is certain
					}
					v := ways[0]
					got := v.run(t, &c, local)
					if code := diag.CodeOf(got.err); c.Form == OK && (strings.HasPrefix(got.place, "1:") || code == diag.DuplicateName || strings.Contains(c.SQL, "mink.late") || strings.Contains(c.SQL, "information_schema") ||
						strings.Contains(last, "--")) {
						return // its rows go into no table
					}
					if problem := c.check(v, got); problem != "" {
						t.Errorf("%s\n%s", indent(c.SQL), problem)
					}
				})
			}
		})
	}
	if compiled < 40 {
		t.Errorf("only %d plans were compiled", compiled)
	}
}

func lastStatement(sql string) string {
	items := parse.Script(sql)
	if len(items) == 0 || items[len(items)-1].Err != nil {
		return ""
	}
	return sql[items[len(items)-1].Span.Start:]
}

// TestPlanFile looks at the file's shape, edits a TTL and breaks it.
func TestPlanFile(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := engine.New(engine.Config{Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All()})
	if err != nil {
		t.Fatal(err)
	}
	client := gateway.Local(e)
	defer client.Close()
	session, err := client.OpenSession(ctx, map[string]string{"table.exec.state.ttl": "1 h"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(sql string) error {
		return (&runner{ctx: ctx, session: session, dir: dir}).script(sql).err
	}
	if err := run(`CREATE TABLE t (k INT, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '20', 'fields.k.min' = '1', 'fields.k.max' = '3');
		CREATE TABLE snk (k INT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'blackhole');
		COMPILE PLAN '${dir}/p.json' FOR INSERT INTO snk SELECT k, COUNT(*) FROM t GROUP BY k`); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "p.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		FlinkVersion string
		Nodes        []struct {
			ID            int
			Type          string
			Configuration map[string]string
			State         []struct {
				Index     int
				TTL, Name string
			}
			InputProperties []any
			OutputType      string
			Description     string
		}
		Edges []struct{ Source, Target int }
	}
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, n := range p.Nodes {
		types = append(types, n.Type)
	}
	// A scan, its columns, the aggregate in two phases around the exchange by key, the columns
	// of the sink, the sink.
	want := "stream-exec-table-source-scan_1 stream-exec-calc_1 stream-exec-local-group-aggregate_1 stream-exec-exchange_1 stream-exec-global-group-aggregate_1 stream-exec-calc_1 stream-exec-sink_1"
	if got := strings.Join(types, " "); got != want {
		t.Errorf("nodes %s, want %s", got, want)
	}
	if p.FlinkVersion == "" || len(p.Edges) != len(p.Nodes)-1 {
		t.Errorf("version %q, edges %v", p.FlinkVersion, p.Edges)
	}
	agg := p.Nodes[4]
	if len(agg.State) != 1 || agg.State[0].TTL != "3600000 ms" || agg.State[0].Name != "groupAggregateState" || agg.OutputType != "ROW<`k` INT, `EXPR$1` BIGINT NOT NULL>" {
		t.Errorf("the aggregate is %+v", agg)
	}
	edit := func(from, to string) {
		t.Helper()
		out := strings.Replace(string(text), from, to, 1)
		if out == string(text) {
			t.Fatalf("no %s in the plan", from)
		}
		if err := os.WriteFile(file, []byte(out), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	edit(`"ttl": "3600000 ms"`, `"ttl": "5 min"`)
	op, err := session.Execute(ctx, "EXECUTE PLAN '"+file+"'")
	if err != nil {
		t.Fatal(err)
	}
	if err := op.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	j, err := e.Jobs.Job(op.Job())
	if err != nil {
		t.Fatal(err)
	}
	var ttl int64
	for _, v := range j.Graph.Vertices {
		for _, n := range v.Nodes {
			ttl = max(ttl, n.TTL)
		}
	}
	if ttl != 300_000 {
		t.Errorf("the TTL of the job is %d ms, want 300000", ttl)
	}
	for _, c := range [][2]string{
		{`"minkPlanFormat": 1`, `"minkPlanFormat": 2`}, {`"minkPlanFormat"`, `"planFormat"`}, {`"ttl": "3600000 ms"`, `"ttl": "soon"`}, {`GROUP BY k`, `GROUP BY k, k + 1`}, {`COUNT(*)`, `MIN(v)`},
		{`"flinkVersion"`, `"version"`}, {`"id": 4`, `"id": 40`}, {`stream-exec-sink_1`, `stream-exec-sink_9`},
	} {
		edit(c[0], c[1])
		if err := run("EXECUTE PLAN '" + file + "'"); diag.CodeOf(err) != diag.InvalidQuery && diag.CodeOf(err) != diag.SchemaMismatch {
			t.Errorf("%s for %s: %v", c[1], c[0], err)
		}
	}
}
