package harness

import (
	"fmt"
	"testing"

	"github.com/minkstream/mink/engine/flow"
)

const planted = `
CREATE TABLE a (k INT, x INT, t TIMESTAMP(3), WATERMARK FOR t AS t) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE b (k INT, y INT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE joined (k INT, x INT, y INT) WITH ('connector' = 'kafka', 'format' = 'debezium-json');
CREATE TABLE minutes (w TIMESTAMP(3), k INT, s INT) WITH ('connector' = 'kafka', 'format' = 'json');
BEGIN STATEMENT SET;
INSERT INTO joined SELECT a.k, SUM(x), SUM(y) FROM a JOIN b ON a.k = b.k GROUP BY a.k;
INSERT INTO minutes SELECT window_start, k, SUM(x) FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(t), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, k;
END;
`

// TestPlants: bugs of the runtime, planted one by one, are found, and without one all runs
// agree. How many runs it took is logged.
func TestPlants(t *testing.T) {
	c := &Case{Scripts: []Source{{Text: planted}}}
	for i := range 12 {
		var a, b []Row
		for k := range 5 {
			a = append(a, row(fmt.Sprint((i*5+k*7)%40), fmt.Sprint(i), fmt.Sprintf("10:%02d:%02d", i, k*10)))
			b = append(b, row(fmt.Sprint((i*3+k*11)%40), fmt.Sprint(k)))
		}
		c.Steps = append(c.Steps, &Give{Table: "a", Rows: a}, &Give{Table: "b", Rows: b})
	}
	for _, p := range []flow.Plant{flow.PlantNone, flow.PlantNoAlign, flow.PlantOffsetLate, flow.PlantOffsetEarly, flow.PlantBarrierOvertake} {
		v, err := Check(c, &Options{Plant: p}, Plan{Schedules: 100, NoShrink: true})
		if err != nil {
			t.Fatal(err)
		}
		if found := len(v.Failures) > 0; found == (p == flow.PlantNone) {
			t.Errorf("%s: found %v in %d runs", p, found, v.Runs)
			for _, f := range v.Failures {
				t.Log(say(f))
			}
			continue
		}
		t.Logf("%s: %d runs", p, v.Runs)
		if p != flow.PlantNone && v.Runs > 20 {
			t.Errorf("%s: %d runs are too many", p, v.Runs)
		}
	}
}
