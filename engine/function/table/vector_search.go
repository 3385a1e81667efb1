package table

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// VectorSearchName is the name of the function that VectorSearch makes.
const VectorSearchName = "VECTOR_SEARCH"

// VectorSearch is VECTOR_SEARCH over table t, named so in plans: a function of the
// vector that gives the columns of the table, then the score under the name given. What
// is found is recorded, so that a run can be repeated without the table.
func VectorSearch(search connect.VectorSearch, t *connect.Table, q connect.VectorQuery, named, score string) *function.TableFunc {
	schema := t.Schema
	vector := schema[q.Column].Type
	out := append(schema[:len(schema):len(schema)], types.Field{Name: score, Type: types.DoubleT.Nullable(false)})
	return &function.TableFunc{
		Name: VectorSearchName, Summary: "Rows of a table whose vectors are nearest to a vector.", Det: function.PerCall, AppendOnly: true,
		Text: func(args []string) string {
			return VectorSearchName + "(TABLE " + named + ", DESCRIPTOR(" + schema[q.Column].Name + "), " + args[0] + ", " + strconv.Itoa(q.K) + ")"
		},
		Infer: func(c *function.Call) (function.TableResolved, error) {
			if from := c.Args[0].Type; !function.CanCast(from, vector, false) {
				return function.TableResolved{}, diag.New(diag.TypeMismatch, "%s searches with a vector of the type of the searched column, %s, not with %s",
					VectorSearchName, vector.Nullable(true), from.Nullable(true))
			}
			return function.TableResolved{
				Params: []types.Type{vector.Nullable(true)}, Out: out,
				Begin: func() (function.TableKernel, func() error) {
					s := &vectorSearch{search: search, schema: schema.Types(), codec: batch.NewRowCodec(schema.Types())}
					return s.rows, s.close
				},
			}, nil
		},
	}
}

// vectorSearch is the function in one operator.
type vectorSearch struct {
	search   connect.VectorSearch
	searcher connect.VectorSearcher // nil until the first call that is not a repetition
	schema   []types.Type
	codec    *batch.RowCodec
	hits     connect.VectorHits
	lanes    []uint16
	vectors  batch.Col
	scores   batch.Col
}

func (s *vectorSearch) rows(f *function.Frame, out *function.TableRows, args []*batch.Col, n int, live []uint64) error {
	a := args[0]
	s.lanes = s.lanes[:0]
	for l := range kernel.Lanes(n, live) {
		if !a.IsNull(l) {
			s.lanes = append(s.lanes, uint16(l))
		}
	}
	out.From, out.To = grow(out.From, n), grow(out.To, n)
	clear(out.From)
	clear(out.To)
	if len(s.lanes) == 0 {
		s.hits = connect.VectorHits{Cols: empty(s.schema)}
	} else if err := s.find(f, a); err != nil {
		return err
	}
	for i, l := range s.lanes {
		out.From[l], out.To[l] = s.hits.From[i], s.hits.To[i]
	}
	out.Cols = out.Cols[:0]
	for i := range s.hits.Cols {
		out.Cols = append(out.Cols, function.TableCol{Col: &s.hits.Cols[i], At: s.hits.At})
	}
	s.scores.Alloc(types.DoubleT.Nullable(false), len(s.hits.Scores))
	copy(s.scores.F64, s.hits.Scores)
	out.Cols = append(out.Cols, function.TableCol{Col: &s.scores})
	return nil
}

// find searches for the vectors of the lanes, or takes what was found in the run that
// is repeated.
func (s *vectorSearch) find(f *function.Frame, a *batch.Col) error {
	s.vectors = batch.Col{}
	s.vectors.Append(0, a, s.lanes, len(s.lanes))
	asked := false
	kept, err := f.Outside(func() ([]byte, error) {
		asked = true
		if err := s.open(f); err != nil {
			return nil, err
		}
		if err := s.searcher.Search(&s.vectors, len(s.lanes), &s.hits); err != nil {
			return nil, err
		}
		return s.pack(), nil
	})
	if err != nil || asked {
		return err
	}
	return s.unpack(kept)
}

func (s *vectorSearch) open(f *function.Frame) error {
	if s.searcher != nil {
		return nil
	}
	var err error
	s.searcher, err = s.search.Open(connect.ReaderCtx{
		Parallelism: 1, Now: f.Now, Wake: func() {}, BadRecord: func(error) { f.Count("badRecords", 1) },
	})
	return err
}

func (s *vectorSearch) close() error {
	if s.searcher == nil {
		return nil
	}
	return s.searcher.Close()
}

// pack writes the hits: how many each vector has, the scores, the rows.
func (s *vectorSearch) pack() []byte {
	h := &s.hits
	var out []byte
	for i := range h.From {
		out = binary.LittleEndian.AppendUint32(out, h.To[i]-h.From[i])
	}
	var at []uint32
	scores := 0
	for i := range h.From {
		for k := h.From[i]; k < h.To[i]; k++ {
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(h.Scores[k]))
			row := k
			if h.At != nil {
				row = h.At[k]
			}
			at = append(at, row)
			scores++
		}
	}
	return s.codec.Pack(out, h.Cols, at, scores)
}

func (s *vectorSearch) unpack(b []byte) error {
	n := len(s.lanes)
	bad := diag.New(diag.Internal, "recorded hits of %s are cut short", VectorSearchName)
	if len(b) < 4*n {
		return bad
	}
	h := connect.VectorHits{Cols: empty(s.schema)}
	at := uint32(0)
	for i := range n {
		h.From = append(h.From, at)
		at += binary.LittleEndian.Uint32(b[4*i:])
		h.To = append(h.To, at)
	}
	b = b[4*n:]
	if len(b) < 8*int(at) {
		return bad
	}
	for i := range int(at) {
		h.Scores = append(h.Scores, math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])))
	}
	got, _, err := s.codec.Unpack(h.Cols, b[8*at:])
	if err == nil && got != int(at) {
		err = bad
	}
	s.hits = h
	return err
}

func empty(ts []types.Type) []batch.Col {
	out := make([]batch.Col, len(ts))
	for i, t := range ts {
		out[i].Alloc(t, 0)
	}
	return out
}
