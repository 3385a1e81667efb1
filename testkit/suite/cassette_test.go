package suite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/testkit/cassette"
	"github.com/minkstream/mink/testkit/harness"
	"github.com/minkstream/mink/testkit/linear"
	"github.com/minkstream/mink/testkit/lookup"
)

// askedJob asks a model and a table. 2*a + 1, by a table of names.
const askedJob = `CREATE TABLE t (k INT, a DOUBLE, pt AS PROCTIME()) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE names (id INT, name STRING) WITH ('connector' = 'model-lookup', 'rows' = '1,Anna;2,Bert');
CREATE MODEL score INPUT (x DOUBLE) OUTPUT (y DOUBLE) WITH ('provider' = 'linear', 'weights' = '2', 'bias' = 'BIAS');
CREATE VIEW scored AS SELECT k, y, pt FROM ML_PREDICT(TABLE t, MODEL score, DESCRIPTOR(a));
SELECT s.k, s.y, n.name FROM scored s LEFT JOIN names FOR SYSTEM_TIME AS OF s.pt AS n ON s.k = n.id;
`

const askedTest = "@use job.sql\n@test t\n@given t\n  1 | 10\n  2 | 20\n  3 | 10\n  NULL | NULL\n@expect table\n  1 | 21.0 | Anna\n  2 | 41.0 | Bert\n  3 | 21.0 | NULL\n  NULL | NULL | NULL\n"

// asked runs the test with cassettes in a mode.
func asked(t *testing.T, dir, bias string, m cassette.Mode) *Result {
	t.Helper()
	write(t, dir, "job.sql", strings.Replace(askedJob, "BIAS", bias, 1))
	name := write(t, dir, "x_test.sql", askedTest)
	lib := cassette.New(m)
	var out *Result
	o := Options{Paths: []string{name}, Each: func(r *Result) { out = r }, Plan: harness.Plan{NoShrink: true}, Run: harness.Options{
		Cassettes: lib, Providers: []*connect.ModelProvider{&linear.Provider}, Connectors: []*connect.Connector{lookup.Connector},
	}}
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if err := lib.Save(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCassettes: a call that is not recorded is an error that says what to do; recorded once,
// the test passes under all schedules without the outside; and what the outside answers now
// is compared, written down or taken as it is.
func TestCassettes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x_test.cassette")
	fails := func(r *Result, what string) {
		t.Helper()
		if !r.Failed() || !strings.Contains(Describe(r), what) {
			t.Errorf("failed is %v, and the report has no %q\n%s", r.Failed(), what, Describe(r))
		}
	}
	passes := func(r *Result) {
		t.Helper()
		if r.Failed() {
			t.Error(Describe(r))
		}
	}
	book := func() string { b, _ := os.ReadFile(file); return string(b) }

	r := asked(t, dir, "1", cassette.Replay)
	fails(r, `cassette: a call to the outside is not recorded: model score is asked {"x":10`)
	fails(r, "mink test --cassettes record")
	passes(asked(t, dir, "1", cassette.Live))
	if book() != "" {
		t.Error("live wrote a file")
	}
	passes(asked(t, dir, "1", cassette.Record))
	want := `-- What tests ask of the outside, and what was answered: mink test --cassettes record

lookup names
  {"id":1}
    {"id":1,"name":"Anna"}
  {"id":2}
    {"id":2,"name":"Bert"}
  {"id":3}

model score
  {"x":10}
    {"y":21}
  {"x":20}
    {"y":41}
  {"x":null}
    {"y":null}
`
	if book() != want {
		t.Errorf("the cassette is\n%s", book())
	}
	// Another model: replay and record do not ask it, diff and live see it, refresh takes it.
	passes(asked(t, dir, "2", cassette.Replay))
	passes(asked(t, dir, "2", cassette.Record))
	passes(asked(t, dir, "1", cassette.Diff))
	fails(asked(t, dir, "2", cassette.Diff), `model score answers {"x":10} with {"y":22}, where `)
	fails(asked(t, dir, "2", cassette.Live), "+ 1 | 22.0 | Anna")
	if book() != want {
		t.Error("the cassette has changed")
	}
	fails(asked(t, dir, "2", cassette.Refresh), "+ 1 | 22.0 | Anna")
	if now := strings.NewReplacer("21}", "22}", "41}", "42}").Replace(want); book() != now {
		t.Errorf("refreshed it is\n%s", book())
	}
	// By hand: with blanks, and a number as text.
	write(t, dir, "x_test.cassette", strings.Replace(want, `{"y":21}`, `{ "y": "21" }`, 1))
	passes(asked(t, dir, "2", cassette.Replay))
	write(t, dir, "x_test.cassette", "model score\n    {\"y\":1}\n")
	fails(asked(t, dir, "1", cassette.Replay), "x_test.cassette:2: no call stands above this answer")
}

// TestCassetteStandIn: a model of a provider that the binary does not have answers from a
// cassette that somebody wrote, and says so where it has none.
func TestCassetteStandIn(t *testing.T) {
	dir := t.TempDir()
	name := write(t, dir, "x_test.sql", `CREATE TABLE t (q STRING) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE MODEL m INPUT (text STRING) OUTPUT (label STRING) WITH ('provider' = 'openai', 'endpoint' = 'https://e', 'api-key' = 'k-12345678', 'model' = 'x');
SELECT q, label FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(q));
@test t
@given t
  q
  fine
@expect table
  q    | label
  fine | positive
`)
	run := func(m cassette.Mode) (out *Result) {
		_, err := Run(context.Background(), Options{Paths: []string{name}, Run: harness.Options{Cassettes: cassette.New(m)}, Each: func(r *Result) { out = r }})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if r := run(cassette.Record); !r.Failed() || !strings.Contains(Describe(r), "model provider 'openai' is not in this binary") {
		t.Error(Describe(r))
	}
	write(t, dir, "x_test.cassette", "model m\n  {\"text\":\"fine\"}\n    {\"label\":\"positive\"}\n")
	if r := run(cassette.Replay); r.Failed() {
		t.Error(Describe(r))
	}
}

// TestCassetteFunction: a function in Python that says it is not deterministic is asked once,
// and never again in a replay; one that is runs as in production.
func TestCassetteFunction(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "f.py", `from pyflink.table import DataTypes
from pyflink.table.udf import udf

@udf(result_type=DataTypes.BIGINT(), deterministic=False)
def outside(x):
    with open("`+filepath.ToSlash(dir)+`/calls", "a") as f:
        f.write("%d\n" % x)
    return 10 * x

@udf(result_type=DataTypes.BIGINT())
def inside(x):
    return 3 * x
`)
	name := write(t, dir, "x_test.sql", `SET 'python.files' = '`+filepath.ToSlash(dir)+`/f.py';
CREATE TABLE t (k BIGINT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE FUNCTION outside AS 'f.outside' LANGUAGE PYTHON;
CREATE FUNCTION inside AS 'f.inside' LANGUAGE PYTHON;
SELECT k, outside(k), inside(k) FROM t WHERE k > 0;
@test t
@given t
  1
  -7
  2
  1
@expect table
  1 | 10 | 3
  1 | 10 | 3
  2 | 20 | 6
`)
	run := func(m cassette.Mode) (out *Result) {
		lib := cassette.New(m)
		_, err := Run(context.Background(), Options{Paths: []string{name}, Run: harness.Options{Cassettes: lib}, Each: func(r *Result) { out = r }})
		if err == nil {
			err = lib.Save()
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	r := run(cassette.Replay)
	if r.Failed() && strings.Contains(Describe(r), "python") && !strings.Contains(Describe(r), "not recorded") {
		t.Skip("there is no Python here: " + Describe(r))
	}
	if !strings.Contains(Describe(r), `function outside is asked {`) {
		t.Fatal(Describe(r))
	}
	for _, m := range []cassette.Mode{cassette.Record, cassette.Replay} {
		if r := run(m); r.Failed() {
			t.Fatal(m, Describe(r))
		}
	}
	calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
	if string(calls) != "1\n2\n" {
		t.Errorf("it was called with %q", calls)
	}
	book, _ := os.ReadFile(filepath.Join(dir, "x_test.cassette"))
	if !strings.Contains(string(book), "function outside\n") || strings.Contains(string(book), "inside\n") {
		t.Errorf("%s", book)
	}
}
