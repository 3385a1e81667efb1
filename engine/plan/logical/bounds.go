package logical

import (
	"slices"

	"github.com/minkstream/mink/engine/expr"
)

// Bounds are the columns of a node that hold window_start, window_end and
// window_time of a windowing function below; -1 where one is lost or there is none.
type Bounds struct{ Start, End, Time int }

var noBounds = Bounds{-1, -1, -1}

// BoundsOf follows the window columns upwards to n.
func BoundsOf(n Node) Bounds {
	switch n := n.(type) {
	case *Window:
		w := len(n.In.Schema())
		return Bounds{w, w + 1, w + 2}
	case *Filter:
		return BoundsOf(n.In)
	case *Over:
		return BoundsOf(n.In)
	case *Rank:
		return BoundsOf(n.In)
	case *Project:
		return BoundsOf(n.In).moved(func(c int) int {
			return slices.IndexFunc(n.Exprs, func(e expr.Node) bool {
				r, ok := e.(*expr.InputRef)
				return ok && r.Index == c && len(r.Path) == 0
			})
		})
	case *Correlate:
		return BoundsOf(n.In).moved(func(c int) int { return slices.Index(n.Keep, c) })
	case *Predict:
		return BoundsOf(n.In).moved(func(c int) int { return slices.Index(n.Keep, c) })
	case *Aggregate:
		return BoundsOf(n.In).moved(func(c int) int { return slices.Index(n.Keys, c) })
	}
	return noBounds
}

func (b Bounds) moved(to func(c int) int) Bounds {
	if b == noBounds {
		return b
	}
	one := func(c int) int {
		if c < 0 {
			return -1
		}
		return to(c)
	}
	return Bounds{one(b.Start), one(b.End), one(b.Time)}
}

// keepsTime reports the key that is a window's time and stays one: the windows'
// bounds are grouped by as well, so that each row out is the result of one window.
func (n *Aggregate) keepsTime() int {
	b := BoundsOf(n.In)
	if b.Time < 0 || b.Start < 0 || b.End < 0 || !slices.Contains(n.Keys, b.Start) || !slices.Contains(n.Keys, b.End) {
		return -1
	}
	return b.Time
}
