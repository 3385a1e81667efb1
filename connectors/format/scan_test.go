package format

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The scans of whole words say what a loop over bytes says.
func TestScansAgreeWithByteLoops(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := []byte(strings.Repeat("x", rapid.IntRange(0, 70).Draw(t, "lead")))
		s = append(s, rapid.SliceOfN(rapid.SampledFrom([]byte("ab ,\"\\\n\x00\x1f\x20\x21\x5b\x5d\x7f\x80\xdc\xff")), 0, 40).Draw(t, "bytes")...)
		q := rapid.SampledFrom([]byte("\\\",")).Draw(t, "byte")
		wide, control := false, false
		for _, c := range s {
			wide = wide || c >= 0x80
			control = control || c < ' '
		}
		has := bytes.IndexByte(s, q) >= 0
		if found, w := Has(s, Repeat(q)); w != wide || !wide && found != has || has && !found {
			t.Fatalf("Has(%q, %q) = %v, %v", s, q, found, w)
		}
		if got := Plain(s, Repeat(q)); got != !(wide || control || has) {
			t.Fatalf("Plain(%q, %q) = %v", s, q, got)
		}
		from := rapid.IntRange(0, len(s)).Draw(t, "from")
		end, w := ScanString(s, from)
		want := from
		seen := false
		for want < len(s) && s[want] != '"' && s[want] != '\\' && s[want] >= ' ' {
			seen = seen || s[want] >= 0x80
			want++
		}
		if end != want || w != seen {
			t.Fatalf("ScanString(%q, %d) = %d, %v; want %d, %v", s, from, end, w, want, seen)
		}
	})
}
