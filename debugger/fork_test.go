package debugger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/debugger"
)

// forked makes a fork with edits at a place and compares it with the unchanged future.
func forked(t *testing.T, j *debugger.Job, at string, edits ...string) *debugger.Difference {
	t.Helper()
	target, err := debugger.ParseTarget(at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Seek(ctx, target); err != nil {
		t.Fatal(err)
	}
	b, err := j.Fork("edited")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range edits {
		e := debugger.Edit{Kind: debugger.EditSQL, Script: text}
		if !strings.Contains(text, "INSERT INTO") {
			if e, err = debugger.ParseEdit(text); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Edit(ctx, e); err != nil {
			t.Fatal(text, err)
		}
	}
	a := b.Unchanged("tape")
	d, err := j.Diff(ctx, a, b)
	if err != nil {
		t.Fatal(err)
	}
	if d.FailedA+d.FailedB != "" {
		t.Fatal(d.FailedA, d.FailedB)
	}
	return d
}

// changes are those of the final table of an output.
func changes(d *debugger.Difference) string {
	var out []string
	for _, o := range d.Outputs {
		for _, c := range o.Final.Changes {
			sign := "-"
			if c.Added {
				sign = "+"
			}
			out = append(out, sign+strings.Join(c.Cells, "|"))
		}
	}
	return sorted(strings.Join(out, " "))
}

func sorted(text string) string {
	words := strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, " -", "\n-"), " +", "\n+"), "\n")
	slices.Sort(words)
	return strings.Join(words, " ")
}

const sumDDL = `CREATE TABLE sums (sku STRING, total DECIMAL(38,2), n BIGINT, PRIMARY KEY (sku) NOT ENFORCED) WITH ('connector'='blackhole')`
const sumSQL = `INSERT INTO sums SELECT sku, SUM(amt), COUNT(*) FROM orders WHERE amt > 0 GROUP BY sku`

// The files' sums: A-17 has 10 + 21 + 12.50 + 5 = 48.50 of 4 orders, B-02 8 + 3 + 4 = 15 of
// 3, C-09 nothing above 0.
func TestFork(t *testing.T) {
	settings := map[string]string{"mink.exec.batch-rows": "2"} // orders 1 2, 3 4, 5 6, 7 8 a poll
	d := open(t, map[string]string{"/in/orders.csv": ordersCSV(orders)}, settings, ordersDDL, sumDDL, sumSQL)
	defer d.Close()
	for _, c := range []struct {
		name, at string
		edits    []string
		want     string
	}{
		{"nothing", "orders/0@4", nil, ""},
		{"a record", "orders/0@4", []string{"record orders/0@6 SET amt = 30"}, "-B-02|15.00|3 +B-02|42.00|3"},
		{"by its value", "orders/0@4", []string{"record orders/0@6 SET amt = amt * 2, sku = 'C-09'"}, "-B-02|15.00|3 +B-02|12.00|2 +C-09|6.00|1"},
		{"dropped", "orders/0@4", []string{"record orders/0@7 DROP"}, "-A-17|48.50|4 +A-17|43.50|3"},
		{"a record more", "orders/0@4", []string{"insert orders/0@7 VALUES (70, 'C-09', 1.25, TIMESTAMP '2026-08-22 11:55:00')"}, "+C-09|1.25|1"},
		{"two at once", "orders/0@2", []string{"record orders/0@5 DROP", "record orders/0@6 DROP"}, "-A-17|48.50|4 +A-17|36.00|3 -B-02|15.00|3 +B-02|12.00|2"},
		{"from before", "orders/0@8", []string{"record orders/0@3 DROP"}, "-A-17|48.50|4 +A-17|27.50|3"},
		{"state", "orders/0@6", []string{"state GroupAggregate SET EXPR$1 = 100, EXPR$2 = 1 WHERE sku = 'B-02'"}, "-B-02|15.00|3 +B-02|104.00|2"},
		{"state is gone", "orders/0@6", []string{"state GroupAggregate DROP WHERE sku = 'A-17'"}, "-A-17|48.50|4 +A-17|5.00|1"},
		{"the script", "orders/0@6", []string{ordersDDL + ";" + sumDDL + ";" + strings.Replace(sumSQL, "amt > 0", "amt > 4", 1)}, "-B-02|15.00|3 +B-02|11.00|2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := forked(t, d.Jobs[0], c.at, c.edits...)
			if got := changes(d); got != sorted(c.want) {
				t.Errorf("the futures differ by %q, wanted %q\n%+v", got, c.want, d)
			}
		})
	}
}

// Order 7 is 55 s behind the watermark that order 6 brings, and so late.
func TestForkWatermark(t *testing.T) {
	settings := map[string]string{"mink.exec.batch-rows": "2"}
	d := open(t, map[string]string{"/in/orders.csv": ordersCSV(orders)}, settings, ordersDDL, revenueDDL, revenueSQL)
	defer d.Close()
	for _, c := range []struct{ name, at, edit, want string }{
		{"later", "orders/0@2", "watermark orders DELAY 10m", "-A-17|2026-08-22 11:54:00.000|2026-08-22 11:55:00.000|43.50 +A-17|2026-08-22 11:54:00.000|2026-08-22 11:55:00.000|48.50"},
		// From order 3 on all is behind 11:57 and late; the first two are in the state.
		{"at once", "orders/0@2", "watermark orders 11:57", "+A-17|2026-08-22 11:54:00.000|2026-08-22 11:55:00.000|10.00 -A-17|2026-08-22 11:54:00.000|2026-08-22 11:55:00.000|43.50 -B-02|2026-08-22 11:55:00.000|2026-08-22 11:56:00.000|3.00 -B-02|2026-08-22 11:56:00.000|2026-08-22 11:57:00.000|4.00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := changes(forked(t, d.Jobs[0], c.at, c.edit)); got != sorted(c.want) {
				t.Errorf("the futures differ by\n%s\nwanted\n%s", got, c.want)
			}
		})
	}
}

// What a changed script keeps of the state behind order 6: one group of A-17, one of B-02.
func TestAgainst(t *testing.T) {
	settings := map[string]string{"mink.exec.batch-rows": "2"}
	d := open(t, map[string]string{"/in/orders.csv": ordersCSV(orders)}, settings, ordersDDL, sumDDL, sumSQL)
	defer d.Close()
	j := d.Jobs[0]
	target, err := debugger.ParseTarget("orders/0@6")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Seek(ctx, target); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, sql, want string }{
		{"the same", sumSQL, "GroupAggregate kept 2/2"},
		{"another filter", strings.Replace(sumSQL, "amt > 0", "amt > 4", 1), "GroupAggregate kept 2/2"},
		{"an operator more before it", strings.Replace(sumSQL, "FROM orders", "FROM (SELECT DISTINCT sku, amt FROM orders) AS orders", 1), "GroupAggregate new 0/0, GroupAggregate kept 2/2"},
		{"another aggregate", strings.Replace(sumSQL, "SUM(amt)", "MAX(amt)", 1), "GroupAggregate lost 0/2"},
		{"another argument", strings.Replace(sumSQL, "SUM(amt)", "SUM(amt + 1)", 1), "GroupAggregate partial 2/2"},
		{"another key", strings.Replace(sumSQL, "SELECT sku, SUM(amt), COUNT(*) FROM orders WHERE amt > 0 GROUP BY sku", "SELECT CAST(id AS STRING), SUM(amt), COUNT(*) FROM orders WHERE amt > 0 GROUP BY id", 1), "GroupAggregate lost 0/2"},
		{"no aggregate", "INSERT INTO sums SELECT sku, CAST(amt AS DECIMAL(38,2)), id FROM orders", " lost 0/2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := j.Against(ctx, ordersDDL+";"+sumDDL+";"+c.sql)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range m.Operators {
				name, _, _ := strings.Cut(strings.TrimPrefix(o.Operator, "Global"), "[")
				if name != "GroupAggregate" && name != "" {
					continue // what the sink needs
				}
				got = append(got, fmt.Sprintf("%s %s %d/%d", name, o.State, o.Has, o.Had))
			}
			if have := strings.Join(got, ", "); have != c.want {
				t.Errorf("%s, wanted %s\n%+v", have, c.want, m.Operators)
			}
		})
	}
}

// A change that does not fit says why, and the fork stays as it was.
func TestEditMistakes(t *testing.T) {
	j := revenue(t)
	seek(t, j, "out=revenue#1")
	f, err := j.Fork("f")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"record orders/0@99 SET amt = 3":             "the tape has no orders/0@99",
		"insert orders/0@9 VALUES (1, 'a', 2, NULL)": "the tape has no orders/0@9",
		"record orders/3@1 DROP":                     "orders has no split 3",
		"record orders/0@7 SET amount = 3":           `no column "amount" in orders`,
		"record revenue/0@1 DROP":                    "is no source",
		"insert orders/0@7 VALUES (1, 'a')":          "2 values for 4 columns",
		"watermark revenue 11:56":                    "is no source",
		"state Nothing DROP":                         "no operator",
	} {
		e, err := debugger.ParseEdit(text)
		if err == nil {
			err = f.Edit(ctx, e)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, wanted %q", text, err, want)
		}
	}
	if len(f.Edits) > 0 {
		t.Errorf("the fork has %+v", f.Edits)
	}
	for _, bad := range []string{"", "record", "record orders/0@1 SET", "record orders/0@1 SET amt", "insert orders/0@1 (1)", "watermark orders soon", "watermark orders DELAY x", "paint it"} {
		if e, err := debugger.ParseEdit(bad); err == nil {
			t.Errorf("%q is taken for %+v", bad, e)
		}
	}
}
