package kernel

import "testing"

// TestParseBool reads the words of a BOOLEAN, as Flink's CAST takes them: in any letter
// case, with blanks around them, and no others.
func TestParseBool(t *testing.T) {
	for text, want := range map[string]string{
		"true": "true", "T": "true", "Yes": "true", "y": "true", "1": "true", " TRUE\t": "true",
		"false": "false", "f": "false", "NO": "false", "n": "false", "0": "false",
		"": "none", "2": "none", "tru": "none", "truely": "none", "on": "none", "10": "none",
	} {
		v, ok := ParseBool([]byte(text))
		got := "none"
		switch {
		case ok && v:
			got = "true"
		case ok:
			got = "false"
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// TestParseEndOfDay: 24:00:00 is the end of its day, and no time is later than that.
func TestParseEndOfDay(t *testing.T) {
	const day = 86_400_000
	for text, want := range map[string]int64{
		"1970-01-01 24:00:00": day, "1970-01-01 24:00:00.": day, "1970-01-01 24:00:00.000": day, "1969-12-31 24:00:00": 0,
		"1970-01-01 23:59:59.999": day - 1,
		"1970-01-01 24:00:01":     -1, "1970-01-01 24:00:00.001": -1, "1970-01-01 24:01:00": -1, "1970-01-01 24:00": -1, "1970-01-01 25:00:00": -1,
	} {
		got, ok := ParseTimestamp([]byte(text), 1000)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}
