// Package soak keeps a cluster of real processes under a steady load for as long as SOAK
// says, and looks whether anything grows that should not.
package soak

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/testkit/leak"
)

func TestMain(m *testing.M) {
	if os.Getenv("MINK_SOAK_BROKER") != "" {
		os.Exit(broker())
	}
	leak.Main(m)
}

// broker is a process with a Kafka: what it keeps is not what is measured.
func broker() int {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "orders", "sums"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(c.ListenAddrs()[0])
	select {} // until it is killed
}

// Times of the load: state lives for ttl and tapes have the last minute and a half, so after
// a few of them both are as large as they get.
const (
	ttl   = 30 * time.Second
	every = "2 s"
)

// script is the load: an aggregation whose keys pass away, a join in windows, rows into
// Kafka and, exactly once, from Kafka to Kafka.
const script = `
SET 'execution.checkpointing.interval' = 'EVERY';
SET 'parallelism.default' = '2';
SET 'table.exec.state.ttl' = 'TTL ms';
SET 'mink.tape.ring.time' = '1 min';
CREATE TABLE clicks (who BIGINT, cents INT) WITH ('connector' = 'datagen', 'rows-per-second' = 'RATE', 'fields.who.min' = '1', 'fields.who.max' = '10000000');
CREATE TABLE per_user (who BIGINT, n BIGINT, cents BIGINT, PRIMARY KEY (who) NOT ENFORCED) WITH ('connector' = 'blackhole');
INSERT INTO per_user SELECT who, COUNT(*), SUM(cents) FROM clicks GROUP BY who;
CREATE TABLE bids (item INT, price INT, ts AS LOCALTIMESTAMP, WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'rows-per-second' = 'RATE', 'fields.item.min' = '1', 'fields.item.max' = '5000');
CREATE TABLE asks (item INT, price INT, ts AS LOCALTIMESTAMP, WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'rows-per-second' = 'RATE', 'fields.item.min' = '1', 'fields.item.max' = '5000');
CREATE TABLE deals (item INT, bid INT, ask INT) WITH ('connector' = 'blackhole');
INSERT INTO deals SELECT b.item, b.price, a.price FROM (SELECT * FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '5' SECOND))) b
JOIN (SELECT * FROM TABLE(TUMBLE(TABLE asks, DESCRIPTOR(ts), INTERVAL '5' SECOND))) a ON a.item = b.item AND a.window_start = b.window_start AND a.window_end = b.window_end;
CREATE TABLE made (id BIGINT, customer INT, cents INT) WITH ('connector' = 'datagen', 'rows-per-second' = 'SLOW', 'fields.customer.min' = '1', 'fields.customer.max' = '500');
CREATE TABLE orders (id BIGINT, customer INT, cents INT, ts TIMESTAMP(3) METADATA FROM 'timestamp', WATERMARK FOR ts AS ts)
WITH ('connector' = 'kafka', 'topic' = 'orders', 'properties.bootstrap.servers' = 'BROKER', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');
INSERT INTO orders SELECT id, customer, cents, CAST(LOCALTIMESTAMP AS TIMESTAMP(3)) FROM made;
CREATE TABLE sums (customer INT, n BIGINT, cents BIGINT, ends TIMESTAMP(3))
WITH ('connector' = 'kafka', 'topic' = 'sums', 'properties.bootstrap.servers' = 'BROKER', 'format' = 'json', 'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'soak', 'properties.transaction.timeout.ms' = '60000');
INSERT INTO sums SELECT customer, COUNT(*), SUM(cents), window_end FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, customer;
`

const jobsOfScript = 4

// TestSoak fails when memory, goroutines, open files, checkpoints or the cluster's directory
// grow, or a job fails.
func TestSoak(t *testing.T) {
	span, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("it runs for as long as SOAK says, such as SOAK=30m; make soak does")
	}
	rate := 2000
	if n, err := strconv.Atoi(os.Getenv("SOAK_RATE")); err == nil {
		rate = n
	}
	k := &kit{t: t, dir: t.TempDir()}
	k.bin = os.Getenv("MINK_BIN")
	if k.bin == "" {
		k.bin = filepath.Join(k.dir, "mink")
		if out, err := exec.Command("go", "build", "-o", k.bin, "github.com/minkstream/mink").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	servers := k.broker()
	k.mink("up", "--nodes", "3", "--slots", "4", "--gateway-port", "0", "--rest-port", "0", "--postgres-port", "0", "--flight-port", "0")
	t.Cleanup(func() { _ = exec.Command(k.bin, "down", "--dir", filepath.Join(k.dir, ".mink")).Run() })
	file := filepath.Join(k.dir, "load.sql")
	text := strings.NewReplacer("EVERY", every, "TTL", strconv.Itoa(int(ttl.Milliseconds())), "RATE", strconv.Itoa(rate), "SLOW", strconv.Itoa(rate/4), "BROKER", servers).Replace(script)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	k.mink("run", "--detach", file)
	start := time.Now()
	warm := max(span/4, 3*ttl+30*time.Second)
	if warm > span*3/4 {
		t.Fatalf("SOAK=%s is too short: state alone takes %s to be as large as it gets", span, warm)
	}
	begun := k.ends(servers)
	for time.Since(start) < span {
		time.Sleep(10 * time.Second)
		if since := time.Since(start); since > warm {
			k.sample((since - warm).Seconds())
		} else if begun == 0 {
			begun = k.ends(servers)
		}
	}
	if n := k.ends(servers); n <= begun {
		t.Errorf("nothing came out of the job with Kafka: %d records, then %d", begun, n)
	}
	k.jobs()
	k.report(span, warm, rate)
}

// kit is a cluster in a directory, and what was measured of it.
type kit struct {
	t      *testing.T
	dir    string
	bin    string
	series []*series
}

// series is a quantity over time.
type series struct {
	what, unit string
	// slack is a growth that means nothing, in units.
	slack  float64
	at, of []float64
}

func (k *kit) mink(args ...string) string {
	k.t.Helper()
	cmd := exec.Command(k.bin, args...)
	cmd.Dir = k.dir
	cmd.Env = append(os.Environ(), "MINK_VITALS=10s")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		k.t.Fatalf("mink %v: %v\n%s%s", args, err, out, errs.String())
	}
	return string(out)
}

func (k *kit) broker() string {
	k.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MINK_SOAK_BROKER=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		k.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// ends counts the committed records of the sums.
func (k *kit) ends(servers string) (n int64) {
	k.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(servers))
	if err != nil {
		k.t.Fatal(err)
	}
	defer cl.Close()
	list, err := kadm.NewClient(cl).ListCommittedOffsets(context.Background(), "sums")
	if err != nil {
		k.t.Fatal(err)
	}
	list.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

// add puts a value at the end of a series.
func (k *kit) add(at float64, what, unit string, slack, v float64) {
	for _, s := range k.series {
		if s.what == what {
			s.at, s.of = append(s.at, at), append(s.of, v)
			return
		}
	}
	k.series = append(k.series, &series{what, unit, slack, []float64{at}, []float64{v}})
}

func (k *kit) sample(at float64) {
	var st struct {
		Coordinator, Watchdog process
		Nodes                 []process
	}
	if err := json.Unmarshal([]byte(k.mink("status", "--output", "json")), &st); err != nil {
		k.t.Fatal(err)
	}
	for _, p := range append([]process{st.Coordinator, st.Watchdog}, st.Nodes...) {
		k.add(at, p.Name+" memory", "MB", 12, status(k.t, p.PID, "VmRSS:")/1024)
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID))
		if err != nil {
			k.t.Errorf("%s: %v", p.Name, err)
		}
		k.add(at, p.Name+" files", "", 8, float64(len(files)))
		if v, ok := vitals(filepath.Join(k.dir, ".mink", "log", p.Name+".log")); ok {
			k.add(at, p.Name+" goroutines", "", 10, v.Goroutines)
			k.add(at, p.Name+" heap", "MB", 12, v.Heap/(1<<20))
		}
	}
	k.add(at, "checkpoints", "MB", 1, size(filepath.Join(k.dir, ".mink", "checkpoints")))
	k.add(at, "store", "MB", 8, size(filepath.Join(k.dir, ".mink", "store")))
	k.add(at, "run", "MB", 8, size(filepath.Join(k.dir, ".mink", "run")))
}

type process struct {
	Name string
	PID  int
}

// status is a number of /proc/PID/status, in KB.
func status(t *testing.T, pid int, key string) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Error(err)
		return 0
	}
	_, rest, _ := strings.Cut(string(b), key)
	n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return n
}

type vital struct {
	Msg              string
	Goroutines, Heap float64
}

// vitals are the newest of a log.
func vitals(path string) (last vital, ok bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return last, false
	}
	for _, line := range bytes.Split(b, []byte("\n")) {
		var v vital
		if bytes.Contains(line, []byte(`"vitals"`)) && json.Unmarshal(line, &v) == nil {
			last, ok = v, true
		}
	}
	return last, ok
}

// size is that of the files of a folder, in MB. Files come and go meanwhile.
func size(dir string) float64 {
	sum := int64(0)
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return float64(sum) / (1 << 20)
}

// jobs fails unless all run, as they were started.
func (k *kit) jobs() {
	k.t.Helper()
	n := 0
	for in := json.NewDecoder(strings.NewReader(k.mink("jobs", "ls", "--output", "json"))); in.More(); n++ {
		var j struct{ Name, State string }
		if err := in.Decode(&j); err != nil || j.State != "RUNNING" {
			k.t.Fatalf("job %s is %s, %v", j.Name, j.State, err)
		}
	}
	if n != jobsOfScript {
		k.t.Errorf("%d jobs", n)
	}
	b, err := os.ReadFile(filepath.Join(k.dir, ".mink", "log", "coordinator.log"))
	if err != nil {
		k.t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, "failed") {
			k.t.Errorf("the log says %s", line)
		}
	}
}

// growthMax is how much of its mean a quantity may grow from one end to the other: what a
// line through the samples says, less the error of its slope.
const growthMax = 0.10

// grown is the growth of a series over its time by a line through its values, and the
// standard error of that.
func (s *series) grown() (by, err float64) {
	n := float64(len(s.at))
	var mt, mv float64
	for i := range s.at {
		mt += s.at[i] / n
		mv += s.of[i] / n
	}
	var tt, tv float64
	for i := range s.at {
		tt += (s.at[i] - mt) * (s.at[i] - mt)
		tv += (s.at[i] - mt) * (s.of[i] - mv)
	}
	slope := tv / tt
	var rest float64
	for i := range s.at {
		d := s.of[i] - mv - slope*(s.at[i]-mt)
		rest += d * d
	}
	span := s.at[len(s.at)-1] - s.at[0]
	return slope * span, math.Sqrt(rest/(n-2)/tt) * span
}

func (s *series) mean() float64 {
	sum := 0.0
	for _, v := range s.of {
		sum += v
	}
	return sum / float64(len(s.of))
}

// bad reports a growth that is no accident.
func (s *series) bad() bool {
	by, err := s.grown()
	return by-2*err > math.Max(s.slack, growthMax*s.mean())
}

func (k *kit) report(span, warm time.Duration, rate int) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %d rows/s and source, the first %s left out; growth by a line through %d samples, with its standard error\n\n", span, rate, warm, len(k.series[0].at))
	fmt.Fprintf(&b, "| what | first | last | mean | largest | growth |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, s := range k.series {
		if len(s.at) < 5 {
			k.t.Errorf("only %d samples of %s", len(s.at), s.what)
			continue
		}
		top := 0.0
		for _, v := range s.of {
			top = math.Max(top, v)
		}
		by, err := s.grown()
		mark := ""
		if s.bad() {
			mark = " **grows**"
			k.t.Errorf("%s grows: by %.1f ± %.1f %s from a mean of %.1f", s.what, by, err, s.unit, s.mean())
		}
		fmt.Fprintf(&b, "| %s%s | %.1f | %.1f | %.1f | %.1f | %+.1f ± %.1f%s |\n", s.what, map[bool]string{true: ", " + s.unit}[s.unit != ""], s.of[0], s.of[len(s.of)-1], s.mean(), top, by, err, mark)
	}
	fmt.Println(b.String())
}

// TestSlope: a leak is seen in noise, and noise is not taken for one.
func TestSlope(t *testing.T) {
	noise := func(i int) float64 { return float64(i*7919%23) - 11 }
	flat, leak, wave := &series{what: "flat", slack: 10}, &series{what: "leak", slack: 10}, &series{what: "wave", slack: 10}
	for i := range 120 {
		at := float64(10 * i)
		flat.at, flat.of = append(flat.at, at), append(flat.of, 100+noise(i))
		leak.at, leak.of = append(leak.at, at), append(leak.of, 100+noise(i)+0.25*float64(i))
		wave.at, wave.of = append(wave.at, at), append(wave.of, 100+40*math.Sin(float64(i)/3))
	}
	if flat.bad() || wave.bad() || !leak.bad() {
		t.Errorf("flat %v, wave %v, leak %v", flat.bad(), wave.bad(), leak.bad())
	}
	if by, err := leak.grown(); math.Abs(by-0.25*119) > 3*err || err > 5 {
		t.Errorf("the leak of %.1f is %.1f ± %.1f", 0.25*119, by, err)
	}
}
