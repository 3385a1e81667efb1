package exec

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	state "github.com/minkstream/mink/engine/state"
)

// desk is a host whose calls are answered when a test says so.
type desk struct {
	*Bench
	waiting []func() ([]byte, error)
	ids     []int64
	next    int64
}

func newDesk(cfg PredictConfig, old *desk) *desk {
	d := &desk{Bench: NewBench(NewPredict(cfg))}
	d.C.Host = d
	d.C.Store = state.New(state.Config{MaxGroups: 128})
	if old != nil {
		old.Bench.Snapshot()
		var b bytes.Buffer
		if _, err := old.C.Store.Snapshot(1, true).Write(&b); err != nil {
			panic(err)
		}
		if err := d.C.Store.Restore([]state.Chain{{bytes.NewReader(b.Bytes())}}); err != nil {
			panic(err)
		}
	}
	d.Open()
	return d
}

func (d *desk) Start(_ string, f func() ([]byte, error)) int64 {
	d.next++
	d.waiting, d.ids = append(d.waiting, f), append(d.ids, d.next)
	return d.next
}

// answer makes the waiting call i and tells the operator.
func (d *desk) answer(i int) error {
	f, id := d.waiting[i], d.ids[i]
	d.waiting, d.ids = slices.Delete(d.waiting, i, i+1), slices.Delete(d.ids, i, i+1)
	data, err := f()
	return d.try(func() error { return d.Op.(Completer).Completed(d.C, id, data, err) })
}

func (d *desk) rows(lines ...string) { d.Rows(0, squareIn, lines...) }

// out is what came out since the last call.
func (d *desk) out() string { return strings.Join(d.Take(), " ") }

func wantOut(t *testing.T, what string, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestPredictOrder answers calls in another order than they were made.
func TestPredictOrder(t *testing.T) {
	one, two, three := "+I[a, 1, 1, number 1]", "+I[b, 2, 4, number 2]", "+I[c, 3, 9, number 3]"
	cfg := squareConfig(true, false)
	cfg.Max = 3
	d := newDesk(cfg, nil)
	d.rows("+I[1, a]")
	d.rows("+I[2, b]", "+I[5, none]")
	d.rows("+I[3, c]")
	_ = d.answer(1)
	_ = d.answer(1)
	wantOut(t, "the first is not answered", d.out(), "")
	_ = d.answer(0)
	wantOut(t, "all are answered", d.out(), one+" "+two+" "+three)

	cfg.Unordered = true
	d = newDesk(cfg, nil)
	d.rows("+I[1, a]")
	d.rows("+I[2, b]")
	d.rows("+I[3, c]")
	_ = d.answer(2)
	wantOut(t, "the third overtakes", d.out(), three)
	_ = d.answer(0)
	_ = d.answer(0)
	wantOut(t, "the others", d.out(), one+" "+two)
}

// TestPredictWatermarks holds watermarks behind the rows they follow, and rows behind
// the watermarks they follow.
func TestPredictWatermarks(t *testing.T) {
	cfg := squareConfig(true, true)
	cfg.Max = 4
	d := newDesk(cfg, nil)
	var seen []string
	d.OnEmit = func(b *batch.Batch) error {
		marks := b.Marks
		for i, l := range append(Lines(b), "") {
			for len(marks) > 0 && int(marks[0].Pos) <= i {
				seen, marks = append(seen, "wm "+str(marks[0].WM)), marks[1:]
			}
			if l != "" {
				seen = append(seen, l)
			}
		}
		return nil
	}
	out := func() string {
		s := strings.Join(seen, " ")
		seen = nil
		return s
	}
	hold := d.Op.(Holder)
	d.rows("+I[1, a]")
	d.rows("+I[2, b]", "wm 10")
	d.rows("+I[3, c]")
	d.Watermark(0, 20)
	d.rows("+I[4, d]")
	if wm := hold.OutWatermark(20); wm != batch.NoWatermark {
		t.Errorf("watermark %d passes rows under way", wm)
	}
	_ = d.answer(1) // b, behind which watermark 10 stands
	_ = d.answer(1) // c
	_ = d.answer(1) // d
	wantOut(t, "a holds watermark 10 back, and that all behind it", out(), "")
	_ = d.answer(0)
	wantOut(t, "all in order", out(),
		"+I[a, 1, 1, number 1] +I[b, 2, 4, number 2] wm 10 +I[c, 3, 9, number 3] wm 20 +I[d, 4, 16, number 4]")
	if wm := hold.OutWatermark(20); wm != 20 {
		t.Errorf("watermark %d goes out at the end", wm)
	}
	// Marks between the rows of one batch stay where they are, also where rows have no
	// answer.
	d.rows("+I[5, none]", "wm 30", "+I[6, e]", "wm 40", "+I[10, none]", "wm 50")
	_ = d.answer(0)
	wantOut(t, "marks of a batch", out(), "wm 30 +I[e, 6, 36, number 6] wm 50")
	d.Watermark(0, 60)
	if wm := hold.OutWatermark(60); wm != 60 {
		t.Errorf("with nothing under way %d goes out", wm)
	}
}

// TestPredictRestore takes a snapshot while calls are under way and others wait, and
// makes them again in another operator.
func TestPredictRestore(t *testing.T) {
	for _, unordered := range []bool{false, true} {
		d := newDesk(squareConfig(true, unordered), nil)
		for _, l := range []string{"+I[1, a]", "+I[2, NULL]", "+I[3, a name that is longer than twelve]"} {
			d.rows(l)
		}
		if len(d.waiting) != 2 || !d.Op.(Limited).Full() {
			t.Fatalf("%d calls are under way, of at most 2", len(d.waiting))
		}
		next := newDesk(squareConfig(true, unordered), d)
		if len(next.waiting) != 2 || !next.Op.(Limited).Full() {
			t.Fatalf("%d calls are made again", len(next.waiting))
		}
		for len(next.waiting) > 0 {
			if err := next.answer(0); err != nil {
				t.Fatal(err)
			}
		}
		wantOut(t, "after the restore", next.out(),
			"+I[a, 1, 1, number 1] +I[NULL, 2, 4, number 2] +I[a name that is longer than twelve, 3, 9, number 3]")
		if next.Op.(Limited).Full() {
			t.Error("nothing is under way")
		}
		last := newDesk(squareConfig(true, unordered), next)
		if len(last.waiting) > 0 {
			t.Errorf("%d calls are made again after all were answered", len(last.waiting))
		}
	}
}

// TestPredictTimeout gives a call up, but not before its time.
func TestPredictTimeout(t *testing.T) {
	d := newDesk(squareConfig(true, false), nil)
	d.rows("+I[1, a]")
	d.Advance(30_000)
	d.rows("+I[2, b]")
	_ = d.answer(0)
	d.Advance(60_000) // the first was answered
	if at := d.Timers(); len(at) != 1 || at[0] != 90_000 {
		t.Fatalf("timers %v", at)
	}
	d.Clock = 90_000
	if err := d.Op.Timer(d.C, 90_000); diag.CodeOf(err) != diag.JobFailed {
		t.Errorf("the second takes too long: %v", err)
	}
}

// brokenModel answers wrongly.
type brokenModel struct {
	squareModel
	lanes []uint16
	err   error
}

func (m brokenModel) Open(connect.PredictorCtx) (connect.Predictor, error) { return m, nil }

func (m brokenModel) Predict(in, out *batch.Batch) ([]uint16, error) {
	lanes, _ := m.squareModel.Predict(in, out)
	if m.lanes != nil {
		lanes = m.lanes
	}
	return lanes, m.err
}

// TestPredictErrors: what a model says wrong is an error with its name.
func TestPredictErrors(t *testing.T) {
	for _, c := range []struct {
		m    brokenModel
		code diag.Code
	}{
		{brokenModel{err: errors.New("no route")}, diag.IO},
		{brokenModel{err: diag.New(diag.Permission, "no key")}, diag.Permission},
		{brokenModel{lanes: []uint16{0}}, diag.Internal},
		{brokenModel{lanes: []uint16{1, 0}}, diag.Internal},
		{brokenModel{lanes: []uint16{0, 2}}, diag.Internal},
	} {
		for _, async := range []bool{false, true} {
			cfg := squareConfig(async, false)
			c.m.async = async
			cfg.Prediction = c.m
			d := newDesk(cfg, nil)
			err := d.TryPush(0, ParseRows(squareIn, "+I[1, a]", "+I[2, b]"))
			if async && err == nil {
				err = d.answer(0)
			}
			if diag.CodeOf(err) != c.code {
				t.Errorf("async %v: %v, want %s", async, err, c.code)
			}
		}
	}
}

// TestPredictRepeats runs a step again from what was recorded, without the model.
func TestPredictRepeats(t *testing.T) {
	var tape [][]byte
	d := newDesk(squareConfig(false, false), nil)
	d.C.Host = &taped{Host: d, keep: &tape}
	d.rows("+I[1, a]", "+I[5, none]", "+I[7, b]")
	want := d.out()
	cfg := squareConfig(false, false)
	cfg.Prediction = brokenModel{err: errors.New("asked again")}
	again := newDesk(cfg, nil)
	again.C.Host = &taped{Host: again, keep: &tape, play: true}
	again.rows("+I[1, a]", "+I[5, none]", "+I[7, b]")
	wantOut(t, "repeated", again.out(), want)
	wantOut(t, "first", want, "+I[a, 1, 1, number 1] +I[b, 7, 49, number 7]")
}

// taped records what calls to the outside give, or plays it.
type taped struct {
	Host
	keep *[][]byte
	play bool
}

func (h *taped) Outside(f func() ([]byte, error)) ([]byte, error) {
	if h.play {
		b := (*h.keep)[0]
		*h.keep = (*h.keep)[1:]
		return b, nil
	}
	b, err := f()
	*h.keep = append(*h.keep, b)
	return b, err
}
