package sqltest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// watermarkTables are a source that gives 500 rows each second for 4 s, 100 ms of event
// time apart; and one that gives three rows, one each second, whose event time is that
// second. So by the time of the second slow row, at 2 s of event time, the quick source is
// at 50 s.
func watermarkTables(slow string) []string {
	table := func(name, step, rate string, rows int, options string) string {
		return fmt.Sprintf(`CREATE TABLE %s (id BIGINT, ts AS TO_TIMESTAMP_LTZ(id * %s, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen',
'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '%d', 'rows-per-second' = '%s'%s)`, name, step, rows, rate, options)
	}
	return []string{
		table("quick", "100", "500", 2000, slow), table("slow", "1000", "1", 3, slow),
		"CREATE VIEW merged AS SELECT 'q' AS src, id, ts FROM quick UNION ALL SELECT 's' AS src, id, ts FROM slow",
	}
}

// TestIdleSources counts what of the slow source is in time. It holds the watermark back
// until it is idle; then its rows come late. The option of the table wins over the setting.
// shows table.exec.source.idle-timeout
func TestIdleSources(t *testing.T) {
	const query = `SELECT src, SUM(n) FROM (SELECT src, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE merged, DESCRIPTOR(ts), INTERVAL '1' SECOND))
GROUP BY src, window_start, window_end) GROUP BY src`
	for _, c := range []struct {
		name, option, setting string
		slow                  int
	}{
		{"never", "", "0 ms", 3},
		{"after 300 ms", "", "300 ms", 1},
		{"after 3 s", "", "3 s", 3},
		{"by the option", ", 'scan.watermark.idle-timeout' = '300 ms'", "0 ms", 1},
		{"the option wins", ", 'scan.watermark.idle-timeout' = '3 s'", "300 ms", 3},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			for seed := range uint64(2) {
				got := clockRun(t, seed, watermarkTables(c.option), "src STRING, n BIGINT", query, [2]string{"table.exec.source.idle-timeout", c.setting})
				last := map[string]string{}
				for _, row := range got {
					if cells := strings.Split(strings.Trim(row[2:], "[]"), ", "); row[0] == '+' {
						last[cells[0]] = cells[1]
					}
				}
				if last["s"] != strconv.Itoa(c.slow) || last["q"] != "2000" {
					t.Errorf("seed %d: counts %v, want %d of the slow source and all of the quick one", seed, last, c.slow)
				}
			}
		})
	}
}

// TestWatermarkAlignment looks how far the quick source is when the last slow row comes.
// With the first one it is at 50 s at once, and is then to wait until the slow one is at
// 45 s, which it never is; what it hears of that it hears every 100 ms.
func TestWatermarkAlignment(t *testing.T) {
	const aligned = ", 'scan.watermark.alignment.group' = 'g', 'scan.watermark.alignment.max-drift' = '5 s', 'scan.watermark.alignment.update-interval' = '100 ms'"
	ahead := func(seed uint64, option string) int {
		rows := clockRun(t, seed, watermarkTables(option), "src STRING, id BIGINT", "SELECT src, id FROM merged")
		if len(rows) != 2003 {
			t.Fatalf("seed %d: %d rows", seed, len(rows))
		}
		most := 0
		for _, row := range rows[:slices.Index(rows, "+I[s, 3]")] {
			if id, ok := strings.CutPrefix(row, "+I[q, "); ok {
				n, _ := strconv.Atoi(strings.TrimSuffix(id, "]"))
				most = max(most, n)
			}
		}
		return most / 10 // seconds of event time
	}
	for seed := range uint64(2) {
		if got := ahead(seed, aligned); got > 50 {
			t.Errorf("seed %d: aligned, the quick source is at %d s", seed, got)
		}
		if got := ahead(seed, ""); got < 100 {
			t.Errorf("seed %d: not aligned, the quick source is at %d s only", seed, got)
		}
	}
}

// TestWatermarkEmit gives a row of 10 s and, 100 ms later, one of 1 s. It is late
// where each row moves the watermark, and in time where that is done every 200 ms, but
// not where it is done every 10 ms.
// shows pipeline.auto-watermark-interval
func TestWatermarkEmit(t *testing.T) {
	const query = "SELECT CAST(COUNT(*) AS INT) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end"
	for _, c := range []struct {
		name, option, interval string
		windows                int
	}{
		{"by default", "", "200 ms", 1},
		{"on event", ", 'scan.watermark.emit.strategy' = 'on-event'", "200 ms", 1},
		{"on periodic", ", 'scan.watermark.emit.strategy' = 'on-periodic'", "200 ms", 2},
		{"on periodic, often", ", 'scan.watermark.emit.strategy' = 'on-periodic'", "10 ms", 1},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			for seed := range uint64(2) {
				table := `CREATE TABLE t (id BIGINT, ts AS TO_TIMESTAMP_LTZ(CASE id WHEN 1 THEN 10000 ELSE 1000 END, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen',
'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '2', 'rows-per-second' = '10'` + c.option + ")"
				got := clockRun(t, seed, []string{table}, "n INT", query, [2]string{"pipeline.auto-watermark-interval", c.interval})
				if len(got) != c.windows {
					t.Errorf("seed %d: %d windows, want %d: %v", seed, len(got), c.windows, got)
				}
			}
		})
	}
}
