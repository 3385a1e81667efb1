package filesystem_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors/filesystem"
	"github.com/minkstream/mink/connectors/format/changelogjson"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// vectors writes a table of vectors, of elements of type elem; nil is NULL.
func vectors(t *testing.T, dir string, elem types.Type, list [][]float64, opts ...string) *connect.Table {
	var text strings.Builder
	for i, v := range list {
		cells := make([]string, len(v))
		for k, x := range v {
			if cells[k] = fmt.Sprint(x); math.IsInf(x, 1) {
				cells[k] = "null"
			}
		}
		e := "[" + strings.Join(cells, ",") + "]"
		if v == nil {
			e = "null"
		}
		fmt.Fprintf(&text, `{"op":"+I","row":{"n":%d,"v":%s}}`+"\n", i, e)
	}
	write(t, dir, "t", text.String())
	tab := table(dir, types.Schema{{Name: "n", Type: types.IntT}, {Name: "v", Type: types.ArrayT(elem)}}, append([]string{"format", "changelog-json"}, opts...)...)
	tab.Deps.Formats["changelog-json"] = &changelogjson.Format
	return tab
}

func searcher(t *testing.T, tab *connect.Table, k int, now *int64, config connect.Options) connect.VectorSearcher {
	t.Helper()
	v, err := filesystem.Connector.VectorSearch(tab, connect.VectorQuery{Column: 1, K: k, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	s, err := v.Open(conform.ReaderCtx(now))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// found is what a search for each vector finds: numbers of rows and scores.
func found(t *testing.T, s connect.VectorSearcher, elem types.Type, queries ...[]float64) ([]string, error) {
	t.Helper()
	b := batch.NewBuilder(types.ArrayT(elem))
	for _, q := range queries {
		for _, x := range q {
			b.Kid(0).AppendFloat(x)
		}
		b.EndList()
	}
	c := b.Finish()
	var h connect.VectorHits
	if err := s.Search(&c, len(queries), &h); err != nil {
		return nil, err
	}
	var out []string
	for i := range queries {
		var hits []string
		for k := h.From[i]; k < h.To[i]; k++ {
			hits = append(hits, fmt.Sprintf("%d:%.6f", h.Cols[0].Int(int(h.At[k])), h.Scores[k]))
		}
		out = append(out, strings.Join(hits, " "))
	}
	return out, nil
}

// TestVectorSearchExact compares searches with sorting all rows, for each measure,
// both element types, and vectors whose length is no multiple of four.
func TestVectorSearchExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, elem := range []types.Type{types.FloatT, types.DoubleT} {
		for _, dim := range []int{1, 3, 4, 9} {
			var rows [][]float64
			for i := range 60 {
				v := make([]float64, dim)
				for k := range v {
					v[k] = float64(r.IntN(7) - 3) // few values, so that scores are equal
				}
				if i%10 == 9 {
					v = nil
				}
				rows = append(rows, v)
			}
			query := make([]float64, dim)
			for k := range query {
				query[k] = float64(r.IntN(7) - 3)
			}
			for _, metric := range []string{"COSINE", "EUCLIDEAN", "DOT_PRODUCT"} {
				tab := vectors(t, t.TempDir(), elem, rows, "vector-search.metric", metric)
				now := int64(0)
				for _, k := range []int{1, 7, 54, 100} {
					got, err := found(t, searcher(t, tab, k, &now, nil), elem, query)
					if err != nil {
						t.Fatal(err)
					}
					if want := naive(rows, query, metric, k); got[0] != want {
						t.Errorf("%s, %s, %d elements, %d rows:\ngot  %s\nwant %s", elem, metric, dim, k, got[0], want)
					}
				}
			}
		}
	}
}

func naive(rows [][]float64, q []float64, metric string, k int) string {
	type hit struct {
		n     int
		score float64
	}
	var hits []hit
	for i, v := range rows {
		if v == nil {
			continue
		}
		var dot, vv, qq, dist float64
		for j := range v {
			dot, vv, qq, dist = dot+v[j]*q[j], vv+v[j]*v[j], qq+q[j]*q[j], dist+(v[j]-q[j])*(v[j]-q[j])
		}
		s := dot
		switch {
		case metric == "EUCLIDEAN":
			s = math.Sqrt(dist)
		case metric == "COSINE" && vv*qq == 0:
			s = 0
		case metric == "COSINE":
			s = dot / math.Sqrt(vv*qq)
		}
		hits = append(hits, hit{i, s})
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		if metric == "EUCLIDEAN" {
			return cmp.Compare(a.score, b.score)
		}
		return cmp.Compare(b.score, a.score)
	})
	var out []string
	for _, h := range hits[:min(k, len(hits))] {
		out = append(out, fmt.Sprintf("%d:%.6f", h.n, h.score))
	}
	return strings.Join(out, " ")
}

// TestVectorSearchReloads reads the table again when it is time, as a lookup does.
func TestVectorSearchReloads(t *testing.T) {
	dir := t.TempDir()
	tab := vectors(t, dir, types.DoubleT, [][]float64{{1, 0}}, "lookup.full-cache.periodic-reload.interval", "10 s")
	now := int64(1000)
	s := searcher(t, tab, 1, &now, connect.Options{"metric": "dot_product"})
	vectors(t, dir, types.DoubleT, [][]float64{nil, {2, 0}})
	for _, c := range []struct {
		at   int64
		want string
	}{{10_999, "0:1.000000"}, {11_000, "1:2.000000"}} {
		now = c.at
		got, err := found(t, s, types.DoubleT, []float64{1, 1})
		if err != nil || got[0] != c.want {
			t.Errorf("at %d: %v, %v, want %s", c.at, got, err, c.want)
		}
	}
}

func TestVectorSearchOddVectors(t *testing.T) {
	inf := math.Inf(1) // written as null
	now := int64(0)
	s := searcher(t, vectors(t, t.TempDir(), types.FloatT, [][]float64{{1, inf}, {0, 0}, {1, 1}}), 5, &now, nil)
	got, err := found(t, s, types.FloatT, []float64{1, 1}, []float64{0, 0})
	if want := []string{"2:1.000000 1:0.000000", "1:0.000000 2:0.000000"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err = found(t, s, types.FloatT, []float64{1, 1, 1}); diag.CodeOf(err) != diag.InvalidArgument {
		t.Errorf("three elements among two: %v", err)
	}
	if got, err = found(t, s, types.FloatT, []float64{math.NaN(), 1}); err != nil || got[0] != "" {
		t.Errorf("no number: %v, %v", got, err)
	}
	uneven := vectors(t, t.TempDir(), types.FloatT, [][]float64{{1}, {1, 2}})
	v, err := filesystem.Connector.VectorSearch(uneven, connect.VectorQuery{Column: 1, K: 1})
	if err == nil {
		_, err = v.Open(conform.ReaderCtx(&now))
	}
	if diag.CodeOf(err) != diag.InvalidArgument {
		t.Errorf("vectors of two lengths: %v", err)
	}
	for key, value := range map[string]string{"metric": "taxi", "nprobe": "3"} {
		_, err := filesystem.Connector.VectorSearch(uneven, connect.VectorQuery{Column: 1, K: 1, Config: connect.Options{key: value}})
		if err == nil {
			t.Errorf("%s = %s is taken", key, value)
		}
	}
}

func BenchmarkVectorSearch(b *testing.B) {
	for _, dim := range []int{64, 768} {
		b.Run(fmt.Sprint(dim), func(b *testing.B) {
			m := make([]float32, 10_000*dim)
			r := rand.New(rand.NewPCG(1, 2))
			for i := range m {
				m[i] = r.Float32()
			}
			filesystem.BenchSearch(b.Loop, m, dim)
			b.SetBytes(int64(4 * len(m)))
		})
	}
}
