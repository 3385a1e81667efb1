package filesystem

import "testing"

// TestTempNames: the files in progress of every format are known as such, so that
// those of a run that was killed are removed.
func TestTempNames(t *testing.T) {
	for _, format := range []string{"csv", "json", "parquet", "changelog-json", "debezium-json"} {
		p := part{final: "part-7_sink-0a1b-0031-2-000004." + format}
		if attempt, ok := parseTemp(p.temp(), "7_sink-0a1b"); !ok || attempt != 31 {
			t.Errorf("%s: attempt %d, %v", p.temp(), attempt, ok)
		}
		if _, ok := parseTemp(p.final, "7_sink-0a1b"); ok {
			t.Errorf("%s is a final name", p.final)
		}
	}
}
