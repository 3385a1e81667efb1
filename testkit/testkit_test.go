package testkit_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/minkstream/mink/testkit"
)

const pairs = `
CREATE TABLE a (k INT, x INT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE b (k INT, y INT) WITH ('connector' = 'kafka', 'format' = 'debezium-json');
SELECT a.k, x, y FROM a JOIN b ON a.k = b.k;`

// TestTable is a table of cases, as users write them.
func TestTable(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(j *testkit.Job)
		want []testkit.Arg
	}{
		{"no partner", func(j *testkit.Job) { j.Given("a", testkit.Row{1, 10}) }, nil},
		{"a partner", func(j *testkit.Job) { j.Given("a", testkit.Row{1, 10}).Given("b", testkit.Row{1, 7}) }, []testkit.Arg{testkit.Row{1, 10, 7}}},
		{"taken back", func(j *testkit.Job) {
			j.Given("b", testkit.Row{1, 7}).Given("a", testkit.Row{1, 10}).Given("b", testkit.Delete(1, 7))
		}, nil},
		{"a split of its own, after a crash", func(j *testkit.Job) {
			j.Given("a", testkit.Row{1, 10}).Checkpoint().GivenSplit("b", 1, testkit.Row{1, nil}).Fault("power").Restore(2)
		}, []testkit.Arg{testkit.Row{1, 10, nil}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := testkit.OpenSQL(t, pairs)
			c.do(j)
			j.ExpectTable("", c.want...).Check(testkit.Schedules(4))
		})
	}
}

// TestTells: what does not hold is told, and once only.
func TestTells(t *testing.T) {
	var out bytes.Buffer
	p := testkit.NewPrinter(&out)
	defer p.Close()
	j := testkit.OpenSQL(p, pairs)
	j.Given("a", testkit.Row{1, 10}).Given("b", testkit.Row{1, 7}, testkit.UpdateBefore(1, 7), testkit.UpdateAfter(1, 8))
	j.ExpectChanges("", testkit.Row{1, 10, 7}, testkit.Delete(1, 10, 7), testkit.Row{1, 10, 9})
	if got := out.String(); !strings.Contains(got, "- +I | 1 | 10 | 9") || !strings.Contains(got, "\n    +I | 1 | 10 | 7\n") {
		t.Errorf("%s", got)
	}
	out.Reset()
	j.ExpectChanges("").ExpectTable("", testkit.Row{1, 10, 8})
	if out.Len() > 0 {
		t.Errorf("%s", out.String())
	}
}

// TestFails: a job that fails says so to who expects it, and ends the test of who does not.
func TestFails(t *testing.T) {
	var out bytes.Buffer
	p := testkit.NewPrinter(&out)
	defer p.Close()
	const divides = `CREATE TABLE t (a INT) WITH ('connector' = 'kafka', 'format' = 'json'); SELECT 1 / a AS x FROM t;`
	testkit.OpenSQL(p, divides).Given("t", testkit.Row{0}).ExpectError("division-by-zero")
	if out.Len() > 0 {
		t.Errorf("%s", out.String())
	}
	for name, f := range map[string]func(){
		"failed":   func() { testkit.OpenSQL(p, divides).Given("t", testkit.Row{0}).ExpectTable("") },
		"no table": func() { testkit.OpenSQL(p, divides).Given("u", testkit.Row{0}) },
		"no value": func() { testkit.OpenSQL(p, divides).Given("t", testkit.Row{"x"}) },
		"no plan":  func() { testkit.OpenSQL(p, "SELECT b FROM t;") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the test goes on", name)
				}
			}()
			f()
		}()
	}
}
