package suite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors/format/changelogjson"
	"github.com/minkstream/mink/engine/batch"
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
	// What no test asks any more goes with a refresh of the whole file, and stays otherwise.
	stale := want + "  {\"x\":99}\n    {\"y\":1}\n\nmodel gone\n  {\"a\":1}\n    {\"b\":2}\n"
	write(t, dir, "x_test.cassette", stale)
	passes(asked(t, dir, "1", cassette.Record))
	if book() != stale {
		t.Errorf("record has left out a call\n%s", book())
	}
	passes(asked(t, dir, "1", cassette.Refresh))
	if book() != want {
		t.Errorf("refreshed it is\n%s", book())
	}
	write(t, dir, "x_test.cassette", stale)
	second := write(t, dir, "x_test.sql", askedTest+"@test other\n@given t\n  4 | 40\n@expect table\n  4 | 81.0 | NULL\n")
	lib := cassette.New(cassette.Refresh)
	if _, err := Run(context.Background(), Options{Paths: []string{second + ":other"}, Plan: harness.Plan{Schedules: -1}, Run: harness.Options{
		Cassettes: lib, Providers: []*connect.ModelProvider{&linear.Provider}, Connectors: []*connect.Connector{lookup.Connector},
	}}); err != nil {
		t.Fatal(err)
	}
	if err := lib.Save(); err != nil {
		t.Fatal(err)
	}
	if now := book(); !strings.Contains(now, `{"x":99}`) || !strings.Contains(now, "{\"x\":40}\n    {\"y\":81}") || !strings.Contains(now, "model gone") {
		t.Errorf("refreshed by one test of two it is\n%s", now)
	}
	// By hand: with blanks, and a number as text.
	write(t, dir, "x_test.cassette", strings.Replace(want, `{"y":21}`, `{ "y": "21" }`, 1))
	passes(asked(t, dir, "2", cassette.Replay))
	write(t, dir, "x_test.cassette", "model score\n    {\"y\":1}\n")
	fails(asked(t, dir, "1", cassette.Replay), "x_test.cassette:2: no call stands above this answer")
}

// shelf is a table of vectors, nearest first, that counts how often it is asked.
type shelf struct {
	t     *connect.Table
	asked *int
	k     int
}

func (s *shelf) Open(connect.ReaderCtx) (connect.VectorSearcher, error) { return s, nil }
func (s *shelf) Close() error                                           { return nil }

var shelfRows = []struct {
	name string
	v    [2]float32
}{{"north", [2]float32{0, 1}}, {"east", [2]float32{1, 0}}, {"south", [2]float32{0, -1}}}

func (s *shelf) Search(vectors *batch.Col, n int, hits *connect.VectorHits) error {
	hits.From, hits.To, hits.At, hits.Scores = make([]uint32, n), make([]uint32, n), nil, nil
	hits.Cols = make([]batch.Col, 2)
	hits.Cols[0].Alloc(s.t.Schema[0].Type, 0)
	hits.Cols[1].Alloc(s.t.Schema[1].Type, 0)
	for i := range n {
		*s.asked++
		hits.From[i] = uint32(len(hits.Scores))
		at := vectors.Offs[i]
		x, y := vectors.Kids[0].F32[at], vectors.Kids[0].F32[at+1]
		order := []int{0, 1, 2}
		near := func(k int) float64 { return float64(shelfRows[k].v[0]*x + shelfRows[k].v[1]*y) }
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(near(b), near(a)) })
		for _, k := range order[:s.k] {
			row := batch.Batch{N: 1, Cols: make([]batch.Col, 2)}
			d, err := changelogjson.Format.Decoder(s.t.Schema, nil, connect.Options{}, nil)
			if err == nil {
				err = d.Message(&row, fmt.Appendf(nil, `{"op":"+I","row":{"name":%q,"v":[%v,%v]}}`, shelfRows[k].name, shelfRows[k].v[0], shelfRows[k].v[1]))
			}
			if err != nil {
				return err
			}
			for c := range hits.Cols {
				hits.Cols[c].Append(len(hits.Scores), &row.Cols[c], nil, 1)
			}
			hits.Scores = append(hits.Scores, near(k))
		}
		hits.To[i] = uint32(len(hits.Scores))
	}
	return nil
}

// TestCassetteSearch: VECTOR_SEARCH asks a table once for a vector, and a replay does not
// need it.
func TestCassetteSearch(t *testing.T) {
	dir := t.TempDir()
	name := write(t, dir, "x_test.sql", `CREATE TABLE q (id INT, x ARRAY<FLOAT>) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE places (name STRING, v ARRAY<FLOAT>) WITH ('connector' = 'shelf');
SELECT id, p.name, p.score FROM q, LATERAL TABLE(VECTOR_SEARCH(TABLE places, DESCRIPTOR(v), q.x, 2)) AS p;
@test t
@given q
  1 | [0, 2]
  2 | [3, 0]
  3 | [0, 2]
  4 | NULL
@expect table
  1 | north | 2.0
  1 | east | 0.0
  2 | east | 3.0
  2 | north | 0.0
  3 | north | 2.0
  3 | east | 0.0
`)
	count := 0
	run := func(m cassette.Mode) (out *Result) {
		lib := cassette.New(m)
		k := &connect.Connector{Name: "shelf", Summary: "Vectors.", Source: func(*connect.Table) (connect.Source, error) {
			return nil, errors.New("it is searched, not read")
		}, VectorSearch: func(t *connect.Table, q connect.VectorQuery) (connect.VectorSearch, error) {
			return &shelf{t, &count, q.K}, nil
		}}
		_, err := Run(context.Background(), Options{Paths: []string{name}, Run: harness.Options{Cassettes: lib, Connectors: []*connect.Connector{k}}, Each: func(r *Result) { out = r }})
		if err == nil {
			err = lib.Save()
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if r := run(cassette.Replay); !r.Failed() || !strings.Contains(Describe(r), `search places top 2 is asked {"v":[0,2]}`) {
		t.Fatal(Describe(r))
	}
	for _, m := range []cassette.Mode{cassette.Record, cassette.Replay} {
		if r := run(m); r.Failed() {
			t.Fatal(m, Describe(r))
		}
	}
	if count != 2 {
		t.Errorf("%d vectors were searched", count)
	}
	book, _ := os.ReadFile(filepath.Join(dir, "x_test.cassette"))
	if !strings.Contains(string(book), "search places top 2\n  {\"v\":[0,2]}\n    {\"name\":\"north\",\"v\":[0,1],\"__score\":2}\n") {
		t.Errorf("%s", book)
	}
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
from pyflink.table.udf import udf, udtf

@udf(result_type=DataTypes.BIGINT(), deterministic=False)
def outside(x):
    with open("`+filepath.ToSlash(dir)+`/calls", "a") as f:
        f.write("%d\n" % x)
    return 10 * x

@udf(result_type=DataTypes.BIGINT())
def inside(x):
    return 3 * x

@udtf(result_types=[DataTypes.BIGINT(), DataTypes.STRING()], deterministic=False)
def parts(x):
    with open("`+filepath.ToSlash(dir)+`/calls", "a") as f:
        f.write("parts %d\n" % x)
    for i in range(x):
        yield i, "part %d of %d" % (i, x)
`)
	name := write(t, dir, "x_test.sql", `SET 'python.files' = '`+filepath.ToSlash(dir)+`/f.py';
CREATE TABLE t (k BIGINT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE FUNCTION outside AS 'f.outside' LANGUAGE PYTHON;
CREATE FUNCTION inside AS 'f.inside' LANGUAGE PYTHON;
CREATE FUNCTION parts AS 'f.parts' LANGUAGE PYTHON;
SELECT k, outside(k), inside(k), i, s FROM t LEFT JOIN LATERAL TABLE(parts(k)) AS p(i, s) ON TRUE WHERE k > 0;
@test t
@given t
  1
  -7
  2
  1
@expect table
  1 | 10 | 3 | 0 | part 0 of 1
  1 | 10 | 3 | 0 | part 0 of 1
  2 | 20 | 6 | 0 | part 0 of 2
  2 | 20 | 6 | 1 | part 1 of 2
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
	if !strings.Contains(Describe(r), `function outside is asked {`) && !strings.Contains(Describe(r), `function parts is asked {`) {
		t.Fatal(Describe(r))
	}
	for _, m := range []cassette.Mode{cassette.Record, cassette.Replay} {
		if r := run(m); r.Failed() {
			t.Fatal(m, Describe(r))
		}
	}
	calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
	lines := strings.Split(strings.TrimSpace(string(calls)), "\n")
	slices.Sort(lines)
	if strings.Join(lines, ",") != "1,2,parts 1,parts 2" {
		t.Errorf("it was called with %q", calls)
	}
	book, _ := os.ReadFile(filepath.Join(dir, "x_test.cassette"))
	if !strings.Contains(string(book), "function outside\n") || !strings.Contains(string(book), "function parts\n") || strings.Contains(string(book), "inside\n") {
		t.Errorf("%s", book)
	}
}

// TestCassetteAggregate: an aggregate function in Python that is not deterministic is asked
// once for each change of an accumulator and each value, and then the book answers, under all
// schedules, without Python.
func TestCassetteAggregate(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: aggregate functions in Python are not tested")
	}
	dir := t.TempDir()
	calls := filepath.ToSlash(dir) + "/calls"
	write(t, dir, "f.py", `
from pyflink.table import DataTypes
from pyflink.table.udf import AggregateFunction, udaf

class Total(AggregateFunction):
    def create_accumulator(self):
        return [0]
    def accumulate(self, acc, x):
        with open("`+calls+`", "a") as f:
            f.write("add %s to %d\n" % (x, acc[0]))
        acc[0] += x
    def get_value(self, acc):
        return acc[0]
    def merge(self, acc, others):
        for o in others:
            acc[0] += o[0]
    def is_deterministic(self):
        return False

total = udaf(Total(), result_type=DataTypes.BIGINT(), accumulator_type=DataTypes.ARRAY(DataTypes.BIGINT()))
`)
	name := write(t, dir, "x_test.sql", `SET 'python.files' = '`+filepath.ToSlash(dir)+`/f.py';
CREATE TABLE t (k STRING, v BIGINT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE FUNCTION total AS 'f.total' LANGUAGE PYTHON;
SELECT k, total(v) FROM t GROUP BY k;
@test t
@given t
  a | 1
  b | 10
  a | 2
  b | 20
  a | 4
@expect table
  a | 7
  b | 30
`)
	run := func(m cassette.Mode) (out *Result) {
		t.Helper()
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
	if r := run(cassette.Replay); !r.Failed() || !strings.Contains(Describe(r), `function total is asked {"call":"add"`) {
		t.Fatal(Describe(r))
	}
	if r := run(cassette.Record); r.Failed() {
		t.Fatal(Describe(r))
	}
	made, _ := os.ReadFile(calls)
	lines := strings.Split(strings.TrimSpace(string(made)), "\n")
	slices.Sort(lines)
	if got := strings.Join(lines, ","); got != "add 1 to 0,add 10 to 0,add 2 to 1,add 20 to 10,add 4 to 3" {
		t.Errorf("it was called with %q", got)
	}
	if err := os.Remove(calls); err != nil {
		t.Fatal(err)
	}
	if r := run(cassette.Replay); r.Failed() {
		t.Fatal(Describe(r))
	}
	if _, err := os.Stat(calls); err == nil {
		t.Error("Python is asked again")
	}
	book, _ := os.ReadFile(filepath.Join(dir, "x_test.cassette"))
	if !strings.Contains(string(book), "function total\n") || !strings.Contains(string(book), `"call":"value"`) {
		t.Errorf("%s", book)
	}
}
