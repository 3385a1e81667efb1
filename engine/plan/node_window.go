package plan

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/types"
)

// WindowKind is the shape of windows.
type WindowKind uint8

// The shapes.
const (
	Tumble WindowKind = iota
	Hop
	Cumulate
	Session
)

// String is the function's name.
func (k WindowKind) String() string { return [...]string{"TUMBLE", "HOP", "CUMULATE", "SESSION"}[k] }

// WindowSpec says how rows are put into windows.
type WindowSpec struct {
	Kind WindowKind
	// Size is the length of a window (the longest of CUMULATE, the gap of SESSION),
	// Slide the distance of HOP windows or the step of CUMULATE, Offset the shift
	// against 1970-01-01 00:00. All in milliseconds.
	Size, Slide, Offset int64
	// TimeCol is the column of the input that says when a row happened. TimeType is
	// its type: windows of TIMESTAMP_LTZ are aligned in the session zone, and
	// TimeType.Attr tells event time from processing time.
	TimeCol  int
	TimeType types.Type
	// PartitionBy are the keys of a SESSION, columns of the input.
	PartitionBy []int
}

// SameWindows reports whether a and b cut time in the same way.
func (w WindowSpec) SameWindows(o WindowSpec) bool {
	return w.Kind == o.Kind && w.Size == o.Size && w.Slide == o.Slide && w.Offset == o.Offset &&
		w.TimeType.Kind == o.TimeType.Kind && w.TimeType.Attr == o.TimeType.Attr
}

// Proctime reports windows on processing time.
func (w WindowSpec) Proctime() bool { return w.TimeType.Attr == types.Proctime }

// millis writes a duration as Flink's plans do: in the largest unit that fits.
func millis(ms int64) string {
	for _, u := range []struct {
		n    int64
		name string
	}{{86_400_000, "d"}, {3_600_000, "h"}, {60_000, "min"}, {1000, "s"}} {
		if ms != 0 && ms%u.n == 0 {
			return strconv.FormatInt(ms/u.n, 10) + " " + u.name
		}
	}
	return strconv.FormatInt(ms, 10) + " ms"
}

func (w WindowSpec) text(in types.Schema) string {
	s := w.Kind.String() + "("
	if len(w.PartitionBy) > 0 {
		s += "PARTITION BY(" + cols(w.PartitionBy, in) + "), "
	}
	s += "time_col=[" + cols([]int{w.TimeCol}, in) + "]"
	switch w.Kind {
	case Tumble:
		s += ", size=[" + millis(w.Size) + "]"
	case Hop:
		s += ", size=[" + millis(w.Size) + "], slide=[" + millis(w.Slide) + "]"
	case Cumulate:
		s += ", max_size=[" + millis(w.Size) + "], step=[" + millis(w.Slide) + "]"
	case Session:
		s += ", gap=[" + millis(w.Size) + "]"
	}
	if w.Offset != 0 {
		s += ", offset=[" + millis(w.Offset) + "]"
	}
	return s + ")"
}

// attached says that rows know their windows already.
func attached(start, end int, in types.Schema) string {
	s := ""
	if start >= 0 {
		s = "win_start=[" + cols([]int{start}, in) + "], "
	}
	return s + "win_end=[" + cols([]int{end}, in) + "]"
}

// WindowTVF gives each row once for every window it belongs to.
//
// Output: the input's columns, then window_start and window_end TIMESTAMP(3), then
// window_time (the last millisecond of the window, a time attribute). A SESSION
// holds rows back until their window ends; the others are row by row.
type WindowTVF struct {
	Traits
	in1
	Window WindowSpec
}

// Name is the operator's name.
func (*WindowTVF) Name() string { return "WindowTableFunction" }

// Attrs shows the window.
func (n *WindowTVF) Attrs() []Attr {
	return []Attr{{"window", "[" + n.Window.text(n.In.Info().Schema) + "]"}}
}

// WindowProp is a property of a window as an output column.
type WindowProp uint8

// The properties. Start and End are TIMESTAMP(3) in the session zone where the time
// column is TIMESTAMP_LTZ; Rowtime and Proctime are time attributes.
const (
	WindowStart WindowProp = iota
	WindowEnd
	WindowRowtime
	WindowProctime
)

// String is the name in plans.
func (p WindowProp) String() string {
	return [...]string{"start", "end", "rowtime", "proctime"}[p]
}

// WindowAggregate aggregates each window of each key and emits +I when the window
// ends, once.
//
// Output: Keys, then Aggs, then Props. In an attached aggregate (Attached) rows
// have window_start and window_end columns already and are aggregated by them: the
// windows of a row are not computed anew. Window.TimeCol is then -1. StartCol may
// be -1.
type WindowAggregate struct {
	Traits
	in1
	Window           WindowSpec
	Attached         bool
	StartCol, EndCol int
	Keys             []int
	Aggs             []AggCall
	Props            []WindowProp
	// InputRetracts: rows may be -U or -D and are taken back in open windows.
	InputRetracts bool
}

// Name is the operator's name.
func (*WindowAggregate) Name() string { return "WindowAggregate" }

// Attrs lists keys, window and aggregates.
func (n *WindowAggregate) Attrs() []Attr {
	in := n.In.Info().Schema
	w := ""
	if n.Attached {
		w = n.Window.Kind.String() + "(" + attached(n.StartCol, n.EndCol, in) + ")"
	} else {
		w = n.Window.text(in)
	}
	return groupAttrs(n.Keys, []Attr{{"window", "[" + w + "]"}}, in, n.Aggs, in, n.Schema)
}

// GroupWindowAggregate is the older form, GROUP BY TUMBLE(...). It is a window
// aggregate whose rows are late only past AllowedLateness, and which can fire
// early and late, emitting updates.
//
// Output: Keys, then Aggs, then Props.
type GroupWindowAggregate struct {
	Traits
	in1
	Window        WindowSpec
	Keys          []int
	Aggs          []AggCall
	Props         []WindowProp
	InputRetracts bool
	// Emit says that it fires early or late, or nil.
	Emit *WindowEmit
}

// WindowEmit says when windows fire besides their end, in milliseconds: Early and Late
// after a row before and behind the end (-1: not so), Lateness how long rows are taken.
type WindowEmit struct{ Early, Late, Lateness int64 }

func (e *WindowEmit) text() string {
	word := func(ms int64) string {
		if ms == 0 {
			return "no delay"
		}
		return "delay " + strconv.FormatInt(ms, 10) + " millisecond"
	}
	var parts []string
	if e.Late >= 0 {
		parts = append(parts, "late "+word(e.Late))
	}
	if e.Early >= 0 {
		parts = append(parts, "early "+word(e.Early))
	}
	if e.Lateness > 0 {
		parts = append(parts, "lateness "+strconv.FormatInt(e.Lateness, 10)+" millisecond")
	}
	return strings.Join(parts, ", ")
}

// Name is the operator's name.
func (*GroupWindowAggregate) Name() string { return "GroupWindowAggregate" }

// Attrs lists keys, window and aggregates.
func (n *GroupWindowAggregate) Attrs() []Attr {
	in := n.In.Info().Schema
	window := []Attr{{"window", "[" + n.Window.text(in) + "]"}}
	if n.Emit != nil {
		window = append(window, Attr{"emit", "[" + n.Emit.text() + "]"})
	}
	return groupAttrs(n.Keys, window, in, n.Aggs, in, n.Schema)
}

// WindowOf is how a node cuts time; nil for one that has no windows.
func WindowOf(n Node) *WindowSpec {
	switch n := n.(type) {
	case *WindowAggregate:
		return &n.Window
	case *GroupWindowAggregate:
		return &n.Window
	case *WindowTVF:
		return &n.Window
	case *WindowJoin:
		return &n.Window
	case *WindowTopN:
		return &n.Window
	case *WindowDedup:
		return &n.Window
	}
	return nil
}
