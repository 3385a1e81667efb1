package harness

import (
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/cassette"
	"github.com/minkstream/mink/testkit/lookup"
)

// TestEndless: a job that fails again after each restart ends its run with what fails, and
// where; it is the same under a schedule.
func TestEndless(t *testing.T) {
	c := &Case{Scripts: []Source{{Name: "job.sql", Text: `CREATE TABLE t (k INT, pt AS PROCTIME()) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE names (id INT, name STRING) WITH ('connector' = 'model-lookup', 'rows' = '1,Anna', 'mode' = 'sync', 'fail-on' = '2');
SELECT t.k, n.name FROM t LEFT JOIN names FOR SYSTEM_TIME AS OF t.pt AS n ON t.k = n.id;
`}}, Steps: []Step{&Give{Table: "t", Rows: []Row{row("1"), row("2")}}}}
	o := &Options{Cassettes: cassette.New(cassette.Live), Connectors: []*connect.Connector{lookup.Connector}}
	v, err := Check(c, o, Plan{NoShrink: true})
	if err != nil || len(v.Failures) != 1 || v.Failures[0].Err == nil {
		t.Fatal(v, err)
	}
	e := v.Failures[0].Err
	if e.Err.Code != diag.Endless || !strings.Contains(e.Error(), "failed each time") || !strings.Contains(e.Error(), "the model fails on key 2") || !strings.Contains(e.Error(), "job.sql:3:") {
		t.Error(e)
	}
}
