package rest

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/gateway"
)

// both starts the two interfaces over one engine, with a job that runs: its id.
func both(t *testing.T, settings object) (gate, jobs *server, session string) {
	t.Helper()
	c := newClient(t)
	o := Options{Value: values, Version: "test", Settings: map[string]string{"rest.port": "1", "s3.secret-key": "canary"}}
	g := NewGateway(c, o)
	t.Cleanup(func() { _ = g.Close() })
	gate, jobs = serve(t, g), serve(t, NewJobManager(c, o))
	session = gate.session(settings)
	gate.run(session, "CREATE TABLE g (id BIGINT, p AS id) WITH ('connector' = 'datagen', 'rows-per-second' = '1000', 'fields.id.min' = '1', 'fields.id.max' = '9')")
	gate.run(session, "CREATE TABLE b (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole')")
	return gate, jobs, session
}

func (s *server) await(what, path string, ok func(object) bool) object {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		o := s.ok("GET", path, nil)
		if ok(o) {
			return o
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s does not come: %v", what, o)
		}
	}
}

func insertOf(gate *server, session, sql string) string {
	return gate.run(session, sql)[len(`INSERT ["`):][:32]
}

func TestJobLifeOverREST(t *testing.T) {
	dir := t.TempDir()
	gate, jobs, session := both(t, object{"execution.checkpointing.interval": "100 ms", "some.password": "canary"})
	id := insertOf(gate, session, "INSERT INTO b SELECT id, COUNT(*) FROM g GROUP BY id")
	job := "/v1/jobs/" + id
	jobs.await("checkpoint", job+"/checkpoints", func(o object) bool { return o["counts"].(map[string]any)["completed"].(float64) > 1 })
	if got := jobs.ok("GET", "/jobs", nil); fmt.Sprint(got) != "map[jobs:[map[id:"+id+" status:RUNNING]]]" {
		t.Error(got)
	}
	// A savepoint, then the end with another, as flink savepoint and flink stop do it.
	trigger := func(path string, body object) object {
		tr := jobs.ok("POST", job+path, body).text("request-id")
		return jobs.await("savepoint", job+"/savepoints/"+tr, func(o object) bool { return o["status"].(map[string]any)["id"] == "COMPLETED" })["operation"].(map[string]any)
	}
	exists := func(op object) {
		t.Helper()
		if _, err := os.Stat(filepath.Join(op.text("location"), "_metadata")); err != nil {
			t.Errorf("%v: %v", op, err)
		}
	}
	exists(trigger("/savepoints", object{"target-directory": "file://" + dir, "cancel-job": false, "formatType": "CANONICAL"}))
	if st, text := jobs.send("POST", job+"/savepoints", object{}); st != 400 || !strings.Contains(text, "target-directory") {
		t.Errorf("a savepoint that goes nowhere: %d %s", st, text)
	}
	// A trigger id that comes twice is one request.
	twice := object{"target-directory": dir, "triggerId": "0123456789abcdef0123456789abcdef"}
	exists(trigger("/savepoints", twice))
	exists(trigger("/savepoints", twice))
	if got, _ := filepath.Glob(dir + "/savepoint-*"); len(got) != 2 {
		t.Errorf("savepoints: %v", got)
	}
	exists(trigger("/stop", object{"targetDirectory": dir, "drain": false}))
	if got := jobs.ok("GET", job, nil).text("state"); got != "FINISHED" {
		t.Error(got)
	}
	if st, _ := jobs.send("PATCH", job, nil); st != 409 {
		t.Errorf("cancelling what has ended: %d", st)
	}
	// A savepoint of a job that has ended is an operation that fails.
	if op := trigger("/savepoints", object{"target-directory": dir}); op["failure-cause"] == nil {
		t.Error(op)
	}
	id = insertOf(gate, session, "INSERT INTO b SELECT id, COUNT(*) FROM g GROUP BY id")
	jobs.ok("PATCH", "/jobs/"+id+"?mode=cancel", nil)
	jobs.await("end", "/jobs/"+id, func(o object) bool { return o.text("state") == "CANCELED" })
	// Secrets of settings are shown nowhere.
	for _, path := range []string{"/jobs/" + id + "/config", "/jobmanager/config", "/jobs/" + id + "/jobmanager/config"} {
		if _, text := jobs.send("GET", path, nil); strings.Contains(text, "canary") || !strings.Contains(text, "******") {
			t.Errorf("%s: %s", path, text)
		}
	}
}

// Parts of a checkpoint add up to it, by vertex and by subtask.
func TestCheckpointPartsOverREST(t *testing.T) {
	gate, jobs, session := both(t, object{"execution.checkpointing.interval": "50 ms", "parallelism.default": "2"})
	id := insertOf(gate, session, "INSERT INTO b SELECT id, COUNT(*) FROM g GROUP BY id")
	job := "/jobs/" + id
	list := jobs.await("checkpoint", job+"/checkpoints", func(o object) bool { return o["counts"].(map[string]any)["completed"].(float64) > 2 })
	at := fmt.Sprint(job, "/checkpoints/details/", list["latest"].(map[string]any)["completed"].(map[string]any)["id"])
	all := jobs.ok("GET", at, nil)
	number := func(o map[string]any, key string) float64 {
		t.Helper()
		n, ok := o[key].(float64)
		if !ok {
			t.Errorf("no %s in %v", key, o)
		}
		return n
	}
	tasks, vertices := all["tasks"].(map[string]any), jobs.ok("GET", job, nil)["vertices"].([]any)
	if len(tasks) != len(vertices) || len(tasks) < 2 {
		t.Fatalf("%d tasks of %d vertices", len(tasks), len(vertices))
	}
	sum := map[string]float64{}
	for _, v := range vertices {
		v := v.(map[string]any)
		task, ok := tasks[v["id"].(string)].(map[string]any)
		if !ok {
			t.Fatalf("nothing of %v in %v", v["id"], tasks)
		}
		sub := jobs.ok("GET", at+"/subtasks/"+v["id"].(string), nil)
		subtasks, summary := sub["subtasks"].([]any), sub["summary"].(map[string]any)
		if number(task, "num_subtasks") != number(v, "parallelism") || len(subtasks) != int(number(v, "parallelism")) || task["status"] != "COMPLETED" {
			t.Errorf("%v has %v", v, task)
		}
		of, latest, longest := map[string]float64{}, 0., 0.
		for i, s := range subtasks {
			s := s.(map[string]any)
			ack, took := number(s, "ack_timestamp"), s["checkpoint"].(map[string]any)
			parts := number(s["alignment"].(map[string]any), "duration") + number(took, "sync") + number(took, "async") + number(s, "start_delay")
			if d := number(s, "end_to_end_duration"); d != ack-number(all, "trigger_timestamp") || parts > d+1 || parts < d-4 {
				t.Errorf("%v", s)
			}
			if s["className"] != "completed" || s["status"] != "completed" || number(s, "index") != float64(i) || s["unaligned_checkpoint"] != false || s["aborted"] != false {
				t.Errorf("%v", s)
			}
			latest, longest = max(latest, ack), max(longest, number(s, "end_to_end_duration"))
			for _, k := range []string{"state_size", "checkpointed_size"} {
				of[k] += number(s, k)
			}
		}
		if number(task, "latest_ack_timestamp") != latest || latest > number(all, "latest_ack_timestamp") || number(task, "end_to_end_duration") != longest ||
			number(summary["end_to_end_duration"].(map[string]any), "max") != longest {
			t.Errorf("%v of %v, %v", task, subtasks, summary)
		}
		for k, n := range of {
			if number(task, k) != n || number(sub, k) != n || number(summary[k].(map[string]any), "avg") != math.Floor(n/float64(len(subtasks))) {
				t.Errorf("%s of %v is %v in all", k, sub, n)
			}
			sum[k] += n
		}
		sum["num_subtasks"] += number(task, "num_subtasks")
		sum["num_acknowledged_subtasks"] += number(task, "num_acknowledged_subtasks")
	}
	for k, n := range sum {
		if number(all, k) != n || n <= 0 {
			t.Errorf("%s is %v, of its parts %v", k, all[k], n)
		}
	}
	for path, want := range map[string]string{
		at + "/subtasks/00000000000000000000000000000000":                                          "not found",
		job + "/checkpoints/details/99999/subtasks/" + vertices[0].(map[string]any)["id"].(string): "checkpoint 99999",
	} {
		if st, text := jobs.send("GET", path, nil); st != 404 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, st, text)
		}
	}
}

func TestFailuresOverREST(t *testing.T) {
	gate, jobs, session := both(t, object{"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "2", "restart-strategy.fixed-delay.delay": "1 ms"})
	id := insertOf(gate, session, "INSERT INTO b SELECT 1, 1 / a FROM (VALUES (0)) AS t (a)")
	jobs.await("failure", "/jobs/"+id, func(o object) bool { return o.text("state") == "FAILED" })
	list := jobs.ok("GET", "/jobs/"+id+"/exceptions", nil)["exceptionHistory"].(map[string]any)["entries"].([]any)
	if len(list) != 3 {
		t.Fatalf("%d failures of three attempts", len(list))
	}
	for _, e := range list {
		if e := object(e.(map[string]any)); e.text("exceptionName") != "division-by-zero" || strings.Contains(e.text("stacktrace"), ".go:") {
			t.Error(e)
		}
	}
	short := jobs.ok("GET", "/jobs/"+id+"/exceptions?maxExceptions=1", nil)["exceptionHistory"].(map[string]any)
	if len(short["entries"].([]any)) != 1 || short["truncated"] != true {
		t.Error(short)
	}
	if got := fmt.Sprint(jobs.ok("GET", "/jobs/"+id+"/execution-result", nil)); !strings.Contains(got, "application-status:FAILED") || !strings.Contains(got, "division") {
		t.Error(got)
	}
}

// Rows that are counted are those of the job, in the vertices, in the metrics and in
// Prometheus' text.
func TestMetricsOverREST(t *testing.T) {
	gate, jobs, session := both(t, nil)
	gate.run(session, "CREATE TABLE n (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '500')")
	gate.run(session, "CREATE TABLE slow (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1')")
	id := insertOf(gate, session, "INSERT INTO b SELECT id, COUNT(*) FROM (SELECT id FROM n UNION ALL SELECT id FROM slow WHERE id IS NULL) GROUP BY id")
	var sink string
	value := func(name string) string {
		_, text := jobs.send("GET", "/jobs/"+id+"/vertices/"+sink+"/subtasks/0/metrics?get="+name, nil)
		return text
	}
	jobs.await("rows", "/jobs/"+id, func(o object) bool {
		for _, v := range o["vertices"].([]any) {
			if v := object(v.(map[string]any)); v["metrics"].(map[string]any)["read-records"] == 500.0 && strings.Contains(v.text("name"), "Aggregate") {
				sink = v.text("id")
			}
		}
		return sink != ""
	})
	if got := value("numRecordsIn"); got != `[{"id":"numRecordsIn","value":"500"}]` {
		t.Error(got)
	}
	if _, got := jobs.send("GET", "/jobs/"+id+"/vertices/"+sink+"/subtasks/metrics?get=numRecordsIn&agg=sum,max", nil); got != `[{"id":"numRecordsIn","max":500,"sum":500}]` {
		t.Error(got)
	}
	// Quantiles of no checkpoints are no numbers, as Flink writes them.
	if _, got := jobs.send("GET", "/jobs/"+id+"/checkpoints", nil); !strings.Contains(got, `"end_to_end_duration":{"min":0,"max":0,"avg":0,"p50":"NaN"`) {
		t.Error(got)
	}
	res, err := http.Get(jobs.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	text := string(raw)
	for _, want := range []string{
		`(?m)^# HELP flink_taskmanager_job_task_operator_numRecordsIn numRecordsIn \(scope: taskmanager_job_task_operator\)$`,
		`(?m)^# TYPE flink_taskmanager_job_task_operator_numRecordsIn gauge$`,
		`(?m)^flink_taskmanager_job_task_operator_numRecordsIn\{host="[^"]+",job_id="` + id + `",job_name="insert_into_default_catalog_default_database_b",operator_id="[0-9a-f]{32}",operator_name="\w+",subtask_index="0",task_attempt_id="[0-9a-f]{32}_` + sink + `_0_0",task_attempt_num="0",task_id="` + sink + `",task_name="[\w:]+",tm_id="node_1"\} 500$`,
		`(?m)^flink_taskmanager_job_task_numRecordsIn\{.*task_id="` + sink + `".*\} 500$`,
		`(?m)^flink_jobmanager_job_numRestarts\{.*\} 0$`, `(?m)^flink_jobmanager_job_lastCheckpointDuration\{.*\} -1$`, `(?m)^flink_jobmanager_numRunningJobs\{host="[^"]+"\} 1$`,
		`(?m)^flink_taskmanager_job_task_busyTimeMsPerSecond\{`, `(?m)^flink_taskmanager_job_task_currentInputWatermark\{`,
		`(?m)^# HELP flink_jobmanager_Status_JVM_Memory_Heap_Used Used \(scope: jobmanager_Status_JVM_Memory_Heap\)$`,
		`(?m)^flink_jobmanager_job_uptime\{`, `(?m)^flink_jobmanager_job_numberOfCompletedCheckpoints\{`, `(?m)^flink_jobmanager_Status_JVM_Memory_Heap_Used\{`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// Every route answers something of its own.
func TestJobManagerRoutes(t *testing.T) {
	_, jobs, _ := both(t, nil)
	for _, r := range JobManagerRoutes() {
		path := strings.NewReplacer("{j}", strings.Repeat("0", 32), "{v}", strings.Repeat("0", 32), "{tm}", "node-1", "{c}", "1", "{i}", "0", "{a}", "0", "{trigger}", strings.Repeat("0", 32)).Replace(r.Path)
		if path == "/metrics" {
			continue
		}
		if st, text := jobs.send(r.Method, path, nil); strings.Contains(text, "Not found: ") || st == 500 {
			t.Errorf("%s %s: %d %s", r.Method, path, st, text)
		}
	}
}

// Bytes that a vertex writes are those that the next one reads, in all places where they
// are told, and they grow with the rows.
func TestBytesOverREST(t *testing.T) {
	gate, jobs, session := both(t, object{"parallelism.default": "2"})
	gate.run(session, "CREATE TABLE n (id BIGINT, a STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '500', 'fields.id.min' = '1', 'fields.id.max' = '9', 'fields.a.length' = '100')")
	gate.run(session, "CREATE TABLE c (a STRING, n BIGINT) WITH ('connector' = 'blackhole')")
	id := insertOf(gate, session, "INSERT INTO c SELECT a, COUNT(*) FROM n GROUP BY a")
	job := jobs.await("end", "/jobs/"+id, func(o object) bool { return o.text("state") == "FINISHED" })
	const least = 500 * (16 + 100) // of a row's text: its view and its length
	bytes := map[bool]float64{}
	for i, v := range job["vertices"].([]any) {
		v := object(v.(map[string]any))
		io := v["metrics"].(map[string]any)
		source := i == 0
		key := map[bool]string{true: "write-bytes", false: "read-bytes"}[source]
		bytes[source] += io[key].(float64)
		sum, path := 0., "/jobs/"+id+"/vertices/"+v.text("id")
		for _, s := range jobs.ok("GET", path, nil)["subtasks"].([]any) {
			sum += s.(map[string]any)["metrics"].(map[string]any)[key].(float64)
		}
		nodes := 0.
		for _, n := range jobs.ok("GET", path+"/taskmanagers", nil)["taskmanagers"].([]any) {
			nodes += n.(map[string]any)["metrics"].(map[string]any)[key].(float64)
		}
		if sum != io[key] || nodes != sum {
			t.Errorf("%s of %s: %v, of its subtasks %v, by node %v", key, v.text("name"), io[key], sum, nodes)
		}
		name := map[bool]string{true: "numBytesOut", false: "numBytesIn"}[source]
		want := fmt.Sprintf(`"sum":%.0f}`, sum)
		if _, got := jobs.send("GET", path+"/subtasks/metrics?get="+name+"&agg=sum", nil); !strings.Contains(got, want) {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
	if bytes[true] != bytes[false] || bytes[true] < least || bytes[true] > 2*least {
		t.Errorf("written %v, read %v, and at least %d are there", bytes[true], bytes[false], least)
	}
}

// brokenClient does not reach its cluster.
type brokenClient struct{ gateway.Client }

func (brokenClient) Jobs(context.Context) ([]gateway.JobStatus, error) {
	return nil, fmt.Errorf("no connection")
}

func TestMetricsOfNoClient(t *testing.T) {
	s := serve(t, NewJobManager(brokenClient{newClient(t)}, Options{}))
	if st, text := s.send("GET", "/metrics", nil); st != 500 || !strings.Contains(text, "no connection") {
		t.Errorf("%d %s", st, text)
	}
}
