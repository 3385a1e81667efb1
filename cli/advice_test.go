package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/advise"
	"github.com/minkstream/mink/engine/diag"
)

// dryRun checks a script and returns what is printed about it.
func dryRun(t *testing.T, sql string, args ...string) (text string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	file := filepath.Join(t.TempDir(), "job.sql")
	if err := os.WriteFile(file, []byte(sql), 0o600); err != nil {
		t.Fatal(err)
	}
	code = Main(append([]string{"run", "--dry-run", file}, args...), strings.NewReader(""), &out, &errOut)
	if out.Len() > 0 {
		t.Errorf("a check prints rows: %s", out.String())
	}
	return strings.ReplaceAll(errOut.String(), file, "job.sql"), code
}

// TestAdviceExamples checks the example of each rule, which gives its advice, and the
// mended script, which does not; and each is explained.
func TestAdviceExamples(t *testing.T) {
	t.Chdir(t.TempDir())
	if len(advise.Rules()) < 12 {
		t.Fatalf("only %d rules", len(advise.Rules()))
	}
	for _, r := range advise.Rules() {
		t.Run(string(r.Code), func(t *testing.T) {
			var out, errOut bytes.Buffer
			if code := Main([]string{"explain", string(r.Code)}, strings.NewReader(""), &out, &errOut); code != exitOK {
				t.Errorf("explain: exit %d\n%s", code, errOut.String())
			}
			if !strings.Contains(out.String(), string(r.Code)+": ") {
				t.Errorf("explain says %s", out.String())
			}
			if r.Summary == "" || r.Cause == "" || r.Fix == "" {
				t.Error("the rule says too little of itself")
			}
			if r.Example == "" {
				if _, shown := needNoExample[r.Code]; !shown {
					t.Error("the rule has no example")
				}
				return
			}
			mark := ": " + string(r.Code) + ": "
			if text, code := dryRun(t, r.Example); code != exitOK || !strings.Contains(text, "advice: job.sql:") || !strings.Contains(text, mark) {
				t.Errorf("the example gives exit %d and\n%s", code, text)
			}
			if text, code := dryRun(t, r.Better); code != exitOK || strings.Contains(text, mark) {
				t.Errorf("the better example gives exit %d and\n%s", code, text)
			}
			if text, code := dryRun(t, "SET 'mink.advice' = '"+string(r.Code)+"=off';\n"+r.Example); code != exitOK || strings.Contains(text, mark) {
				t.Errorf("turned off, it gives exit %d and\n%s", code, text)
			}
			if text, code := dryRun(t, "SET 'mink.advice' = '"+string(r.Code)+"=deny';\n"+r.Example); code != exitFailed || !strings.Contains(text, "error: job.sql:") && !strings.Contains(text, mark) {
				t.Errorf("denied, it gives exit %d and\n%s", code, text)
			}
		})
	}
}

// needNoExample are the rules that no script alone can show, with their tests.
var needNoExample = map[diag.Code]string{
	"lookup-without-cache":           "no connector of this binary has a cache for lookups",
	"watermark-delay-below-lateness": "TestLateAdvice: it needs a job that ran before",
}

// TestAdviceLevels turns advice off, denies it, and gets the setting wrong.
// shows mink.advice
func TestAdviceLevels(t *testing.T) {
	const script = "CREATE TABLE t (k INT, v INT) WITH ('connector' = 'datagen');\nSELECT k, COUNT(v) FROM t GROUP BY k"
	for _, c := range []struct {
		level, want string
		code        int
	}{
		{"warn", ": aggregate-without-ttl: ", exitOK},
		{"deny", "'mink.advice' = 'deny' denies it", exitFailed},
		{"off", "OK, nothing was run\n", exitOK},
		{"off, aggregate-without-ttl=warn", ": aggregate-without-ttl: ", exitOK},
		{"deny, aggregate-without-ttl=off", "OK, nothing was run\n", exitOK},
		{"aggregate-without-tll=deny", "did you mean 'aggregate-without-ttl'", exitFailed},
		{"loud", "'mink.advice' takes warn, deny or off", exitFailed},
	} {
		text, code := dryRun(t, script, "--set", "mink.advice="+c.level)
		if code != c.code || !strings.Contains(text, c.want) {
			t.Errorf("%s: exit %d\n%s", c.level, code, text)
		}
		if c.want == "OK, nothing was run\n" && text != c.want {
			t.Errorf("%s: there is more: %s", c.level, text)
		}
	}
	if text, code := dryRun(t, script, "--strict"); code != exitFailed || !strings.Contains(text, "--strict takes it for errors") {
		t.Errorf("strict: exit %d\n%s", code, text)
	}
}

// lateScript makes rows of which one is 9 seconds behind.
const lateScript = `CREATE TABLE t (id INT, s AS CASE WHEN id = 3 THEN 1 ELSE id * 10 END, ts AS TO_TIMESTAMP_LTZ(CASE WHEN id = 3 THEN 11 ELSE id * 10 END, 0), WATERMARK FOR ts AS ts)
WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '4');
CREATE TABLE n (a TIMESTAMP(3), n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO n SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end;
`

// TestLateAfterInsert reads mink.late after an INSERT of the same script, which runs
// in the background: the query waits for its end.
func TestLateAfterInsert(t *testing.T) {
	var out, errOut bytes.Buffer
	if code := Main([]string{"sql", "--output", "json", "-e", lateScript + "SELECT source, row_time, `watermark`, lateness, op FROM mink.late"}, strings.NewReader(""), &out, &errOut); code != exitOK {
		t.Fatalf("exit %d\n%s", code, errOut.String())
	}
	want := `{"op":"+I","row":{"source":"t","row_time":"1970-01-01 00:00:11.000Z","watermark":"1970-01-01 00:00:20.000Z","lateness":"+0 00:00:09.000","op":"+I"}}` + "\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// TestLateAdvice: what came late before is said when the table is read again.
func TestLateAdvice(t *testing.T) {
	var out, errOut bytes.Buffer
	const again = "SELECT COUNT(*) FROM mink.late;\nEXPLAIN SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end"
	if code := Main([]string{"sql", "--output", "json", "-e", lateScript + again}, strings.NewReader(""), &out, &errOut); code != exitOK {
		t.Fatalf("exit %d\n%s", code, errOut.String())
	}
	if !strings.Contains(out.String(), "watermark-delay-below-lateness: 1 rows of t came late before, by up to 9s") || !strings.Contains(out.String(), "waits 9.001s longer") {
		t.Errorf("EXPLAIN says\n%s", out.String())
	}
}
