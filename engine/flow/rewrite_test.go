package flow

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

// rewritten plays a tape and gives the one that it makes of it.
func rewritten(t *testing.T, tape *Tape, how Playback) (*Tape, *trace.File) {
	t.Helper()
	disk := env.NewMemDisk()
	to, err := trace.Create(disk, "new", trace.Manifest{})
	if err != nil {
		t.Fatal(err)
	}
	how.Rewrite.To = to
	j := StartReplay(env.OS(t.TempDir()), tape, how)
	if err := errors.Join(j.Wait(testCtx(t)), to.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := trace.Open(disk, "new")
	if err != nil {
		t.Fatal(err)
	}
	g, cfg := *tape.job.graph, tape.job.cfg
	again, err := ReadTape(file, 0, tape.job.env, &g, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return again, file
}

// A tape that is rewritten as it is has the same steps, with the rows of its sources if
// that is wanted.
func TestRewriteSame(t *testing.T) {
	tape, _, _ := recorded(t, false)
	again, _ := rewritten(t, tape, Playback{Rewrite: &Rewrite{Embed: true}})
	if len(again.attempts) != len(tape.attempts) || !again.job.cfg.Record.Embed {
		t.Fatalf("%d attempts instead of %d, rows: %v", len(again.attempts), len(tape.attempts), again.job.cfg.Record.Embed)
	}
	for i, a := range tape.attempts {
		for k, steps := range a.tasks {
			for n := range steps {
				if x := again.attempts[i].tasks[k][n]; !reflect.DeepEqual(steps[n], x) {
					t.Errorf("attempt %d, task %d, step %d: %+v instead of %+v", i, k, n, x, steps[n])
				}
			}
			if len(steps) != len(again.attempts[i].tasks[k]) {
				t.Errorf("attempt %d, task %d: %d steps, not those of the tape, which has %d", i, k, len(again.attempts[i].tasks[k]), len(steps))
			}
		}
		if b := again.attempts[i]; a.timeMS != b.timeMS || a.mono != b.mono || a.timeMS == 0 {
			t.Errorf("attempt %d began at %d, on the tape at %d", i, b.timeMS, a.timeMS)
		}
	}
	tape.job.graph.Vertices[0].Source.Source.(*numbers).total = 0
	if err := Replay(again, nil); err != nil {
		t.Error(err)
	}
}

// A replay that stops makes a tape of what comes before: as many steps, which replay.
func TestRewriteUntil(t *testing.T) {
	tape, _, _ := recorded(t, true)
	for _, stop := range []Position{{Checkpoint: 0, Step: 3}, {Attempt: 1, Checkpoint: 1, Step: 5}, {Attempt: 2, Step: 1}} {
		var at Position
		var had []int
		again, _ := rewritten(t, tape, Playback{Rewrite: &Rewrite{}, After: func(m *Moment) bool {
			at, had = m.Position, m.Steps()
			return stop.Reached(m.Position)
		}})
		if at.Checkpoint < stop.Checkpoint || at.Attempt < stop.Attempt || stop.Checkpoint == 0 && stop.Attempt == 0 && at.Step != stop.Step {
			t.Errorf("it stopped at %s, and was to at %s", at, stop)
		}
		last := again.attempts[len(again.attempts)-1]
		for k, n := range had {
			if len(last.tasks[k]) != n {
				t.Errorf("%s: task %d has %d steps, and took %d", stop, k, len(last.tasks[k]), n)
			}
		}
		if err := Replay(again, nil); err != nil {
			t.Errorf("%s: %v", stop, err)
		}
	}
}

// Rows that are changed on the way in are other ones in all that follows: in what
// operators emit, on the tape, and in the checkpoint that the second attempt begins from.
func TestRewriteRows(t *testing.T) {
	tape, want, _ := recordedAt(t, false, 1)
	again, file := rewritten(t, tape, Playback{Rewrite: &Rewrite{Embed: true, Rows: func(_ string, s types.Schema, b *batch.Batch) error {
		for i := range b.N {
			b.Cols[0].I64[i] += 1000
		}
		return nil
	}}})
	var got outputs
	if err := Replay(again, got.see); err != nil {
		t.Fatal(err)
	}
	for who, rows := range want.out {
		for i, r := range rows {
			var step, k, n int64
			var kind string
			if _, err := fmt.Sscan(r, &step, &kind, &k, &n); err != nil {
				t.Fatal(err)
			}
			if k >= 0 { // else a timer
				k += 1000
			}
			if i >= len(got.out[who]) || got.out[who][i] != fmt.Sprintf("%d %s %d %d", step, kind, k, n) {
				t.Fatalf("%s: row %d of %d was %s", who, i, len(got.out[who]), r)
			}
		}
	}
	if at := file.Manifest.Jobs[0].Attempts; len(at) != 2 || at[1].Checkpoint == 0 {
		t.Errorf("attempts %+v", at)
	}
}

func TestPositionText(t *testing.T) {
	for _, text := range []string{"0:0", "40:1284", "2/40:1284"} {
		p, err := ParsePosition(text)
		if err != nil || p.String() != text {
			t.Errorf("%s is %s, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "7", "a:b", "1:-1", "-1:1", "0/1:1", "1:2:3", "x/1:1"} {
		if p, err := ParsePosition(text); err == nil {
			t.Errorf("%q is %s", text, p)
		}
	}
	list := []Position{{1, 0, 0}, {1, 0, 9}, {1, 3, 0}, {1, 3, 8}, {2, 3, 0}, {2, 4, 1}}
	for i, p := range list {
		for k, m := range list {
			if p.Reached(m) != (k >= i) {
				t.Errorf("%v reached at %v: %v", p, m, p.Reached(m))
			}
		}
	}
	if !slices.ContainsFunc(list, func(m Position) bool { return Position{Checkpoint: 4, Step: 1}.Reached(m) }) {
		t.Error("a position of any attempt is reached in none")
	}
}
