package harness

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/connectors/format/changelogjson"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/cassette"
)

// Here is the one place at which a job under test meets the outside: models, tables that
// are looked up or searched, and (outside_function.go) functions of users. Each call goes
// through the cassette of the case, row by row.

// book is the cassette of the case; calls made while a tape is executed again need none.
func (w *World) book() *cassette.Book { return w.calls }

// openBook finds the cassette of a case.
func (w *World) openBook(c *Case) *Error {
	w.cassette = c.Cassette
	lib := w.options.Cassettes
	if lib == nil {
		lib = cassette.New(cassette.Replay)
	}
	var err error
	if w.calls, err = lib.Open(c.Cassette); err != nil {
		return &Error{Err: diag.As(err)}
	}
	return nil
}

// rowCodec writes rows of a schema as JSON and reads them back.
type rowCodec struct {
	schema types.Schema
	lines  *format.ChangeLines
}

func newRowCodec(s types.Schema) *rowCodec { return &rowCodec{s, format.NewChangeLines(s)} }

const rowHead = `{"op":"+I","row":`

// text is a row of a batch, {"a":1}.
func (c *rowCodec) text(b *batch.Batch, lane int) (string, error) {
	line, err := c.lines.Append(nil, b, lane, batch.Insert)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(line), rowHead), "}\n"), nil
}

// texts are the rows of a batch, by the lane of the call that each belongs to.
func (c *rowCodec) texts(b *batch.Batch, lanes []uint16, calls int) ([][]string, error) {
	out := make([][]string, calls)
	for i, l := range lanes {
		t, err := c.text(b, b.Lane(i))
		if err != nil {
			return nil, err
		}
		out[l] = append(out[l], t)
	}
	return out, nil
}

// rows reads answers and appends them to dst; lanes get the number of the call of each.
func (c *rowCodec) rows(dst *batch.Batch, lanes []uint16, answers [][]string, number []uint16) ([]uint16, error) {
	d, err := changelogjson.Format.Decoder(c.schema, nil, connect.Options{}, nil)
	if err != nil {
		return lanes, err
	}
	got := &batch.Batch{}
	for i, list := range answers {
		for _, a := range list {
			if err := d.Message(got, []byte(rowHead+a+"}\n")); err != nil {
				return lanes, diag.Wrap(diag.Cassette, err, "the recorded answer %s is no row (%s)", a, strings.Join(c.schema.Names(), ", "))
			}
			lanes = append(lanes, number[i])
		}
	}
	if dst.N == 0 {
		dst.Alloc(c.schema.Types(), 0)
	}
	if got.N > 0 {
		dst.Append(got, nil)
	}
	return lanes, nil
}

// picked are lanes of a batch as one of their own.
func picked(b *batch.Batch, which []int) *batch.Batch {
	view := *b
	view.Sel, view.Marks, view.Keys = make([]uint16, len(which)), nil, nil
	for i, l := range which {
		view.Sel[i] = uint16(l)
	}
	out := &batch.Batch{}
	out.Gather(&view, nil)
	return out
}

// provider puts the cassette before the models of a provider.
func (w *World) provider(p *connect.ModelProvider) *connect.ModelProvider {
	own := *p
	own.Predict = func(m *connect.Model) (connect.Prediction, error) {
		if p.Predict == nil {
			return nil, diag.New(diag.Unsupported, "model provider %s has no ML_PREDICT", p.Name)
		}
		inner, err := p.Predict(m)
		if err != nil {
			return nil, err
		}
		if b := w.book(); b != nil {
			b.Hide(m.Options, p.Options)
		}
		return &tapedModel{Prediction: inner, w: w, m: m}, nil
	}
	return &own
}

// tapedModel asks a model through the cassette.
type tapedModel struct {
	connect.Prediction
	w *World
	m *connect.Model
}

// Open opens nothing before a call is made.
func (t *tapedModel) Open(ctx connect.PredictorCtx) (connect.Predictor, error) {
	return &tapedPredictor{t: t, ctx: ctx, in: newRowCodec(t.m.Input), out: newRowCodec(t.m.Output)}, nil
}

type tapedPredictor struct {
	t       *tapedModel
	ctx     connect.PredictorCtx
	in, out *rowCodec
	inner   connect.Predictor
}

func (p *tapedPredictor) Predict(in, out *batch.Batch) ([]uint16, error) {
	calls := make([]string, in.N)
	number := make([]uint16, in.N)
	for i := range calls {
		var err error
		if calls[i], err = p.in.text(in, i); err != nil {
			return nil, err
		}
		number[i] = uint16(i)
	}
	answers, err := p.t.w.book().Ask("model "+shortName(p.t.m.Name), calls, func(which []int) ([][]string, error) {
		if p.inner == nil {
			var err error
			if p.inner, err = p.t.Prediction.Open(p.ctx); err != nil {
				return nil, err
			}
		}
		got := &batch.Batch{}
		got.Alloc(p.t.m.Output.Types(), 0)
		lanes, err := p.inner.Predict(picked(in, which), got)
		if err != nil {
			return nil, err
		}
		return p.out.texts(got, lanes, len(which))
	})
	if err != nil {
		return nil, err
	}
	return p.out.rows(out, nil, answers, number)
}

func (p *tapedPredictor) Close() error {
	if p.inner == nil {
		return nil
	}
	return p.inner.Close()
}

// shortName is the last part of a path.
func shortName(path string) string {
	parts := pathOf(path)
	return parts[len(parts)-1]
}

// lookup puts the cassette before a table that is looked up.
func (w *World) lookup(t *connect.Table, inner connect.Lookup, decl []connect.Option) connect.Lookup {
	if b := w.book(); b != nil {
		b.Hide(t.Options, decl)
	}
	l := &tapedLookup{Lookup: inner, w: w, t: t}
	if x, ok := inner.(connect.Waiting); ok {
		return &tapedWaiting{l, x}
	}
	return l
}

// tapedLookup reads a table through the cassette; tapedWaiting one whose reads may wait.
type tapedLookup struct {
	connect.Lookup
	w *World
	t *connect.Table
}

type tapedWaiting struct {
	*tapedLookup
	connect.Waiting
}

// Open opens nothing before a call is made.
func (l *tapedLookup) Open(keys []int, ctx connect.ReaderCtx) (connect.LookupReader, error) {
	var key types.Schema
	for _, k := range keys {
		key = append(key, l.t.Schema[k])
	}
	return &tapedReader{l: l, keys: keys, ctx: ctx, in: newRowCodec(key), out: newRowCodec(l.t.Schema)}, nil
}

type tapedReader struct {
	l       *tapedLookup
	keys    []int
	ctx     connect.ReaderCtx
	in, out *rowCodec
	inner   connect.LookupReader
}

func (r *tapedReader) open() error {
	if r.inner != nil {
		return nil
	}
	var err error
	r.inner, err = r.l.Lookup.Open(r.keys, r.ctx)
	return err
}

func (r *tapedReader) section() string { return "lookup " + shortName(r.l.t.Name) }

// Lookup asks for keys; one with NULL has no row.
func (r *tapedReader) Lookup(keys []*batch.Col, n int, dst *batch.Batch, lanes []uint16) ([]uint16, error) {
	all := &batch.Batch{N: n}
	for _, k := range keys {
		all.Cols = append(all.Cols, *k)
	}
	var which []int
	var number []uint16
	var calls []string
	for i := range n {
		null := false
		for c := range all.Cols {
			null = null || all.Cols[c].IsNull(i)
		}
		if null {
			continue
		}
		text, err := r.in.text(all, i)
		if err != nil {
			return lanes, err
		}
		which, number, calls = append(which, i), append(number, uint16(i)), append(calls, text)
	}
	answers, err := r.l.w.book().Ask(r.section(), calls, func(part []int) ([][]string, error) {
		if err := r.open(); err != nil {
			return nil, err
		}
		asked := picked(all, lanesOf(which, part))
		cols := make([]*batch.Col, len(asked.Cols))
		for i := range cols {
			cols[i] = &asked.Cols[i]
		}
		got := &batch.Batch{}
		lanes, err := r.inner.Lookup(cols, len(part), got, nil)
		if err != nil {
			return nil, err
		}
		return r.out.texts(got, lanes, len(part))
	})
	if err != nil {
		return lanes, err
	}
	return r.out.rows(dst, lanes, answers, number)
}

// Scan asks for all rows, as one call without arguments.
func (r *tapedReader) Scan(emit func(b *batch.Batch) error) error {
	answers, err := r.l.w.book().Ask(r.section(), []string{"{}"}, func([]int) ([][]string, error) {
		if err := r.open(); err != nil {
			return nil, err
		}
		s, ok := r.inner.(connect.Scanner)
		if !ok {
			return nil, diag.New(diag.Unsupported, "table %s cannot be read as a whole", r.l.t.Name)
		}
		var all []string
		err := s.Scan(func(b *batch.Batch) error {
			for i := range b.Rows() {
				t, err := r.out.text(b, b.Lane(i))
				if err != nil {
					return err
				}
				all = append(all, t)
			}
			return nil
		})
		return [][]string{all}, err
	})
	if err != nil {
		return err
	}
	got := &batch.Batch{}
	if _, err := r.out.rows(got, nil, answers, []uint16{0}); err != nil {
		return err
	}
	return emit(got)
}

func (r *tapedReader) Close() error {
	if r.inner == nil {
		return nil
	}
	return r.inner.Close()
}

// search puts the cassette before a table that is searched for vectors.
func (w *World) search(t *connect.Table, q connect.VectorQuery, inner connect.VectorSearch, decl []connect.Option) connect.VectorSearch {
	if b := w.book(); b != nil {
		b.Hide(t.Options, decl)
	}
	return &tapedSearch{w: w, t: t, q: q, inner: inner}
}

// tapedSearch searches a table through the cassette.
type tapedSearch struct {
	w     *World
	t     *connect.Table
	q     connect.VectorQuery
	inner connect.VectorSearch
}

// scoreColumn is what an answer has beside the columns of the table.
const scoreColumn = "__score"

// Open opens nothing before a call is made.
func (s *tapedSearch) Open(ctx connect.ReaderCtx) (connect.VectorSearcher, error) {
	asked := s.t.Schema[s.q.Column]
	answer := append(slices.Clone(s.t.Schema), types.Field{Name: scoreColumn, Type: types.DoubleT})
	return &tapedSearcher{s: s, ctx: ctx, in: newRowCodec(types.Schema{asked}), out: newRowCodec(answer)}, nil
}

type tapedSearcher struct {
	s       *tapedSearch
	ctx     connect.ReaderCtx
	in, out *rowCodec
	inner   connect.VectorSearcher
	got     batch.Batch
}

// Search asks for vectors; one that is NULL finds nothing.
func (p *tapedSearcher) Search(vectors *batch.Col, n int, hits *connect.VectorHits) error {
	all := &batch.Batch{N: n, Cols: []batch.Col{*vectors}}
	var which []int
	var number []uint16
	var calls []string
	for i := range n {
		if all.Cols[0].IsNull(i) {
			continue
		}
		text, err := p.in.text(all, i)
		if err != nil {
			return err
		}
		which, number, calls = append(which, i), append(number, uint16(i)), append(calls, text)
	}
	section := fmt.Sprintf("search %s top %d", shortName(p.s.t.Name), p.s.q.K)
	answers, err := p.s.w.book().Ask(section, calls, func(part []int) ([][]string, error) { return p.ask(all, lanesOf(which, part)) })
	if err != nil {
		return err
	}
	p.got.Reset()
	if _, err := p.out.rows(&p.got, nil, answers, number); err != nil {
		return err
	}
	hits.From, hits.To, hits.At = make([]uint32, n), make([]uint32, n), nil
	at := uint32(0)
	for i, lane := range which {
		hits.From[lane] = at
		at += uint32(len(answers[i]))
		hits.To[lane] = at
	}
	last := len(p.got.Cols) - 1
	hits.Cols = p.got.Cols[:last]
	hits.Scores = hits.Scores[:0]
	for i := range p.got.N {
		hits.Scores = append(hits.Scores, p.got.Cols[last].F64[i])
	}
	return nil
}

// ask searches for vectors of lanes.
func (p *tapedSearcher) ask(all *batch.Batch, lanes []int) ([][]string, error) {
	if p.inner == nil {
		var err error
		if p.inner, err = p.s.inner.Open(p.ctx); err != nil {
			return nil, err
		}
	}
	found := &connect.VectorHits{}
	if err := p.inner.Search(&picked(all, lanes).Cols[0], len(lanes), found); err != nil {
		return nil, err
	}
	var out [][]string
	one := &batch.Batch{N: 1, Cols: make([]batch.Col, len(p.out.schema))}
	for i := range lanes {
		var list []string
		for h := found.From[i]; h < found.To[i]; h++ {
			lane := h
			if found.At != nil {
				lane = found.At[h]
			}
			for c := range found.Cols {
				one.Cols[c].Gather(&found.Cols[c], []uint16{uint16(lane)}, 1)
			}
			one.Cols[len(found.Cols)] = batch.Col{Type: types.DoubleT, F64: []float64{found.Scores[h]}}
			text, err := p.out.text(one, 0)
			if err != nil {
				return nil, err
			}
			list = append(list, text)
		}
		out = append(out, list)
	}
	return out, nil
}

func (p *tapedSearcher) Close() error {
	if p.inner == nil {
		return nil
	}
	return p.inner.Close()
}

// away is what stands in for something that this binary does not have answers, when it is
// not on a cassette.
func away(what, name string) error {
	return diag.New(diag.Unsupported, "%s '%s' is not in this binary, so that it cannot be asked", what, name).
		WithHint("write what it would answer into the cassette; mink test runs with it")
}

// standInProviders are model providers that Flink has and mink does not: their models answer
// from cassettes.
func standInProviders(others []*connect.ModelProvider) []*connect.ModelProvider {
	var out []*connect.ModelProvider
	for _, name := range connect.FlinkProviders() {
		taken := false
		for _, p := range others {
			taken = taken || strings.EqualFold(p.Name, name)
		}
		if !taken {
			out = append(out, &connect.ModelProvider{
				Name: name, Summary: fmt.Sprintf("Stands in for %s.", name), Options: []connect.Option{{Key: "", Prefix: true}},
				Predict: func(*connect.Model) (connect.Prediction, error) { return awayModel{name}, nil },
			})
		}
	}
	return out
}

type awayModel struct{ name string }

func (awayModel) Modes() (sync, async bool) { return true, true }
func (m awayModel) Open(connect.PredictorCtx) (connect.Predictor, error) {
	return nil, away("model provider", m.name)
}

type awayLookup struct{ name string }

func (l awayLookup) Open([]int, connect.ReaderCtx) (connect.LookupReader, error) {
	return nil, away("connector", l.name)
}
