package nodes

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/cluster"
)

// brokerMain is a process with a Kafka, which lives on when those of the cluster are killed.
func brokerMain() int {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "payments", "totals"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(c.ListenAddrs()[0])
	select {} // until it is killed
}

func startBroker(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MINK_TEST_BROKER=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// payments are records as they are produced: each second of their own time has so many.
const (
	paymentsASecond = 400
	paymentSeconds  = 30
	payers          = 37
)

// paymentsScript sums the payments of each second and payer.
func paymentsScript(servers string) string {
	return strings.ReplaceAll(`
SET 'parallelism.default' = '2';
SET 'execution.checkpointing.interval' = '100 ms';
CREATE TEMPORARY TABLE payments (payer INT, cents BIGINT, ts TIMESTAMP(3) METADATA FROM 'timestamp', WATERMARK FOR ts AS ts)
WITH ('connector' = 'kafka', 'topic' = 'payments', 'properties.bootstrap.servers' = 'BROKER', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');
CREATE TEMPORARY TABLE totals (ends TIMESTAMP(3), payer INT, n BIGINT, cents BIGINT)
WITH ('connector' = 'kafka', 'topic' = 'totals', 'properties.bootstrap.servers' = 'BROKER', 'format' = 'json',
 'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'storm', 'properties.transaction.timeout.ms' = '60000');
INSERT INTO totals SELECT window_end, payer, COUNT(*), SUM(cents) FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end, payer;
`, "BROKER", servers)
}

// pay produces the payments within a span, and then one in each partition that closes the
// last window. It returns what the totals have to be.
func pay(t *testing.T, servers string, span time.Duration) map[string]int {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(servers), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	type total struct{ n, cents int }
	sums := map[string]*total{}
	start := time.UnixMilli(1_700_000_000_000)
	put := func(at time.Time, partition int32, payer, cents int) {
		cl.Produce(t.Context(), &kgo.Record{Topic: "payments", Partition: partition, Timestamp: at, Value: fmt.Appendf(nil, `{"payer":%d,"cents":%d}`, payer, cents)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	for i := range paymentsASecond * paymentSeconds {
		if i%paymentsASecond == 0 {
			time.Sleep(span / paymentSeconds)
		}
		at := start.Add(time.Duration(i) * time.Second / paymentsASecond)
		payer, cents := i*7919%payers, i*31%1000
		put(at, int32(i%2), payer, cents)
		key := fmt.Sprintf("%s %d", at.Truncate(time.Second).Add(time.Second).UTC().Format(time.DateTime), payer)
		if sums[key] == nil {
			sums[key] = &total{}
		}
		sums[key].n++
		sums[key].cents += cents
	}
	for p := range int32(2) {
		put(start.Add(paymentSeconds*time.Second), p, 0, 0)
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	for k, s := range sums {
		want[fmt.Sprintf("%s %d %d", k, s.n, s.cents)] = 1
	}
	return want
}

// paid reads the totals as a consumer of what is committed does, until there are as many as
// there have to be and nothing has come for a while; at most for half of the time after
// which the broker would end transactions that nobody looks after.
func paid(t *testing.T, servers string, want map[string]int) map[string]int {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(servers), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeTopics("totals"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	got, n := map[string]int{}, 0
	for until := time.Now().Add(30 * time.Second); ; {
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		f := cl.PollFetches(ctx)
		cancel()
		came := 0
		f.EachRecord(func(r *kgo.Record) {
			var v struct {
				Ends            string
				Payer, N, Cents int
			}
			if err := json.Unmarshal(r.Value, &v); err != nil {
				t.Fatalf("%v in %s", err, r.Value)
			}
			got[fmt.Sprintf("%s %d %d %d", strings.Replace(v.Ends, "T", " ", 1)[:19], v.Payer, v.N, v.Cents)]++
			came++
		})
		n += came
		if came == 0 && n >= len(want) || time.Now().After(until) {
			return got
		}
	}
}

// TestStormKafka: from Kafka to Kafka, exactly once. Nodes are killed and stopped, and the
// consumer of what is committed sees each total once.
func TestStormKafka(t *testing.T) {
	rng := chance(t)
	runs, most := 1, 2
	if all() {
		runs, most = 7, 3
	}
	for range runs {
		servers := startBroker(t)
		w := found(t, 3, 1)
		r := w.run(paymentsScript(servers))
		over := make(chan map[string]int)
		go func() { over <- pay(t, servers, 3*time.Second) }()
		n := disturb(t, w, rng, r, 2*time.Second, most)
		want := <-over
		got := paid(t, servers, want)
		st := r.Job.Status()
		t.Logf("%d disturbances, %d restarts, %d checkpoints", n, st.Restarts, st.Checkpoints.Completed)
		r.Job.Cancel()
		if same(t, "totals", got, want); t.Failed() {
			t.FailNow()
		}
		w.close()
	}
}

// TestStormKafkaCoordinator is the same for the coordinator's process, which is killed or
// stopped; one that takes its place goes on.
func TestStormKafkaCoordinator(t *testing.T) {
	if !all() {
		t.Skip("it runs with MINK_ALL=1")
	}
	rng := chance(t)
	for range 7 {
		servers := startBroker(t)
		w := &town{t: t, dir: t.TempDir(), slots: 1, count: 3, nodes: map[string]*exec.Cmd{}}
		t.Cleanup(w.close)
		script := filepath.Join(w.dir, "job.sql")
		if err := os.WriteFile(script, []byte(paymentsScript(servers)), 0o644); err != nil {
			t.Fatal(err)
		}
		for i := range w.count {
			w.start("node-" + strconv.Itoa(i+1))
		}
		over := make(chan map[string]int)
		go func() { over <- pay(t, servers, 5*time.Second) }()
		var cmd *exec.Cmd
		for kills := 3; ; kills-- {
			cmd = exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "MINK_TEST_COORDINATOR="+script)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if kills == 0 {
				break
			}
			time.Sleep(600*time.Millisecond + time.Duration(rng.Int64N(int64(1200*time.Millisecond))))
			if rng.IntN(3) == 0 {
				_ = cmd.Process.Signal(syscall.SIGSTOP)
				time.Sleep(2 * time.Second) // longer than the leases
				_ = cmd.Process.Signal(syscall.SIGCONT)
				time.Sleep(300 * time.Millisecond)
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			w.log(out.String())
		}
		want := <-over
		got := paid(t, servers, want)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if same(t, "totals", got, want); t.Failed() {
			t.FailNow()
		}
		w.close()
	}
}

// TestFullDisk: the disk of checkpoints is full for a while. A job with a restart strategy of
// its own (without one it ends, and says why) goes on by itself when there is room, and its
// files are as if nothing had been.
func TestFullDisk(t *testing.T) {
	if !all() {
		t.Skip("it runs with MINK_ALL=1")
	}
	in := t.TempDir()
	pairs, sums := orders(t, in, 40_000)
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a small disk needs the right to mount one: %v", err)
	}
	defer func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) }()
	w := foundWith(t, 3, 1, func(*town, *cluster.Options) {})
	script := pacedScript(w.dir, filepath.Join(in, "in"), 2, 10)
	r := w.run("SET 'execution.checkpointing.dir' = '" + small + "';\n" + script)
	failed := int64(0)
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		st := r.Job.Status()
		if failed = int64(st.Checkpoints.Failed); failed >= 2 && st.Restarts > 0 {
			break
		}
		if st.State.Ended() {
			t.Fatalf("the job ended: %+v", st)
		}
	}
	st := r.Job.Status()
	t.Logf("with a full disk: %d checkpoints done, %d failed, %d restarts", st.Checkpoints.Completed, st.Checkpoints.Failed, st.Restarts)
	if failed == 0 {
		t.Fatal("the disk was not full")
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	end(t, r.Job)
	same(t, "pairs", lines(t, filepath.Join(w.dir, "pairs")), pairs)
	same(t, "sums", lines(t, filepath.Join(w.dir, "sums")), sums)
}

// TestSlowDisk: each file of the nodes takes 150 ms to be synced and renamed, longer than the
// time between checkpoints, while nodes are killed.
func TestSlowDisk(t *testing.T) {
	rng := chance(t)
	runs := 1
	if all() {
		runs = 6
	}
	in := t.TempDir()
	pairs, sums := orders(t, in, 20_000)
	for range runs {
		w := foundWith(t, 3, 1, func(w *town, _ *cluster.Options) { w.environ = []string{"MINK_TEST_SLOW=150ms"} })
		r := w.run(pacedScript(w.dir, filepath.Join(in, "in"), 2, 20))
		n := disturb(t, w, rng, r, time.Second, 1)
		end(t, r.Job)
		st := r.Job.Status()
		t.Logf("%d disturbances, %d restarts, %d checkpoints", n, st.Restarts, st.Checkpoints.Completed)
		same(t, "pairs", lines(t, filepath.Join(w.dir, "pairs")), pairs)
		if same(t, "sums", lines(t, filepath.Join(w.dir, "sums")), sums); t.Failed() {
			t.FailNow()
		}
		w.close()
	}
}
