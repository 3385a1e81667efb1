package nexmark_test

import (
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/testkit/measure"
	"github.com/minkstream/mink/testkit/nexmark"
)

var speedList = flag.Bool("speed.list", false, "print the speed of every operator")

// operatorFloor is the number of events a second and core, sources and all, below which
// no operator may fall: what goes row by row, with a look into a map and an object for
// each, comes to less.
const operatorFloor = 500_000

// timedOperator is a query that is little more than one operator over the bids (46 of 50
// events), the auctions (3) or rows of changes (as many as events).
type timedOperator struct {
	// op is the type of engine/plan, name what EXPLAIN calls it.
	op, name string
	sql      string
	set      string // "key=value; key=value"
	// floor, where it is not operatorFloor.
	floor float64
}

const windows = "DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)"

var timedOperators = []timedOperator{
	{op: "Calc", name: "Calc", sql: "SELECT auction, price * 2 FROM bid WHERE price > 100"},
	{op: "GroupAggregate", name: "GroupAggregate", sql: "SELECT auction, COUNT(*), SUM(price) FROM bid GROUP BY auction"},
	{op: "LocalGroupAggregate", name: "LocalGroupAggregate", sql: "SELECT channel, COUNT(*), SUM(price) FROM bid GROUP BY channel",
		set: "table.exec.mini-batch.enabled=true; table.exec.mini-batch.allow-latency=1 s; table.exec.mini-batch.size=5000; table.optimizer.agg-phase-strategy=TWO_PHASE"},
	{op: "Expand", name: "Expand", sql: "SELECT auction, bidder, COUNT(*) FROM bid GROUP BY GROUPING SETS ((auction), (bidder))"},
	{op: "Union", name: "Union", sql: "SELECT auction FROM bid UNION ALL SELECT id FROM auction"},
	{op: "Correlate", name: "Correlate", sql: "SELECT auction, x FROM bid CROSS JOIN UNNEST(ARRAY[price, bidder]) AS u (x)"},
	{op: "Join", name: "Join", sql: "SELECT b.price, a.category FROM bid b JOIN auction a ON b.auction = a.id"},
	{op: "MultiJoin", name: "MultiJoin", sql: "SELECT b.price, a.category, c.seller FROM bid b JOIN auction a ON b.auction = a.id JOIN auction c ON b.auction = c.id",
		set: "table.optimizer.multi-join.enabled=true"},
	{op: "IntervalJoin", name: "IntervalJoin",
		sql: "SELECT b.price, a.category FROM bid b JOIN auction a ON b.auction = a.id AND b.`dateTime` BETWEEN a.`dateTime` AND a.`dateTime` + INTERVAL '20' SECOND"},
	{op: "WindowJoin", name: "WindowJoin", sql: "SELECT b.price, a.category FROM (SELECT * FROM TABLE(TUMBLE(TABLE bid, " + windows + ")) b JOIN (SELECT * FROM TABLE(TUMBLE(TABLE auction, " + windows +
		")) a ON b.auction = a.id AND b.window_start = a.window_start AND b.window_end = a.window_end"},
	{op: "TemporalJoin", name: "TemporalJoin", sql: "SELECT b.price, a.category FROM bid b JOIN versions FOR SYSTEM_TIME AS OF b.`dateTime` AS a ON b.auction = a.id"},
	{op: "LookupJoin", name: "LookupJoin", sql: "SELECT b.price, s.`value` FROM bid_now b JOIN side_input FOR SYSTEM_TIME AS OF b.taken AS s ON MOD(b.auction, 10000) = s.`key`"},
	{op: "SnapshotJoin", name: "LateralSnapshotJoin", sql: "SELECT b.price, a.category FROM bid b JOIN LATERAL TABLE(SNAPSHOT(input => TABLE auction)) AS a ON b.auction = a.id"},
	{op: "OverAggregate", name: "OverAggregate", sql: "SELECT auction, SUM(price) OVER (PARTITION BY auction ORDER BY `dateTime`) FROM bid"},
	{op: "Rank", name: "Rank", sql: "SELECT auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS n FROM bid) WHERE n <= 3"},
	{op: "Deduplicate", name: "Deduplicate", sql: "SELECT auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY `dateTime` DESC) AS n FROM bid) WHERE n = 1"},
	{op: "WindowTopN", name: "WindowRank",
		sql: "SELECT auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, auction ORDER BY price DESC) AS n FROM TABLE(TUMBLE(TABLE bid, " + windows + ")) WHERE n <= 3"},
	{op: "WindowDedup", name: "WindowDeduplicate",
		sql: "SELECT auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, auction ORDER BY window_time DESC) AS n FROM TABLE(TUMBLE(TABLE bid, " + windows + ")) WHERE n = 1"},
	{op: "WindowTVF", name: "WindowTableFunction", sql: "SELECT auction, window_start FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '10' SECOND))"},
	{op: "WindowAggregate", name: "WindowAggregate", sql: "SELECT auction, window_start, COUNT(*), SUM(price) FROM TABLE(TUMBLE(TABLE bid, " + windows + ") GROUP BY auction, window_start, window_end"},
	{op: "GroupWindowAggregate", name: "GroupWindowAggregate", sql: "SELECT auction, COUNT(*), SUM(price) FROM bid GROUP BY auction, TUMBLE(`dateTime`, INTERVAL '10' SECOND)"},
	{op: "Match", name: "Match", sql: "SELECT * FROM bid MATCH_RECOGNIZE (PARTITION BY auction ORDER BY `dateTime` MEASURES A.price AS a, LAST(C.price) AS c AFTER MATCH SKIP PAST LAST ROW " +
		"PATTERN (A B+ C) DEFINE B AS B.price > A.price, C AS C.price < A.price) AS m"},
	{op: "TemporalSort", name: "TemporalSort", sql: "SELECT auction, price FROM bid ORDER BY `dateTime`, price"},
	{op: "Sort", name: "Sort", sql: "SELECT auction, price FROM bid ORDER BY price, auction", set: "execution.runtime-mode=batch"},
	{op: "SortLimit", name: "SortLimit", sql: "SELECT auction, price FROM bid ORDER BY price DESC LIMIT 100"},
	{op: "Limit", name: "Limit", sql: "SELECT auction, price FROM bid LIMIT 1000000"},
	{op: "ToChangelog", name: "ProcessTableFunction", sql: "SELECT * FROM TO_CHANGELOG(input => TABLE changes)"},
	{op: "FromChangelog", name: "ProcessTableFunction", sql: "SELECT * FROM FROM_CHANGELOG(input => TABLE ops)"},
	{op: "ChangelogNormalize", name: "ChangelogNormalize", sql: "SELECT v, COUNT(*) FROM upserts GROUP BY v"},
	{op: "DropUpdateBefore", name: "DropUpdateBefore", sql: "INSERT INTO latest SELECT k, v FROM retracts"},
	{op: "SinkMaterializer", name: "SinkMaterializer", sql: "INSERT INTO latest SELECT k, v FROM changes", set: "table.exec.sink.upsert-materialize=FORCE"},
}

// untimed are the operators of engine/plan that no query here is for, and why.
var untimed = map[string]string{
	"Scan": "in every query", "Sink": "in every query", "Collect": "the end of a query whose rows are shown; their printing is what takes time",
	"Exchange": "a benchmark of its own in engine/flow", "Values": "rows of the statement itself",
	"Predict": "waits for a model", "Process": "runs functions of users; benchmarks of its own in engine/exec and connectors/udf",
}

// timedViews are what the queries read beside the views of Nexmark.
var timedViews = []string{
	"CREATE VIEW versions AS SELECT id, category, `dateTime` FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY `dateTime` DESC) AS n FROM auction) WHERE n = 1",
	"CREATE VIEW changes AS SELECT auction AS k, COUNT(*) AS v FROM bid GROUP BY auction",
	"CREATE VIEW ops AS SELECT 'INSERT' AS op, auction AS k, price AS v FROM bid",
	"CREATE TABLE latest (k BIGINT PRIMARY KEY NOT ENFORCED, v BIGINT) WITH ('connector' = 'filesystem', 'path' = '/latest', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UA,D')",
	"CREATE TABLE retracts (k BIGINT PRIMARY KEY NOT ENFORCED, v BIGINT) WITH ('connector' = 'filesystem', 'path' = '/upserts.json', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UB,UA,D')",
	"CREATE TABLE upserts (k BIGINT PRIMARY KEY NOT ENFORCED, v BIGINT) WITH ('connector' = 'filesystem', 'path' = '/upserts.json', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UA,D')",
}

// rate runs the query over so many events, in one task each, and gives events by second
// of CPU time. The plan must have the operator.
func (o timedOperator) rate(t *testing.T, events int64) float64 {
	t.Helper()
	disk := env.NewMemDisk()
	q, _ := nexmark.Find("q13")
	side := filepath.Join("/", "side.csv")
	writeMem(t, disk, side, nexmark.SideInput())
	writeMem(t, disk, "/upserts.json", upserts(int(events)))
	e := env.OS("")
	e.Disk = disk
	eng, err := engine.New(engine.Config{Env: e, Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	s := eng.NewSession()
	run := func(sql string) *engine.Result {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		res, err := s.Execute(ctx, sql)
		if err == nil && res.Job != nil {
			err = res.Job.Wait(ctx)
		}
		if err != nil {
			t.Fatal(show(sql, err))
		}
		return res
	}
	list := q.Statements(nexmark.Options{
		Source: map[string]string{"events.num": fmt.Sprint(events), "materialize": "projected"}, Side: nexmark.SideTable(side),
	})
	list = append(append(list[:len(list)-2:len(list)-2], view(t, "auction")), timedViews...)
	for _, sql := range list {
		run(clean(sql))
	}
	for _, kv := range strings.Split(o.set, ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(kv), "="); ok {
			if err := s.Set(key, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	explained := run("EXPLAIN " + o.sql).Rows
	plan := string(explained.Cols[0].Bytes(0, new([12]byte)))
	if !strings.Contains(plan, o.name+"(") {
		t.Errorf("there is no %s in its plan\n%s", o.name, plan)
	}
	sql := o.sql
	if !strings.HasPrefix(sql, "INSERT") {
		sql = "CREATE TABLE given WITH ('connector' = 'blackhole') AS " + sql
	}
	from := measure.CPU()
	run(sql)
	return float64(events) / (measure.CPU() - from).Seconds()
}

func view(t *testing.T, name string) string {
	t.Helper()
	q, _ := nexmark.Find("q3")
	for _, s := range q.Statements(nexmark.Options{}) {
		if strings.HasPrefix(s, "CREATE VIEW "+name+" ") {
			return s
		}
	}
	t.Fatalf("no view %s", name)
	return ""
}

func writeMem(t *testing.T, d env.Disk, name string, data []byte) {
	t.Helper()
	f, err := d.Create(name)
	if err == nil {
		if _, err = f.Write(data); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// upserts are n lines of changes to a thousand keys.
func upserts(n int) []byte {
	var b []byte
	for i := range n {
		b = fmt.Appendf(b, "{\"op\":\"+U\",\"row\":{\"k\":%d,\"v\":%d}}\n", i*7919%1000, i%50)
	}
	return b
}

// planOperators finds the types of engine/plan that are operators.
func planOperators(t *testing.T) []string {
	t.Helper()
	dir := "../../engine/plan"
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		if !strings.HasPrefix(file.Name(), "node_") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, file.Name()), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == "Name" {
				out = append(out, fn.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name)
			}
		}
	}
	if len(out) < 30 {
		t.Fatalf("only %v are operators: the search is broken", out)
	}
	return out
}

// TestOperatorSpeed times every operator of a plan: none may be so slow that it goes row
// by row, and none is without a query. A busy machine does not fail it: CPU time counts, and
// the best of several runs. -speed.list prints all of them.
func TestOperatorSpeed(t *testing.T) {
	for _, op := range planOperators(t) {
		timed := slices.ContainsFunc(timedOperators, func(o timedOperator) bool { return o.op == op })
		if _, not := untimed[op]; timed == not {
			t.Errorf("operator %s has no query in timedOperators and no reason in untimed, or both", op)
		}
	}
	events, share := int64(50_000), 0.2 // a glance
	if all || *speedList {
		events, share = 1_000_000, 1
	}
	lines := map[string]float64{}
	for _, o := range timedOperators {
		t.Run(o.op, func(t *testing.T) {
			floor := o.floor
			if floor == 0 {
				floor = operatorFloor
			}
			best := o.rate(t, events)
			for round := 0; best < floor*share && round < 5; round++ {
				best = max(best, o.rate(t, events))
			}
			if best < floor*share {
				t.Errorf("%.2f M events/s, below %.2f", best/1e6, floor*share/1e6)
			}
			lines[o.op] = best
		})
	}
	names := make([]string, 0, len(lines))
	for op := range lines {
		names = append(names, op)
	}
	sort.Slice(names, func(i, j int) bool { return lines[names[i]] < lines[names[j]] })
	for _, op := range names {
		if *speedList {
			fmt.Printf("%7.2f M events/s and core  %s\n", lines[op]/1e6, op)
		}
	}
	t.Logf("%d operators, the slowest %s with %.2f M events/s", len(names), names[0], lines[names[0]]/1e6)
}
