package harness

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
)

const everyType = `
CREATE TABLE g (
  id INT, t TIMESTAMP(3), b BOOLEAN, ti TINYINT, si SMALLINT, i INT, bi BIGINT, f FLOAT, d DOUBLE,
  dec1 DECIMAL(10, 2), dec2 DECIMAL(3, 3), dec3 DECIMAL(38, 0), c CHAR(3), v VARCHAR(2), s STRING, bin BYTES,
  da DATE, tm TIME, ts TIMESTAMP(6), lt TIMESTAMP_LTZ(3), n INT NOT NULL, big BIGINT,
  r ROW<a INT, b STRING>, a ARRAY<INT>, m MAP<STRING, DOUBLE>, iv INTERVAL DAY,
  WATERMARK FOR t AS t - INTERVAL '5' SECOND
) WITH ('connector' = 'kafka', 'format' = 'json');
SELECT * FROM g;
`

// given are the rows that a step gives, and the world they are for.
func given(t *testing.T, sql string, steps ...Step) []*Give {
	t.Helper()
	w, err := newWorld(&Case{Scripts: []Source{{Text: sql}}}, &Options{}, shape{parallelism: 1, exact: true})
	if err != nil || w.failed != nil {
		t.Fatal(err, w.failed)
	}
	defer w.close()
	list, err := w.generated(steps, DefaultStart, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []*Give
	for _, s := range list {
		g := s.(*Give)
		in, _ := w.source(Place{}, g.Table)
		if _, err := w.rows(g, in, g.Rows); err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out
}

func generate(table string, rows int) *Generate {
	return &Generate{Table: table, Rows: rows, Every: time.Second, Keys: 4, Nulls: 5, Edges: 5}
}

func column(list []*Give, i int) []string {
	var out []string
	for _, g := range list {
		for _, r := range g.Rows {
			text := r.Cells[i].Text
			if r.Cells[i].Null {
				text = "NULL"
			}
			out = append(out, text)
		}
	}
	return out
}

// TestGenerateTypes: values of all types can be read, NULLs and edges are among them, none
// where a column is NOT NULL, and most values come again.
func TestGenerateTypes(t *testing.T) {
	g := generate("g", 2000)
	list := given(t, everyType, g)
	for i, want := range map[int][]string{
		0: {"NULL", "2147483647", "-2147483648"}, 2: {"NULL", "true", "false"}, 3: {"127"}, 6: {"-9223372036854775808"}, 9: {"99999999.99", "-99999999.99", "0.01"},
		10: {"0.999", "0.001"}, 11: {strings.Repeat("9", 38)}, 12: {"", "€"}, 14: {"it's", "a|b", "𝄞", "k0", "k3"}, 16: {"0001-01-01"}, 22: {"NULL"},
	} {
		have := column(list, i)
		for _, w := range want {
			if !slices.Contains(have, w) {
				t.Errorf("column %d has no %q", i, w)
			}
		}
	}
	if slices.Contains(column(list, 20), "NULL") {
		t.Error("NULL in a column that is NOT NULL")
	}
	count := map[string]int{}
	for _, x := range column(list, 14) {
		count[x]++
	}
	if n := count["k0"] + count["k1"] + count["k2"] + count["k3"]; n < 1600 || n > 1900 {
		t.Errorf("%d of 2000 texts are keys, which should be 90 %%", n)
	}
	again := given(t, everyType, g)
	if !reflect.DeepEqual(list, again) {
		t.Error("the same seed gives other rows")
	}
	g.Seed = 2
	if reflect.DeepEqual(column(list, 5), column(given(t, everyType, g), 5)) {
		t.Error("another seed gives the same rows")
	}
}

// TestGenerateTimes: event time goes on by a second a row, and no row is older than the
// bound; some are out of order.
func TestGenerateTimes(t *testing.T) {
	g := generate("g", 500)
	g.Lateness = 5 * time.Second
	back := 0
	var newest time.Time
	for i, text := range column(given(t, everyType, g), 1) {
		at, err := time.Parse("2006-01-02 15:04:05.000", text)
		if err != nil {
			t.Fatal(err)
		}
		if due := DefaultStart.Add(time.Duration(i) * time.Second); at.After(due) || at.Before(due.Add(-5*time.Second)) {
			t.Fatalf("row %d is at %s", i, text)
		}
		if at.Before(newest) {
			back++
		} else {
			newest = at
		}
	}
	if back < 100 {
		t.Errorf("%d rows of 500 are out of order", back)
	}
}

// TestGenerateColumns: a column is drawn from what is said.
func TestGenerateColumns(t *testing.T) {
	g := generate("g", 300)
	g.Columns = []GenerateColumn{
		{Name: Cell{Text: "i"}, Values: cells("7", "8", "NULL")},
		{Name: Cell{Text: "dec1"}, Low: Cell{Text: "-1.50"}, High: Cell{Text: "2"}},
		{Name: Cell{Text: "big"}, Time: true},
	}
	list := given(t, everyType, g)
	seen := slices.Compact(slices.Sorted(slices.Values(column(list, 5))))
	if !slices.Equal(seen, []string{"7", "8", "NULL"}) {
		t.Error(seen)
	}
	low, high := 9.0, -9.0
	for _, x := range column(list, 9) {
		var f float64
		if _, err := fmt.Sscan(x, &f); err != nil {
			t.Fatal(x, err)
		}
		low, high = min(low, f), max(high, f)
	}
	if low < -1.5 || low > -1.4 || high > 2 || high < 1.9 {
		t.Error(low, high)
	}
	if x := column(list, 21)[3]; x != fmt.Sprint(DefaultStart.UnixMilli()+3000) {
		t.Error(x)
	}
}

// TestGenerateChanges: a table of changes is given those that its rows allow: an insert of
// a key that is not there, and updates and deletes of the row that stands.
func TestGenerateChanges(t *testing.T) {
	for format, before := range map[string]bool{"debezium-json": true, "upsert": false} {
		with := "'connector' = 'kafka', 'format' = 'debezium-json'"
		if !before {
			with = "'connector' = 'upsert-kafka', 'key.format' = 'json', 'value.format' = 'json'"
		}
		list := given(t, "CREATE TABLE u (k INT, x STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ("+with+"); SELECT * FROM u;", generate("u", 400))
		stands := map[string]string{}
		kinds := map[batch.Kind]int{}
		for _, g := range list {
			for _, r := range g.Rows {
				kinds[r.Kind]++
				k, x := r.Cells[0].Text, fmt.Sprint(r.Cells[1].Text, r.Cells[1].Null)
				old, there := stands[k]
				switch r.Kind {
				case batch.Insert:
					if there {
						t.Fatalf("%s: +I of key %s, which stands", format, k)
					}
					stands[k] = x
				case batch.UpdateAfter:
					if there == before { // -U took it away
						t.Fatalf("%s: +U of key %s", format, k)
					}
					stands[k] = x
				case batch.UpdateBefore, batch.Delete:
					if !there || old != x {
						t.Fatalf("%s: %s of key %s is not the row that stands", format, r.Kind, k)
					}
					delete(stands, k)
				}
			}
		}
		if kinds[batch.Insert] == 0 || kinds[batch.UpdateAfter] == 0 || kinds[batch.Delete] == 0 || (kinds[batch.UpdateBefore] > 0) != before {
			t.Error(format, kinds)
		}
	}
}

// TestGenerateMeet: tables that are generated side by side give rows in turns, in the order
// of their times.
func TestGenerateMeet(t *testing.T) {
	turns := 0
	var last string
	for _, g := range given(t, planted, generate("a", 200), generate("b", 200)) {
		if g.Table != last {
			turns, last = turns+1, g.Table
		}
	}
	if turns < 20 {
		t.Errorf("%d turns", turns)
	}
}
