package trace

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
)

func drawSteps(t *rapid.T) []Step {
	var out []Step
	for i := range rapid.IntRange(0, 200).Draw(t, "steps") {
		s := Step{
			N: int64(i + 1), Stamp: rapid.Int64().Draw(t, "stamp"), Pick: rapid.Int32().Draw(t, "pick"),
			Clock: rapid.Bool().Draw(t, "clock"), Failed: rapid.Bool().Draw(t, "failed"), Chained: rapid.Bool().Draw(t, "chained"),
		}
		if s.Clock {
			s.Now = rapid.Int64().Draw(t, "now")
		}
		if s.Failed {
			s.Error = rapid.String().Draw(t, "error")
		}
		if rapid.Bool().Draw(t, "mail") {
			s.Mail = rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")
		}
		if rapid.Bool().Draw(t, "poll") {
			s.Poll = &Poll{
				Split: rapid.IntRange(0, 9).Draw(t, "split"), Rows: rapid.IntRange(0, 4096).Draw(t, "rows"), Status: rapid.Byte().Draw(t, "status"),
				Digest: rapid.Uint64().Draw(t, "digest"),
			}
			for range rapid.IntRange(0, 2).Draw(t, "marks") {
				s.Poll.Marks = append(s.Poll.Marks, batch.Mark{Pos: rapid.Uint16().Draw(t, "place"), WM: rapid.Int64().Draw(t, "watermark")})
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "calls") {
			s.Calls = append(s.Calls, Call{rapid.Bool().Draw(t, "refused"), rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "answer")})
		}
		if s.Chained {
			s.Hash = rapid.Uint64().Draw(t, "hash")
		}
		out = append(out, s)
	}
	return out
}

// What is written is read back, whatever the order of the stamps.
func TestLogRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawSteps(t)
		var l Log
		for i := range want {
			l.Add(&want[i])
			if rapid.IntRange(0, 20).Draw(t, "look") == 0 {
				l.Encode() // a log may be looked at while it grows
			}
		}
		got, err := Decode(l.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) || l.Len() != int64(len(want)) {
			t.Fatalf("%d steps, want %d", len(got), len(want))
		}
		for i := range want {
			if !got[i].Clock {
				got[i].Now = 0 // carried on, without a meaning
			}
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("step %d: got %+v, want %+v", i, got[i], want[i])
			}
		}
	})
}

// A log that was cut off or changed gives an error and the whole blocks before it.
func TestLogDamage(t *testing.T) {
	var l Log
	for i := range int64(200) {
		l.Add(&Step{N: i + 1, Stamp: i * 7, Pick: int32(i % 5), Chained: true, Hash: uint64(i)})
	}
	whole := l.Encode()
	for at := range whole {
		bytes := slices.Clone(whole)
		bytes[at] ^= 0x40
		steps, err := Decode(bytes)
		if err == nil {
			t.Fatalf("a changed byte at %d is not seen", at)
		}
		if len(steps)%blockSteps != 0 {
			t.Fatalf("a changed byte at %d: %d steps are no whole blocks", at, len(steps))
		}
	}
	if steps, err := Decode(whole[:len(whole)-1]); err == nil || len(steps) != 192 {
		t.Fatalf("cut off: %d steps, error %v", len(steps), err)
	}
}
