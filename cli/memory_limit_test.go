package cli

import (
	"bytes"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/minkstream/mink/cli/local"
)

// TestMemoryFlag: --memory is a size that is enough for all processes, and becomes the limit of
// the runtime. With MINK_ALL a query whose state would be several times as large stays within it.
func TestMemoryFlag(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	run := func(args ...string) (int, string) {
		var out, errOut bytes.Buffer
		code := Main(args, strings.NewReader("SELECT 1;"), &out, &errOut)
		return code, errOut.String()
	}
	if code, said := run("run", "--memory", "300 mb", "-"); code != exitOK {
		t.Fatalf("exit %d: %s", code, said)
	}
	if got := debug.SetMemoryLimit(-1); got != 300<<20-programBytes {
		t.Errorf("the limit is %d", got)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--memory", "much", "-"}, `takes a size such as 512mb, not "much"`},
		{[]string{"run", "--memory", "50mb", "-"}, "must be at least 128 MB, 128 for each process"},
		{[]string{"up", "--nodes", "3", "--memory", "300mb", "--dir", t.TempDir()}, "must be at least 512 MB"},
		{[]string{"node", "--join", "--memory", "1kb", "--dir", t.TempDir()}, "must be at least 128 MB"},
	} {
		if code, said := run(c.args...); code != exitUsage || !strings.Contains(said, c.want) {
			t.Errorf("%v: exit %d, %s", c.args, code, said)
		}
	}
	o := local.Options{Nodes: 3, Memory: 4 << 30}
	if got := o.Share(); got != 1<<30 {
		t.Errorf("a process of four has %d", got)
	}
	if os.Getenv("MINK_ALL") == "" {
		return
	}
	peak := func(args ...string) int64 {
		c := minkCommand(t, t.TempDir(), append(append([]string{"run"}, args...), "-")...)
		c.Stdin = strings.NewReader(`CREATE TABLE t (k BIGINT, s STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '3000000', 'rows-per-second' = '100000000', 'fields.k.kind' = 'sequence', 'fields.k.start' = '1', 'fields.k.end' = '3000000', 'fields.s.length' = '60');
CREATE TABLE o (k BIGINT, c BIGINT, s STRING) WITH ('connector' = 'blackhole');
INSERT INTO o SELECT k, COUNT(*), MAX(s) FROM t GROUP BY k;
`)
		if said, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v, %s", args, err, said)
		}
		return c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	}
	const limit = 256 << 20
	without, with := peak(), peak("--memory", "256mb")
	t.Logf("%d MB without a limit, %d MB with one of %d MB", without>>20, with>>20, limit>>20)
	if without < limit*3/2 {
		t.Errorf("%d MB without a limit are no test", without>>20)
	}
	if with > limit+limit/10 {
		t.Errorf("%d MB, and %d MB are allowed", with>>20, limit>>20)
	}
}
