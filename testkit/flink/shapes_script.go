package flink

import "strings"

// run is the script: a session, statements of each kind of result, a job that runs, one
// that fails, and all that can be asked of them.
func (x *exchange) run(dir string) {
	x.gateway("GET", "/v1/api_versions", nil)
	x.gateway("GET", "/v4/info", nil)
	x.gateway("GET", "/v4/nope", nil)
	x.gateway("GET", "/v4/sessions/nobody", nil)
	x.gateway("GET", "/v4/sessions/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", nil)
	s := x.gateway("POST", "/v4/sessions", map[string]any{"sessionName": "shapes", "properties": map[string]string{
		"execution.checkpointing.interval": "300 ms", "restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "1",
		"restart-strategy.fixed-delay.delay": "50 ms",
	}})
	if x.err != nil {
		return
	}
	x.names["s"], _ = s["sessionHandle"].(string)
	x.gateway("GET", "/v4/sessions/{s}", nil)
	x.gateway("POST", "/v4/sessions/{s}/heartbeat", map[string]any{})
	x.gateway("POST", "/v4/sessions/{s}/configure-session", map[string]any{"statement": "SET 'pipeline.name' = 'shapes'"})
	x.gateway("POST", "/v4/sessions/{s}/configure-session", map[string]any{"statement": "RESET 'pipeline.name'"})
	x.statement("a DDL", "CREATE TABLE shapes_b (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole')")
	x.statement("", "CREATE TABLE shapes_g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.id.min' = '1', 'fields.id.max' = '9')")
	x.statement("SHOW", "SHOW TABLES")
	x.statement("wrong SQL", "SELECT nope FROM shapes_g")
	x.statement("a query", "SELECT COUNT(*) FROM (VALUES (1), (2)) AS t (a)")
	x.gateway("GET", "/v4/sessions/{s}/operations/{o}/status", nil)
	x.gateway("GET", "/v4/sessions/{s}/operations/{o}/result/77?rowFormat=JSON", nil)
	x.gateway("GET", "/v4/sessions/{s}/operations/{o}/result/x?rowFormat=JSON", nil)
	x.gateway("POST", "/v4/sessions/{s}/operations/{o}/cancel", map[string]any{})
	x.gateway("DELETE", "/v4/sessions/{s}/operations/{o}/close", nil)
	x.gateway("GET", "/v4/sessions/{s}/operations/{o}/status", nil)
	x.gateway("GET", "/v4/sessions/{s}/complete-statement", map[string]any{"statement": "SELECT * FROM ", "position": 14})
	r := x.statement("an INSERT", "INSERT INTO shapes_b SELECT id, COUNT(*) FROM shapes_g GROUP BY id")
	if x.err != nil {
		return
	}
	x.names["j"], _ = r["jobID"].(string)
	x.running(dir)
	x.failing()
	x.gateway("DELETE", "/v4/sessions/{s}", nil)
}

// running is what is asked of a job that runs.
func (x *exchange) running(dir string) {
	x.until("/jobs/{j}/checkpoints", func(m map[string]any) bool { n, _ := in(m, "counts", "completed").(float64); return n > 1 })
	job := x.jobs("GET", "/jobs/{j}", nil)
	if x.err != nil {
		return
	}
	vertices, _ := job["vertices"].([]any)
	for _, v := range vertices {
		x.names["v"], _ = v.(map[string]any)["id"].(string)
	}
	points := x.jobs("GET", "/jobs/{j}/checkpoints", nil)
	if h, ok := points["history"].([]any); ok {
		for _, c := range h {
			if c := c.(map[string]any); c["status"] == "COMPLETED" {
				x.names["c"] = strings.TrimSuffix(jsonNumber(c["id"]), ".0")
				break
			}
		}
	}
	nodes := x.jobs("GET", "/taskmanagers", nil)
	if list, ok := nodes["taskmanagers"].([]any); ok && len(list) > 0 {
		x.names["tm"], _ = list[0].(map[string]any)["id"].(string)
	}
	for _, p := range []string{
		"/config", "/v1/config", "/overview", "/jobs", "/jobs/overview", "/jobs/metrics", "/jobs/{j}/status", "/jobs/{j}/plan", "/jobs/{j}/exceptions",
		"/jobs/{j}/accumulators", "/jobs/{j}/metrics", "/jobs/{j}/metrics?get=numRestarts,uptime,nope", "/jobs/{j}/execution-result",
		"/jobs/{j}/checkpoints/config", "/jobs/{j}/checkpoints/details/{c}", "/jobs/{j}/checkpoints/details/99999",
		"/jobs/{j}/vertices/{v}", "/jobs/{j}/vertices/{v}/subtasktimes", "/jobs/{j}/vertices/{v}/taskmanagers", "/jobs/{j}/vertices/{v}/accumulators",
		"/jobs/{j}/vertices/{v}/subtasks/accumulators", "/jobs/{j}/vertices/{v}/subtasks/0", "/jobs/{j}/vertices/{v}/subtasks/0/attempts/0",
		"/jobs/{j}/vertices/{v}/backpressure", "/jobs/{j}/vertices/{v}/watermarks", "/jobs/{j}/vertices/{v}/metrics",
		"/jobs/{j}/vertices/{v}/metrics?get=0.numRecordsIn", "/jobs/{j}/vertices/{v}/subtasks/0/metrics?get=numRecordsIn",
		"/jobs/{j}/vertices/{v}/subtasks/metrics", "/jobs/{j}/vertices/{v}/subtasks/metrics?get=numRecordsIn",
		"/jobs/{j}/vertices/{v}/subtasks/metrics?get=numRecordsIn&agg=min", "/jobs/{j}/vertices/{v}/jm-operator-metrics",
		"/taskmanagers/{tm}", "/taskmanagers/{tm}/metrics", "/taskmanagers/{tm}/logs", "/jobmanager/config", "/jobmanager/environment",
		"/jobmanager/logs", "/jobmanager/metrics", "/jobs/{j}/jobmanager/config", "/datasets", "/jobs/xx", "/jobs/00000000000000000000000000000000",
		"/jobs/{j}/vertices/00000000000000000000000000000000", "/jobs/{j}/savepoints/00000000000000000000000000000000", "/jobs/{j}/savepoints/xx",
	} {
		x.jobs("GET", p, nil)
	}
	x.jobs("PATCH", "/jobs/{j}?mode=stop", nil)
	x.jobs("PATCH", "/jobs/{j}/rescaling?parallelism=2", nil)
	x.jobs("PATCH", "/jobs/00000000000000000000000000000000", nil)
	x.jobs("POST", "/jobs/{j}/savepoints", map[string]any{})
	done := func(m map[string]any) bool { return in(m, "status", "id") == "COMPLETED" }
	for _, t := range []struct{ ask, tell, path string }{
		{"savepoints", "savepoints", "target-directory"}, {"checkpoints", "checkpoints", ""}, {"stop", "savepoints", "targetDirectory"},
	} {
		body := map[string]any{}
		if t.path != "" {
			body[t.path] = dir
		}
		r := x.jobs("POST", "/jobs/{j}/"+t.ask, body)
		if x.err != nil {
			return
		}
		x.names[t.ask], _ = r["request-id"].(string)
		x.until("/jobs/{j}/"+t.tell+"/{"+t.ask+"}", done)
		x.jobs("GET", "/jobs/{j}/"+t.tell+"/{"+t.ask+"}", nil)
	}
	x.until("/jobs/{j}", func(m map[string]any) bool { return m["state"] == "FINISHED" })
	x.jobs("PATCH", "/jobs/{j}", nil)
	x.send(x.site.REST, "GET", "/jobs/{j}/execution-result", nil, false)
}

// failing is what is asked of a job that has failed.
func (x *exchange) failing() {
	r := x.statement("", "INSERT INTO shapes_b SELECT 1, 1 / (id - 5) FROM (VALUES (CAST(5 AS BIGINT))) AS t (id)")
	if x.err != nil {
		return
	}
	x.names["f"], _ = r["jobID"].(string)
	x.until("/jobs/{f}", func(m map[string]any) bool { return m["state"] == "FAILED" })
	x.jobs("GET", "/jobs/{f}/exceptions", nil)
	x.jobs("GET", "/jobs/{f}/execution-result", nil)
}
