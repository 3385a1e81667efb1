package connect_test

import (
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// Texts that Flink's documentation takes for durations and sizes, and some it does
// not.
func TestDurationsAndSizes(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10": 10 * time.Millisecond, "10ms": 10 * time.Millisecond, " 10 s ": 10 * time.Second, "5 min": 5 * time.Minute, "5m": 5 * time.Minute,
		"2 h": 2 * time.Hour, "1 d": 24 * time.Hour, "3 days": 72 * time.Hour, "7us": 7 * time.Microsecond, "7 µs": 7 * time.Microsecond, "9 ns": 9, "9 NANOSECONDS": 9,
		"PT10S": 10 * time.Second, "pt1h30m": 90 * time.Minute, "P1DT2H": 26 * time.Hour, "PT0.5S": 500 * time.Millisecond, "0 s": 0,
	} {
		if got, ok := connect.ParseDuration(text); !ok || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "s", "-1 s", "1.5 s", "10 parsecs", "1 s 2", "P", "PT", "P1H", "PT1D", "9223372036854775807 d", "99999999999999999999 ns"} {
		if got, ok := connect.ParseDuration(text); ok {
			t.Errorf("%q is %v", text, got)
		}
	}
	for text, want := range map[string]int64{"1": 1, "1 b": 1, "64kb": 64 << 10, "128 MB": 128 << 20, "128m": 128 << 20, "1 g": 1 << 30, "2 tebibytes": 2 << 40} {
		if got, ok := connect.ParseSize(text); !ok || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "mb", "1.5 mb", "-1", "1 pb", "9223372036854775807 tb"} {
		if got, ok := connect.ParseSize(text); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func TestCheck(t *testing.T) {
	c := connect.Connector{Name: "c", Formats: true, Options: []connect.Option{
		{Key: "path", Required: true}, {Key: "n", Type: connect.Int}, {Key: "fields.", Prefix: true}, {Key: "mode", Type: connect.Enum, Values: []string{"A", "B"}},
		{Key: "fields.special", Type: connect.Bool},
	}}
	f := map[string]*connect.Format{"f": {Name: "f", Options: []connect.Option{{Key: "sep"}, {Key: "plain", Plain: true}}}}
	ok := connect.Options{"connector": "c", "path": "p", "format": "f", "f.sep": ",", "plain": "1", "f.plain": "2", "n": " 5 ", "fields.x.y": "z", "mode": "a",
		"scan.parallelism": "2", "value.format": "f", "value.f.sep": ";"}
	if err := c.Check(ok, f); err != nil {
		t.Error(err)
	}
	for _, bad := range []struct {
		key, value string
		code       diag.Code
		about      string
	}{
		{"n", "x", diag.InvalidOption, "n"}, {"mode", "C", diag.InvalidOption, "mode"}, {"pth", "p", diag.UnknownOption, "pth"}, {"f.spe", ",", diag.UnknownOption, "f.spe"},
		{"fields.", "x", diag.UnknownOption, "fields."}, {"fields.special", "x", diag.InvalidOption, "fields.special"}, {"format", "g", diag.InvalidOption, "format"},
		{"format", "avro", diag.Unsupported, "format"}, {"sink.parallelism", "0", diag.InvalidOption, "sink.parallelism"}, {"key.f.sep", ",", diag.UnknownOption, "key.f.sep"},
		{"path", "", "", ""},
	} {
		o := connect.Options{}
		for k, v := range ok {
			o[k] = v
		}
		o[bad.key] = bad.value
		if bad.key == "path" {
			delete(o, "path")
			bad.code, bad.about = diag.MissingOption, "path"
		}
		err := c.Check(o, f)
		if diag.CodeOf(err) != bad.code || connect.OptionKey(err) != bad.about {
			t.Errorf("%s = %q: %v about %q; want %s", bad.key, bad.value, err, connect.OptionKey(err), bad.code)
		}
	}
	if _, err := connect.Pick([]*connect.Connector{&c}, connect.Options{}); diag.CodeOf(err) != diag.MissingOption {
		t.Error(err)
	}
	if got := (connect.Options{"l": " a ;; b;"}).List("l"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("list %q", got)
	}
}
