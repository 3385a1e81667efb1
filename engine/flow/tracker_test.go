package flow

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
)

// step is one change of an input and the watermark that must follow.
type trackStep struct {
	in   int
	wm   int64 // 0: no change
	idle int   // 1: goes idle, -1: returns
	end  bool
	want int64
}

func TestTracker(t *testing.T) {
	const none = batch.NoWatermark
	for name, steps := range map[string][]trackStep{
		"least of all":                       {{in: 0, wm: 5, want: none}, {in: 1, wm: 9, want: 5}, {in: 0, wm: 7, want: 7}},
		"idle leaves the minimum":            {{in: 0, wm: 5, want: none}, {in: 1, idle: 1, want: 5}, {in: 0, wm: 8, want: 8}},
		"one that returns counts at once":    {{in: 0, wm: 5, want: none}, {in: 1, idle: 1, want: 5}, {in: 1, idle: -1, want: 5}, {in: 0, wm: 8, want: 5}, {in: 1, wm: 6, want: 6}},
		"it never goes back":                 {{in: 1, idle: 1, want: none}, {in: 0, wm: 8, want: 8}, {in: 1, idle: -1, want: 8}, {in: 1, wm: 3, want: 8}, {in: 1, wm: 10, want: 8}},
		"all idle: the greatest":             {{in: 0, wm: 5, want: none}, {in: 1, wm: 9, want: 5}, {in: 0, idle: 1, want: 9}, {in: 1, idle: 1, want: 9}},
		"all idle, the other way round":      {{in: 0, wm: 5, want: none}, {in: 1, wm: 9, want: 5}, {in: 1, idle: 1, want: 5}, {in: 0, idle: 1, want: 9}},
		"an ended input holds nothing back":  {{in: 0, wm: 5, want: none}, {in: 1, wm: 3, want: 3}, {in: 1, end: true, want: 5}, {in: 0, wm: 6, want: 6}},
		"the end of all is the end":          {{in: 0, wm: 5, want: none}, {in: 1, end: true, want: 5}, {in: 0, end: true, want: batch.MaxWatermark}},
		"the end does not speak for an idle": {{in: 0, wm: 5, want: none}, {in: 1, idle: 1, want: 5}, {in: 0, end: true, want: 5}},
		"ended, then idle":                   {{in: 0, wm: 10, want: none}, {in: 1, wm: 5, want: 5}, {in: 0, end: true, want: 5}, {in: 1, idle: 1, want: 10}},
		"idle, then ended":                   {{in: 0, wm: 10, want: none}, {in: 1, wm: 5, want: 5}, {in: 1, idle: 1, want: 10}, {in: 0, end: true, want: 10}},
	} {
		w := newTracker(2)
		for i, s := range steps {
			x := &w.in[s.in]
			if s.wm != 0 {
				x.wm = max(x.wm, s.wm)
			}
			if s.idle != 0 {
				x.idle = s.idle > 0
			}
			x.ended = x.ended || s.end
			w.update()
			if w.cur != s.want {
				t.Errorf("%s: after step %d the watermark is %d, want %d", name, i, w.cur, s.want)
			}
		}
	}
}

// Where it ends does not depend on the order in which inputs become idle or end, nor
// on how their watermarks are interleaved before.
func TestTrackerOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "inputs")
		last := make([]int64, n)
		for i := range last {
			last[i] = int64(rapid.IntRange(0, 50).Draw(t, "watermark"))
		}
		run := func(order []int) int64 {
			w := newTracker(n)
			for i, wm := range last {
				w.in[i].wm = wm
			}
			w.update()
			for _, i := range order {
				if i > 0 && i%2 == 0 {
					w.in[i].ended = true
				} else {
					w.in[i].idle = true
				}
				w.update()
			}
			if !w.allIdle() {
				t.Fatal("not idle")
			}
			return w.cur
		}
		order := make([]int, n)
		top := int64(0)
		for i := range order {
			order[i] = i
			top = max(top, last[i])
		}
		if got := run(rapid.Permutation(order).Draw(t, "order")); got != top {
			t.Fatalf("got %d, want the greatest, %d", got, top)
		}
	})
}

// Marks of one input become those of all, at the same places.
func TestTrackerMarks(t *testing.T) {
	w := newTracker(2)
	w.in[1].wm = 10
	got := w.marks(0, []batch.Mark{{Pos: 1, WM: 4}, {Pos: 2, WM: 9}, {Pos: 5, WM: 12}, {Pos: 6, WM: 13}}, nil)
	want := []batch.Mark{{Pos: 1, WM: 4}, {Pos: 2, WM: 9}, {Pos: 5, WM: 10}}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	w.in[1].wm = 20
	if !w.update() || w.cur != 13 {
		t.Fatalf("the watermark is %d, want 13", w.cur)
	}
}
