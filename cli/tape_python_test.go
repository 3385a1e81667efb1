package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTapeOfPython: a tape of a job with functions in Python, aggregates among them, replays to
// the byte where there is neither Python nor the code.
func TestTapeOfPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: tapes of functions in Python are not tested")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("f.py", `
from pyflink.table import DataTypes
from pyflink.table.udf import AggregateFunction, udaf, udf

class Longest(AggregateFunction):
    def create_accumulator(self):
        return [""]
    def accumulate(self, acc, x):
        if len(x) > len(acc[0]):
            acc[0] = x
    def get_value(self, acc):
        return acc[0]

longest = udaf(Longest(), result_type=DataTypes.STRING(), accumulator_type=DataTypes.ARRAY(DataTypes.STRING()))

@udf(result_type=DataTypes.STRING())
def twice(x):
    return x + x
`)
	write("words.csv", "a,x\nb,yyy\na,zz\nb,w\na,vvvv\n")
	write("job.sql", `CREATE TABLE words (k STRING, w STRING) WITH ('connector'='filesystem', 'path'='words.csv', 'format'='csv');
CREATE FUNCTION longest AS 'f.longest' LANGUAGE PYTHON;
CREATE FUNCTION twice AS 'f.twice' LANGUAGE PYTHON;
SELECT k, longest(w) AS l, longest(twice(w)) AS l2 FROM words GROUP BY k;
`)
	mink := func(path string, args ...string) (string, string, int) {
		t.Helper()
		cmd := minkCommand(t, dir, args...)
		cmd.Env = append(cmd.Env, "PATH="+path)
		var out, errOut bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errOut
		_ = cmd.Run() // the exit code says it
		return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
	}
	recorded, errOut, code := mink(os.Getenv("PATH"), "tape", "record", "job.sql", "--embed", "-o", "job.mtape", "--output", "changelog")
	if code != 0 || !strings.Contains(recorded, "vvvvvvvv") {
		t.Fatalf("exit %d\n%s%s", code, recorded, errOut)
	}
	for _, name := range []string{"f.py", "words.csv"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, code := mink("/nowhere", "run", "job.sql"); code == 0 {
		t.Error("the script runs without Python")
	}
	replayed, errOut, code := mink("/nowhere", "tape", "replay", "job.mtape", "--output", "changelog")
	if code != 0 || replayed != recorded {
		t.Errorf("replayed without Python: exit %d\n%s%s\nwas\n%s", code, replayed, errOut, recorded)
	}
	if text, errOut, code := mink("/nowhere", "debug", "job.mtape", "--at", "end", "-c", "state GroupAggregate"); code != 0 || !strings.Contains(text, "2 entries") {
		t.Errorf("debugged without Python: exit %d\n%s%s", code, text, errOut)
	}
}
