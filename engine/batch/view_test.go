package batch

import (
	"bytes"
	"testing"
)

// TestMakeInline puts texts of every length into a view and takes them out again; what
// lies behind a text must not come along.
func TestMakeInline(t *testing.T) {
	text := []byte("abcdefghijkl and more")
	for from := range 5 {
		for n := range InlineMax + 1 {
			s := text[from : from+n]
			v := MakeInline(s)
			var tmp [12]byte
			if got := v.Inline(&tmp); !bytes.Equal(got, s) {
				t.Errorf("%q became %q", s, got)
			}
			for _, c := range tmp[n:] {
				if c != 0 {
					t.Errorf("%q: bytes behind it are not 0", s)
				}
			}
		}
	}
}
