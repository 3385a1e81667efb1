package table

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// shelf finds for the vector [n] the rows n and n + 1 of a table of four, and nothing
// for [9].
type shelf struct {
	opened, closed int
	fails          bool
	cols           []batch.Col
}

func (s *shelf) Open(connect.ReaderCtx) (connect.VectorSearcher, error) {
	s.opened++
	if s.fails {
		return nil, errors.New("the table is gone")
	}
	b := batch.NewBatchBuilder(types.StringT, types.IntT, types.ArrayT(types.DoubleT))
	for i := range 4 {
		b.Row(batch.Insert, fmt.Sprintf("the book with number %d", i), int64(i), nil)
	}
	s.cols = b.Finish().Cols
	return s, nil
}

func (s *shelf) Search(v *batch.Col, n int, h *connect.VectorHits) error {
	*h = connect.VectorHits{Cols: s.cols}
	for i := range n {
		at := uint32(v.Kids[0].F64[v.Offs[i]])
		h.From = append(h.From, uint32(len(h.At)))
		if at < 9 {
			h.At, h.Scores = append(h.At, at, at+1), append(h.Scores, float64(at), -0.5)
		}
		h.To = append(h.To, uint32(len(h.At)))
	}
	return nil
}

func (s *shelf) Close() error { s.closed++; return nil }

// tape is an Env that keeps what calls outside gave, or gives it again.
type tape struct {
	function.FixedEnv
	kept [][]byte
	play bool
}

func (e *tape) Rand() *rand.Rand { return nil }

func (e *tape) Outside(f func() ([]byte, error)) ([]byte, error) {
	if e.play {
		b := e.kept[0]
		e.kept = e.kept[1:]
		return b, nil
	}
	b, err := f()
	e.kept = append(e.kept, b)
	return b, err
}

// TestVectorSearchRecorded calls the function for some lanes and again from what was
// recorded, where the table is gone.
func TestVectorSearchRecorded(t *testing.T) {
	vector := types.ArrayT(types.DoubleT)
	shelves := &connect.Table{Schema: types.Schema{{Name: "title", Type: types.StringT}, {Name: "n", Type: types.IntT}, {Name: "v", Type: vector}}}
	b := batch.NewBuilder(vector)
	for _, x := range []float64{2, 0, 9, 1, 0} {
		b.Kid(0).AppendFloat(x)
		b.EndList()
	}
	b.AppendNull()
	arg := b.Finish()
	live := []uint64{0b101101} // lanes 0, 2, 3 and 5, which is NULL
	run := func(s *shelf, env *tape) ([]string, error) {
		f := VectorSearch(s, shelves, connect.VectorQuery{Column: 2}, "t", "score")
		res, err := f.Infer(&function.Call{Args: []function.Arg{{Type: vector}}})
		if err != nil {
			t.Fatal(err)
		}
		kernel, end := res.Begin()
		defer func() {
			if err := end(); err != nil {
				t.Error(err)
			}
		}()
		var rows function.TableRows
		if err := kernel(function.NewFrame(env, nil), &rows, []*batch.Col{&arg}, 6, live); err != nil {
			return nil, err
		}
		var out []string
		for l := range 6 {
			for h := rows.From[l]; h < rows.To[l]; h++ {
				line := fmt.Sprint(l)
				for _, c := range rows.Cols {
					k := h
					if c.At != nil {
						k = c.At[h]
					}
					line += fmt.Sprint(" ", c.Col.Any(int(k)))
				}
				out = append(out, line)
			}
		}
		return out, nil
	}
	want := []string{
		"0 the book with number 2 2 <nil> 2", "0 the book with number 3 3 <nil> -0.5",
		"3 the book with number 1 1 <nil> 1", "3 the book with number 2 2 <nil> -0.5",
	}
	s, env := &shelf{}, &tape{}
	got, err := run(s, env)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	if s.opened != 1 || s.closed != 1 {
		t.Errorf("opened %d times and closed %d times", s.opened, s.closed)
	}
	gone := &shelf{fails: true}
	kept := slices.Clone(env.kept)
	got, err = run(gone, &tape{kept: env.kept, play: true})
	if err != nil || !slices.Equal(got, want) || gone.opened > 0 {
		t.Errorf("repeated: got %q, %v, opened %d times, want %q", got, err, gone.opened, want)
	}
	if _, err = run(gone, &tape{}); err == nil {
		t.Error("a table that is gone is no error")
	}
	for n := range len(kept[0]) {
		if _, err := run(gone, &tape{kept: [][]byte{kept[0][:n:n]}, play: true}); diag.CodeOf(err) != diag.Internal {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := VectorSearch(s, shelves, connect.VectorQuery{Column: 2}, "t", "score").Infer(&function.Call{Args: []function.Arg{{Type: types.StringT}}}); diag.CodeOf(err) != diag.TypeMismatch {
		t.Errorf("a string as vector: %v", err)
	}
}
