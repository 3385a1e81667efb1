package filesystem

import (
	"math"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// metrics are the ways to measure how near two vectors are. Of COSINE and DOT_PRODUCT
// the greatest is nearest, of EUCLIDEAN, the distance, the least. The cosine with a
// vector of zeros is 0.
var metrics = []string{"COSINE", "EUCLIDEAN", "DOT_PRODUCT"}

// vectorSearch compares a vector with all rows of a table that it holds in memory, as
// a lookup does, and reads again as a lookup does.
type vectorSearch struct {
	lookup
	q      connect.VectorQuery
	metric string
}

func newVectorSearch(t *connect.Table, q connect.VectorQuery) (connect.VectorSearch, error) {
	s, err := makeSource(t)
	if err != nil {
		return nil, err
	}
	v := &vectorSearch{lookup: lookup{src: s}, q: q}
	s.monitor = 0 // what is there is read; reloading looks for more
	if v.reload, err = reloading(t); err != nil {
		return nil, err
	}
	if v.metric, err = t.Options.Enum("vector-search.metric", "COSINE", metrics...); err != nil {
		return nil, err
	}
	for _, k := range q.Config.Keys() {
		if k != "metric" {
			return nil, diag.New(diag.UnknownOption, "CONFIG has no key '%s' that connector 'filesystem' knows; it knows metric", k)
		}
	}
	v.metric, err = q.Config.Enum("metric", v.metric, metrics...)
	return v, err
}

// Open makes a searcher, which reads the table.
func (v *vectorSearch) Open(ctx connect.ReaderCtx) (connect.VectorSearcher, error) {
	s := &vectorSearcher{v: v, table: lookupReader{l: &v.lookup, ctx: ctx, ts: v.src.t.Schema.Types()}}
	return s, s.load()
}

// vectorSearcher holds the vectors of the table one behind the other.
type vectorSearcher struct {
	v     *vectorSearch
	table lookupReader
	// Vector i belongs to row rows[i] of the table. One of f32 and f64 holds them, dim
	// elements each; squares are their products with themselves.
	rows    []uint32
	dim     int
	f32     []float32
	f64     []float64
	squares []float64

	scores []float64
	query  []float64
	best   []uint32 // vectors, nearest first
}

// load reads the table and lays out its vectors. Rows whose vector is NULL or has an
// element that is are found by no search.
func (s *vectorSearcher) load() error {
	if err := s.table.read(); err != nil {
		return err
	}
	s.rows, s.dim = s.rows[:0], -1
	c := &s.table.cols[s.v.q.Column]
	elems := &c.Kids[0]
	for i := range s.table.n {
		if c.IsNull(i) || anyNull(elems, c.Offs[i], c.Offs[i+1]) {
			continue
		}
		d := int(c.Offs[i+1] - c.Offs[i])
		if s.dim >= 0 && d != s.dim {
			return diag.New(diag.InvalidArgument, "vectors of column %s have %d elements and %d in table %s; all must have as many",
				s.column(), s.dim, d, s.v.src.t.Name)
		}
		s.dim = d
		s.rows = append(s.rows, uint32(i))
	}
	if elems.Type.Kind == types.Float {
		s.f32 = lay(s.f32, elems.F32, c.Offs, s.rows)
		s.squares = squares(s.squares, s.f32, s.dim, len(s.rows))
	} else {
		s.f64 = lay(s.f64, elems.F64, c.Offs, s.rows)
		s.squares = squares(s.squares, s.f64, s.dim, len(s.rows))
	}
	s.scores = make([]float64, len(s.rows))
	return nil
}

func (s *vectorSearcher) column() string { return s.v.src.t.Schema[s.v.q.Column].Name }

func anyNull(c *batch.Col, from, to uint32) bool {
	if c.Nulls == nil {
		return false
	}
	for i := from; i < to; i++ {
		if batch.Bit(c.Nulls, int(i)) {
			return true
		}
	}
	return false
}

func lay[T float32 | float64](dst, elems []T, offs, rows []uint32) []T {
	dst = dst[:0]
	for _, r := range rows {
		dst = append(dst, elems[offs[r]:offs[r+1]]...)
	}
	return dst
}

func squares[T float32 | float64](dst []float64, m []T, dim, n int) []float64 {
	dst = slices.Grow(dst[:0], n)[:n]
	for i := range dst {
		sum := 0.0
		for _, x := range m[i*dim : (i+1)*dim] {
			sum += float64(float64(x) * float64(x))
		}
		dst[i] = sum
	}
	return dst
}

// Search compares each vector with all of the table. Of equally near rows the one that
// comes first in the files is nearer. A score that is not a number is none.
func (s *vectorSearcher) Search(vectors *batch.Col, n int, hits *connect.VectorHits) error {
	if s.table.due > 0 && s.table.ctx.Now() >= s.table.due {
		if err := s.load(); err != nil {
			return err
		}
	}
	hits.From, hits.To, hits.At, hits.Scores = hits.From[:0], hits.To[:0], hits.At[:0], hits.Scores[:0]
	hits.Cols = s.table.cols
	for i := range n {
		hits.From = append(hits.From, uint32(len(hits.At)))
		if err := s.one(vectors, i, hits); err != nil {
			return err
		}
		hits.To = append(hits.To, uint32(len(hits.At)))
	}
	return nil
}

// one searches for vector i.
func (s *vectorSearcher) one(vectors *batch.Col, i int, hits *connect.VectorHits) error {
	if vectors.IsNull(i) || len(s.rows) == 0 {
		return nil
	}
	from, to := vectors.Offs[i], vectors.Offs[i+1]
	elems := &vectors.Kids[0]
	if anyNull(elems, from, to) {
		return nil
	}
	if d := int(to - from); d != s.dim {
		return diag.New(diag.InvalidArgument, "a vector of %d elements cannot be searched in column %s of table %s, whose vectors have %d",
			d, s.column(), s.v.src.t.Name, s.dim)
	}
	s.query = s.query[:0]
	if elems.Type.Kind == types.Float {
		for _, x := range elems.F32[from:to] {
			s.query = append(s.query, float64(x))
		}
		measure(s.v.metric, s.scores, s.f32, s.squares, s.query)
	} else {
		s.query = append(s.query, elems.F64[from:to]...)
		measure(s.v.metric, s.scores, s.f64, s.squares, s.query)
	}
	far := s.v.metric == "EUCLIDEAN"
	s.best = nearest(s.best[:0], s.scores, s.v.q.K, far)
	for _, b := range s.best {
		hits.At, hits.Scores = append(hits.At, s.rows[b]), append(hits.Scores, s.scores[b])
	}
	return nil
}

// measure writes how near q is to each vector of m.
func measure[T float32 | float64](metric string, dst []float64, m []T, squares, q []float64) {
	switch metric {
	case "EUCLIDEAN":
		distances(dst, m, q)
	case "DOT_PRODUCT":
		products(dst, m, q)
	default:
		products(dst, m, q)
		own := 0.0
		for _, x := range q {
			own += float64(x * x)
		}
		for i, sq := range squares[:len(dst)] {
			if l := math.Sqrt(sq * own); l != 0 {
				dst[i] /= l
			} else {
				dst[i] = 0
			}
		}
	}
}

// products is the hot loop: the product of q with each vector. Four sums run beside
// each other, always the same four, and each product is rounded before it is added, which
// some processors would leave out: so results do not vary.
func products[T float32 | float64](dst []float64, m []T, q []float64) {
	dim := len(q)
	for i := range dst {
		v := m[i*dim:][:dim]
		var a, b, c, d float64
		k := 0
		for ; k+4 <= dim; k += 4 {
			x, y := v[k:k+4:k+4], q[k:k+4:k+4]
			a += float64(float64(x[0]) * y[0])
			b += float64(float64(x[1]) * y[1])
			c += float64(float64(x[2]) * y[2])
			d += float64(float64(x[3]) * y[3])
		}
		for ; k < dim; k++ {
			a += float64(float64(v[k]) * q[k])
		}
		dst[i] = (a + b) + (c + d)
	}
}

func distances[T float32 | float64](dst []float64, m []T, q []float64) {
	dim := len(q)
	for i := range dst {
		v := m[i*dim:][:dim]
		sum := 0.0
		for k, y := range q {
			x := float64(v[k]) - y
			sum += float64(x * x)
		}
		dst[i] = math.Sqrt(sum)
	}
}

// nearest appends the k best of scores, best first, and of equal ones the first: the
// greatest, or with least the least.
func nearest(best []uint32, scores []float64, k int, least bool) []uint32 {
	before := func(a, b float64) bool { return a > b }
	if least {
		before = func(a, b float64) bool { return a < b }
	}
	for i, s := range scores {
		if s != s {
			continue
		}
		if len(best) == k {
			// Most rows end here.
			if worst := scores[best[k-1]]; !before(s, worst) {
				continue
			}
			best = best[:k-1]
		}
		lo, hi := 0, len(best)
		for lo < hi {
			if mid := (lo + hi) / 2; before(s, scores[best[mid]]) {
				hi = mid
			} else {
				lo = mid + 1
			}
		}
		best = slices.Insert(best, lo, uint32(i))
	}
	return best
}

// Close has nothing to release.
func (s *vectorSearcher) Close() error { return nil }
