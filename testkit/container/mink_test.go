package container

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dock is a cluster of mink in containers on a network of their own: the coordinator with a
// node in one, a node in each of the others. All see one folder.
type dock struct {
	t    *testing.T
	name string
	dir  string
	ip   map[string]string
}

// needDocker skips without Docker.
func needDocker(t *testing.T) {
	t.Helper()
	needAll(t)
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("no Docker: there is no program docker")
	}
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		t.Skipf("no Docker: it does not answer: %s", bytes.TrimSpace(out))
	}
}

func (d *dock) docker(args ...string) string {
	d.t.Helper()
	out, err := d.try(args...)
	if err != nil {
		d.t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (d *dock) try(args ...string) (string, error) {
	out, err := exec.Command("docker", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// image builds one from nothing but the binary.
func (d *dock) image() {
	d.t.Helper()
	c := exec.Command("go", "build", "-o", filepath.Join(d.dir, "image", "mink"), "github.com/minkstream/mink")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		d.t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(d.dir, "image", "Dockerfile"), []byte("FROM scratch\nWORKDIR /tmp\nWORKDIR /shop\nCOPY mink /mink\nENTRYPOINT [\"/mink\"]\n"), 0o644); err != nil {
		d.t.Fatal(err)
	}
	d.docker("build", "-q", "-t", d.name, filepath.Join(d.dir, "image"))
}

// run starts a container.
func (d *dock) run(name, ip string, args ...string) {
	d.t.Helper()
	d.ip[name] = ip
	d.docker(append([]string{"run", "-d", "--name", d.name + "-" + name, "--hostname", name, "--network", d.name, "--ip", ip, "--network-alias", name,
		"-v", filepath.Join(d.dir, "work") + ":/shop", d.name}, args...)...)
}

// mink runs a command in the coordinator's container.
func (d *dock) mink(args ...string) (string, error) {
	return d.try(append([]string{"exec", d.name + "-c1", "/mink"}, args...)...)
}

// jobs are the states of all jobs.
func (d *dock) jobs() (states []string, restarts int) {
	text, err := d.mink("jobs", "ls", "--output", "json")
	if err != nil {
		return nil, 0
	}
	for in := json.NewDecoder(strings.NewReader(text)); in.More(); {
		var j struct {
			State    string
			Restarts int
		}
		if in.Decode(&j) != nil {
			return nil, 0
		}
		states, restarts = append(states, j.State), restarts+j.Restarts
	}
	return states, restarts
}

// exceptions is what every job failed on.
func (d *dock) exceptions() string {
	d.t.Helper()
	text, err := d.mink("jobs", "ls", "--output", "json")
	if err != nil {
		return text
	}
	var all []string
	for in := json.NewDecoder(strings.NewReader(text)); in.More(); {
		var j struct{ ID string }
		if err := in.Decode(&j); err != nil {
			return err.Error()
		}
		shown, _ := d.mink("jobs", "show", j.ID) // what it says of a failure is as good
		said, _ := d.mink("jobs", "exceptions", j.ID)
		all = append(all, shown, said)
	}
	out, _ := d.try("logs", "--tail", "40", d.name+"-c1")
	all = append(all, out)
	return strings.Join(all, "\n")
}

// await waits until a condition holds.
func (d *dock) await(what string, most time.Duration, f func() bool) {
	d.t.Helper()
	for until := time.Now().Add(most); !f(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(until) {
			for _, c := range []string{"c1", "c2", "c3"} {
				out, _ := d.try("logs", "--tail", "15", d.name+"-"+c)
				d.t.Logf("%s says\n%s", c, out)
			}
			d.t.Fatalf("%s: not within %s", what, most)
		}
	}
}

func startDock(t *testing.T) *dock {
	t.Helper()
	needDocker(t)
	d := &dock{t: t, name: "mink-test-" + strconv.Itoa(os.Getpid()), dir: t.TempDir(), ip: map[string]string{}}
	for _, s := range []string{"image", "work/in"} {
		if err := os.MkdirAll(filepath.Join(d.dir, s), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.image()
	t.Cleanup(func() {
		for _, c := range []string{"c1", "c2", "c3"} {
			_, _ = d.try("rm", "-f", d.name+"-"+c) // it may never have begun
		}
		_, _ = d.try("network", "rm", d.name)
		_, _ = d.try("rmi", "-f", d.name)
	})
	d.docker("network", "create", "--subnet", "10.213.77.0/24", d.name)
	d.run("c1", "10.213.77.11", "up", "--foreground", "--listen", "0.0.0.0", "--nodes", "1", "--slots", "2")
	token := ""
	d.await("the coordinator's token", time.Minute, func() bool {
		out, err := d.mink("node", "token")
		token = out
		return err == nil
	})
	if err := os.WriteFile(filepath.Join(d.dir, "work", "join.token"), []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, c := range []string{"c2", "c3"} {
		d.run(c, fmt.Sprint("10.213.77.", 12+i), "node", "--join", "c1:6123", "--token-file", "/shop/join.token", "--dir", "/node", "--slots", "2")
	}
	d.whole()
	return d
}

// whole waits until all nodes are there.
func (d *dock) whole() {
	d.t.Helper()
	d.await("three nodes", time.Minute, func() bool {
		text, err := d.mink("status", "--output", "json")
		var st struct{ Nodes []struct{ State string } }
		if err != nil || json.Unmarshal([]byte(text), &st) != nil {
			return false
		}
		n := 0
		for _, x := range st.Nodes {
			if x.State == "running" {
				n++
			}
		}
		return n == 3
	})
}

// trouble disturbs a container.
func (d *dock) trouble(rng *rand.Rand, kind int) string {
	d.t.Helper()
	c := []string{"c1", "c2", "c3"}[rng.IntN(3)]
	full := d.name + "-" + c
	wait := time.Duration(500+rng.IntN(4000)) * time.Millisecond
	switch kind {
	case 0:
		d.docker("kill", full)
		d.docker("start", full)
		return "kill " + c
	case 1:
		d.docker("pause", full)
		time.Sleep(wait)
		d.docker("unpause", full)
		return fmt.Sprint("pause ", c, " ", wait)
	default:
		d.docker("network", "disconnect", d.name, full)
		time.Sleep(wait)
		d.docker("network", "connect", "--ip", d.ip[c], "--alias", c, d.name, full)
		return fmt.Sprint("disconnect ", c, " ", wait)
	}
}

const dockJob = `
SET 'parallelism.default' = '6';
SET 'execution.checkpointing.interval' = '200 ms';
CREATE TABLE orders (id BIGINT, customer INT, cents BIGINT, placed TIMESTAMP(3), WATERMARK FOR placed AS placed)
WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'csv', 'mink.replay.column' = 'placed', 'mink.replay.speed' = '3');
CREATE TABLE copies (id BIGINT, customer INT) WITH ('connector' = 'filesystem', 'path' = 'copies', 'format' = 'csv');
CREATE TABLE sums (customer INT, n BIGINT, cents BIGINT) WITH ('connector' = 'filesystem', 'path' = 'sums', 'format' = 'csv');
BEGIN STATEMENT SET;
INSERT INTO copies SELECT id, customer FROM orders;
INSERT INTO sums SELECT customer, COUNT(*), SUM(cents) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(placed), INTERVAL '1' DAY)) GROUP BY window_start, window_end, customer;
END;
`

// TestMinkInContainers: containers of a cluster are killed, paused and taken off the network,
// and the files that its job writes are as if nothing had been.
func TestMinkInContainers(t *testing.T) {
	d := startDock(t)
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("MINK_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("MINK_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	// A minute of orders, played three times as fast.
	const orders = 60_000
	want := map[string]map[string]int{"copies": {}, "sums": {}}
	var files [6]bytes.Buffer
	counts, totals := map[int]int{}, map[int]int{}
	for id := range orders {
		customer, cents := id*7919%997, id*31%10_000
		fmt.Fprintf(&files[id%6], "%d,%d,%d,%s\n", id, customer, cents, time.UnixMilli(int64(id)).UTC().Format("2006-01-02 15:04:05.000"))
		want["copies"][fmt.Sprintf("%d,%d", id, customer)] = 1
		counts[customer]++
		totals[customer] += cents
	}
	for c, n := range counts {
		want["sums"][fmt.Sprintf("%d,%d,%d", c, n, totals[c])] = 1
	}
	work := filepath.Join(d.dir, "work")
	for i := range files {
		if err := os.WriteFile(filepath.Join(work, "in", strconv.Itoa(i)+".csv"), files[i].Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(work, "job.sql"), []byte(dockJob), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := d.mink("run", "--detach", "job.sql"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	over := func() bool {
		states, _ := d.jobs()
		if len(states) > 0 && states[0] == "FAILED" {
			t.Fatalf("the job failed\n%s", d.exceptions())
		}
		return len(states) > 0 && states[0] == "FINISHED"
	}
	done := 0
	for i := 0; i < 9 && !over(); i++ {
		time.Sleep(time.Duration(500+rng.IntN(1500)) * time.Millisecond)
		t.Log(d.trouble(rng, i%3))
		done++
	}
	d.await("the job's end", 3*time.Minute, over)
	if done < 3 {
		t.Errorf("only %d disturbances", done)
	}
	for name, want := range want {
		got := map[string]int{}
		list, err := filepath.Glob(filepath.Join(work, name, "*"))
		if err != nil || len(list) == 0 {
			t.Fatalf("no files of %s: %v", name, err)
		}
		for _, p := range list {
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Fields(string(b)) {
				got[line]++
			}
		}
		bad := 0
		for k, n := range got {
			if n != 1 || want[k] != 1 {
				bad++
				t.Logf("%s: %d times: %s", name, n, k)
			}
		}
		if bad > 0 || len(got) != len(want) {
			t.Errorf("%s: %d lines that are wrong or twice, %d instead of %d", name, bad, len(got), len(want))
		}
	}
	t.Logf("%d disturbances", done)
}
