package python_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/testkit/python"
)

const module = `
import asyncio, os, sys, time
from pyflink.table import DataTypes
from pyflink.table.udf import AggregateFunction, AsyncScalarFunction, udaf, udf, udtf

@udf(result_type=DataTypes.INT())
def pid(i):
    return os.getpid()

@udf(result_type=DataTypes.INT())
def slow(i):
    time.sleep(i)
    return i

@udf(result_type=DataTypes.INT())
def bad(i):
    return deeper(i)

def deeper(i):
    raise KeyError("row %d" % i)

@udf(result_type=DataTypes.STRING())
def leave(i):
    print("goodbye")
    os._exit(3)

class Total(AggregateFunction):
    def create_accumulator(self):
        return [0]
    def accumulate(self, acc, i):
        if i == 5:
            deeper(i)
        acc[0] += i
    def get_value(self, acc):
        if acc[0] > 100:
            raise ValueError("too much")
        return acc[0]

total = udaf(Total(), result_type=DataTypes.BIGINT(), accumulator_type=DataTypes.ARRAY(DataTypes.BIGINT()))
size = udf(lambda s: s.map(lambda x: len(s)), result_type="INT", func_type="pandas")

running = most = 0

class Crowd(AsyncScalarFunction):
    async def eval(self, i):
        global running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return most

crowd = udf(Crowd(), result_type=DataTypes.INT())
plain = udf(lambda x: 'pyarrow' in sys.modules, result_type="BOOLEAN")

@udf(result_type=DataTypes.STRING())
def where(name):
    with open(name) as f:
        return f.read() + "|" + os.path.basename(os.getcwd())[:12]
`

// session opens an engine with the module in a folder of its own.
func session(t *testing.T) gateway.Session {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: functions in Python are not tested")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "fns.py"), []byte(module), 0o666); err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Config{
		Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), Runtimes: connectors.Runtimes(),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := gateway.Local(e)
	t.Cleanup(func() { c.Close() })
	s, err := c.OpenSession(context.Background(), map[string]string{
		"mink.script.dir": dir, "mink.udf.timeout": "5 s", "restart-strategy.type": "none", "execution.runtime-mode": "batch",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"pid", "slow", "bad", "leave", "total"} {
		if _, err := rows(t, s, "CREATE FUNCTION py_"+f+" AS 'fns."+f+"' LANGUAGE PYTHON"); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// rows runs a statement and gives the first column of its rows.
func rows(t *testing.T, s gateway.Session, sql string) ([]any, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	op, err := s.Execute(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer op.Close()
	var out []any
	for {
		b, err := op.Next(ctx)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		for i := range b.Rows() {
			out = append(out, b.Cols[0].Any(b.Lane(i)))
		}
	}
}

// withPandas opens a session whose Python has pandas and pyarrow.
func withPandas(t *testing.T) gateway.Session {
	t.Helper()
	s := session(t)
	if _, err := rows(t, s, "SET 'python.executable' = '"+python.NeedPandas(t)+"'"); err != nil {
		t.Fatal(err)
	}
	return s
}

// A function over Series gets so many rows at a time, and no more than its worker is given.
// shows python.fn-execution.arrow.batch.size python.fn-execution.bundle.size python.executable
func TestSeriesSizes(t *testing.T) {
	for _, c := range []struct{ key, want string }{
		{"", "[3 3 3]"}, {"python.fn-execution.arrow.batch.size", "[2 2 1]"}, {"python.fn-execution.bundle.size", "[2 2 1]"},
	} {
		s := withPandas(t)
		if c.key != "" {
			if _, err := rows(t, s, "SET '"+c.key+"' = '2'"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := rows(t, s, "CREATE FUNCTION py_size AS 'fns.size' LANGUAGE PYTHON"); err != nil {
			t.Fatal(err)
		}
		got, err := rows(t, s, "SELECT py_size(x) FROM (VALUES (4), (5), (6)) AS v (x)")
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s: got %v, %v", c.key, got, err)
		}
	}
}

// Columns go as Arrow unless the session forbids it; then the worker does not even load it.
// shows mink.udf.arrow
func TestArrow(t *testing.T) {
	for _, arrow := range []string{"true", "false"} {
		s := withPandas(t)
		for _, sql := range []string{"SET 'mink.udf.arrow' = '" + arrow + "'", "CREATE FUNCTION py_plain AS 'fns.plain' LANGUAGE PYTHON"} {
			if _, err := rows(t, s, sql); err != nil {
				t.Fatal(err)
			}
		}
		got, err := rows(t, s, "SELECT py_plain(x) FROM (VALUES (4)) AS v (x)")
		if err != nil || fmt.Sprint(got) != "["+arrow+"]" {
			t.Errorf("arrow %s: got %v, %v", arrow, got, err)
		}
	}
}

// So many calls of an asynchronous function run at once.
// shows table.exec.async-scalar.max-concurrent-operations
func TestAsyncCalls(t *testing.T) {
	for _, most := range []string{"1", "3"} {
		s := session(t)
		for _, sql := range []string{"SET 'table.exec.async-scalar.max-concurrent-operations' = '" + most + "'", "CREATE FUNCTION py_crowd AS 'fns.crowd' LANGUAGE PYTHON"} {
			if _, err := rows(t, s, sql); err != nil {
				t.Fatal(err)
			}
		}
		got, err := rows(t, s, "SELECT MAX(py_crowd(x)) FROM (VALUES (1), (2), (3), (4), (5), (6)) AS v (x)")
		if err != nil || fmt.Sprint(got) != "["+most+"]" {
			t.Errorf("%s at once: got %v, %v", most, got, err)
		}
	}
}

// Modules are looked up beside the script, and in further folders.
// shows mink.script.dir python.pythonpath
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "further.py"), []byte("from pyflink.table.udf import udf\ntwo = udf(lambda: 2, result_type='INT')\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"python.pythonpath", "mink.script.dir", ""} {
		s := session(t)
		if key != "" {
			if _, err := rows(t, s, "SET '"+key+"' = '"+dir+"'"); err != nil {
				t.Fatal(err)
			}
		}
		_, err := rows(t, s, "CREATE FUNCTION py_two AS 'further.two' LANGUAGE PYTHON")
		if (err == nil) != (key != "") {
			t.Errorf("%q: %v", key, err)
			continue
		}
		if got, err := rows(t, s, "SELECT py_two()"); key != "" && (err != nil || fmt.Sprint(got) != "[2]") {
			t.Errorf("%s: got %v, %v", key, got, err)
		}
	}
}

// Without its packages such a function is refused with what to do.
func TestSeriesWithoutPandas(t *testing.T) {
	s := session(t)
	bare := filepath.Join(t.TempDir(), "python") // one that finds no packages
	if err := os.WriteFile(bare, []byte("#!/bin/sh\nexec python3 -S \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := rows(t, s, "SET 'python.executable' = '"+bare+"'"); err != nil {
		t.Fatal(err)
	}
	_, err := rows(t, s, "CREATE FUNCTION py_size AS 'fns.size' LANGUAGE PYTHON")
	if d := diag.As(err); d == nil || d.Code != diag.UserFunction || !strings.Contains(d.Msg, "python.executable") {
		t.Fatalf("got %v", err)
	}
}

// What the settings of a worker name: archives, .zip files, requirements.
// shows python.archives
func TestFiles(t *testing.T) {
	s := session(t)
	dir := t.TempDir()
	pack := func(name, entry, text string) string {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.Create(entry)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err == nil {
			err = z.Close()
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	zipped := pack("mods.zip", "zipped.py", "from pyflink.table.udf import udf\none = udf(lambda: 1, result_type='INT')\n")
	data := pack("data.zip", "sub/text.txt", "from the archive")
	for _, c := range []struct{ set, sql, want string }{
		{"'python.files' = '" + zipped + "'", "CREATE FUNCTION z_one AS 'zipped.one' LANGUAGE PYTHON", ""},
		{"", "SELECT z_one()", "[1]"},
		{"'python.archives' = '" + data + "#stuff'", "CREATE FUNCTION py_where AS 'fns.where' LANGUAGE PYTHON", ""},
		{"", "SELECT py_where('stuff/sub/text.txt')", "[from the archive|mink-python-]"},
		{"'python.archives' = '" + data + "#../up'", "SELECT py_where('x')", "below that of the worker"},
		{"'python.archives' = '" + data + ".no'", "SELECT py_where('x')", "which is not there"},
	} {
		if c.set != "" {
			if _, err := rows(t, s, "SET "+c.set); err != nil {
				t.Fatal(err)
			}
		}
		got, err := rows(t, s, c.sql)
		if text := fmt.Sprint(got, err); !strings.Contains(text, c.want) || c.want == "" && err != nil {
			t.Errorf("%s, %s: got %s", c.set, c.sql, text)
		}
	}
}

// A requirement that is not met is an error that says how to meet it.
// shows python.requirements
func TestRequirements(t *testing.T) {
	s := session(t)
	list := filepath.Join(t.TempDir(), "requirements.txt")
	if err := os.WriteFile(list, []byte("# packages\nno-such-package-of-mink==1.0 # a comment\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := rows(t, s, "SET 'python.requirements' = '"+list+"#cache'"); err != nil {
		t.Fatal(err)
	}
	_, err := rows(t, s, "SELECT py_pid(x) FROM (VALUES (1)) AS v (x)")
	if d := diag.As(err); d == nil || d.Code != diag.UserFunction || !strings.Contains(d.Msg, "no-such-package-of-mink") || !strings.Contains(d.Msg, "installs nothing") {
		t.Fatalf("got %v", err)
	}
}

// An exception is an error of the call with its row's traceback, and names no file of
// the worker.
func TestException(t *testing.T) {
	s := session(t)
	_, err := rows(t, s, "SELECT py_bad(x) FROM (VALUES (4), (5)) AS v (x)")
	d := diag.As(err)
	if d == nil || d.Code != diag.UserFunction || !strings.Contains(d.Msg, "KeyError: 'row 4'") {
		t.Fatalf("got %v", err)
	}
	var notes []string
	for _, n := range d.Notes {
		notes = append(notes, n.Msg)
	}
	text := strings.Join(notes, "\n")
	if !strings.Contains(text, "in bad") || !strings.Contains(text, "in deeper") || !strings.Contains(text, "fns.py") || strings.Contains(text, "mink") {
		t.Errorf("the traceback is\n%s", text)
	}
}

// So is one in an aggregate, whether a row or a value fails, as a stream and as a batch.
func TestExceptionInAggregate(t *testing.T) {
	s := session(t)
	for _, mode := range []string{"batch", "streaming"} {
		if _, err := rows(t, s, "SET 'execution.runtime-mode' = '"+mode+"'"); err != nil {
			t.Fatal(err)
		}
		for _, c := range [][3]string{{"4), (5", "KeyError: 'row 5'", "in accumulate|in deeper|fns.py"}, {"40), (70", "ValueError: too much", "in get_value|fns.py"}} {
			_, err := rows(t, s, "SELECT py_total(x) FROM (VALUES ("+c[0]+")) AS v (x)")
			d := diag.As(err)
			if d == nil || d.Code != diag.UserFunction || !strings.Contains(d.Msg, c[1]) || d.Span.Start != 7 {
				t.Fatalf("%s: got %v", mode, err)
			}
			var notes []string
			for _, n := range d.Notes {
				notes = append(notes, n.Msg)
			}
			text := strings.Join(notes, "\n")
			for _, part := range strings.Split(c[2], "|") {
				if !strings.Contains(text, part) || strings.Contains(text, "<mink") {
					t.Errorf("%s: the traceback is\n%s", mode, text)
				}
			}
		}
	}
}

// A worker that leaves is an error with what it said last, and the next query has
// another one.
func TestCrash(t *testing.T) {
	s := session(t)
	_, err := rows(t, s, "SELECT py_leave(x) FROM (VALUES (4)) AS v (x)")
	d := diag.As(err)
	if d == nil || d.Code != diag.UserFunction || !strings.Contains(d.Msg, "exit status 3") {
		t.Fatalf("got %v", err)
	}
	got, err := rows(t, s, "SELECT py_pid(x) FROM (VALUES (1)) AS v (x)")
	if err != nil || len(got) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
}

// A call that takes too long ends its worker, and is no hang.
// shows mink.udf.timeout
func TestTimeout(t *testing.T) {
	s := session(t)
	begin := time.Now()
	_, err := rows(t, s, "SELECT py_slow(x) FROM (VALUES (50)) AS v (x)")
	d := diag.As(err)
	if d == nil || d.Code != diag.UserFunction || !strings.Contains(d.Msg, "no answer within 5s") {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(begin); took > 25*time.Second {
		t.Errorf("it took %s", took)
	}
}

// The rows of a batch go to one worker, which ends with the job.
func TestWorkersEndWithTheJob(t *testing.T) {
	s := session(t)
	got, err := rows(t, s, "SELECT py_pid(x) FROM (VALUES (1), (2), (3), (4)) AS v (x)")
	if err != nil || len(got) != 4 {
		t.Fatalf("got %v, %v", got, err)
	}
	for _, p := range got {
		if p != got[0] {
			t.Errorf("rows of one batch went to processes %v", got)
		}
	}
	pid := int(got[0].(int64))
	for range 100 {
		p, err := os.FindProcess(pid)
		if err != nil {
			return
		}
		lives := alive(p)
		_ = p.Release()
		if !lives {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
}
