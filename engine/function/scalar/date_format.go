package scalar

import (
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// dateTimeText is the pattern that stands when none is given.
const dateTimeText = "yyyy-MM-dd HH:mm:ss"

// datePattern is the pattern of a call: compiled when the statement is planned if
// it is a literal, else as it comes, the last one kept.
type datePattern struct {
	fixed bool
	last  string
	p     *kernel.DatePattern
}

// planned compiles the pattern in argument i, or the standard one.
func planned(c *function.Call, i int) (datePattern, error) {
	s := dateTimeText
	if len(c.Args) > i {
		var ok bool
		if s, ok = literal(c, i); !ok {
			return datePattern{}, nil
		}
	}
	p, err := kernel.CompileDatePattern(s)
	if err != nil {
		return datePattern{}, diag.New(diag.InvalidArgument, "%q is no date pattern: %s", s, err)
	}
	return datePattern{fixed: true, p: p}, nil
}

// at is the pattern of a lane, nil for text that is none.
func (d *datePattern) at(s *kernel.Strs, i int) *kernel.DatePattern {
	if d.fixed {
		return d.p
	}
	if t := s.At(i); d.p == nil || string(t) != d.last {
		d.last = string(t)
		d.p, _ = kernel.CompileDatePattern(d.last)
	}
	return d.p
}

var dateFormat = function.Func{
	Name: "DATE_FORMAT", Category: function.Temporal,
	Summary:    "The date-time written by a pattern of Java's date formatter.",
	Signatures: []string{"DATE_FORMAT(timestamp, pattern)", "DATE_FORMAT(string, pattern)"},
	Examples: []function.Example{
		{SQL: "DATE_FORMAT(TIMESTAMP '2020-01-02 03:04:05', 'yyyy-MM-dd')", Want: "2020-01-02"},
		{SQL: "DATE_FORMAT(TIMESTAMP '2020-01-02 15:04:05', 'hh:mm a, EEE d MMM yy')", Want: "03:04 PM, Thu 2 Jan 20"},
		{SQL: "DATE_FORMAT('2020-01-02 03:04:05', 'yyyy''T''HHmm')", Want: "2020T0304"},
		{SQL: "DATE_FORMAT('no date', 'yyyy')", Want: "NULL"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		d, err := planned(c, 1)
		if err != nil {
			return function.Resolved{}, err
		}
		moment := same("a timestamp or string", types.TimestampT(3), func(t types.Type) bool {
			return t.IsTimestamp() || t.IsString() || t.Kind == types.Date
		})
		p, err := match(c, 0, false, moment, text)
		if err != nil {
			return function.Resolved{}, err
		}
		if p[0].Kind == types.Date {
			p[0] = cast(p[0], types.TimestampT(3))
		}
		r := function.Resolved{Params: p, Result: types.StringT, Strict: true, Cost: 8, Make: func() function.Kernel { return formatter(d) }}
		return r, nil
	},
}

// unitTicks is the length of the finest unit a pattern shows in ticks of per a
// second; months and years count as days.
func unitTicks(p *kernel.DatePattern, per int64) int64 {
	switch p.Finest {
	case types.Hour:
		return 3600 * per
	case types.Minute:
		return 60 * per
	case types.Second:
		return per
	case types.Nanosecond:
		return 1
	}
	return 86400 * per
}

// formatter writes times; those that agree in all that the pattern shows are
// written once.
func formatter(d datePattern) function.Kernel {
	var z kernel.Zone
	var loc *time.Location
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		if f.Zone() != loc {
			loc = f.Zone()
			z = kernel.MakeZone(loc)
		}
		w := f.Strings(dst)
		m := momentsOf(args[0], &z)
		if d.fixed && !m.texts && args[0].Enc == batch.Flat {
			formatFixed(d.p, &w, dst, args[0].I64[:n], &m, live)
			w.Close()
			return nil
		}
		pattern := kernel.StrsOf(args[1])
		var last *kernel.DatePattern
		var view batch.View
		var unit, from int64
		for i := range kernel.Lanes(n, live) {
			p := d.at(&pattern, i)
			local, offset, ok := m.at(i)
			if p == nil || !ok {
				setNull(dst, i, n)
				continue
			}
			if p != last {
				last, unit = p, unitTicks(p, m.per)
				from = local + 1
			}
			if uint64(local-from) >= uint64(unit) || offset != m.last {
				from = kernel.FloorDiv(local, unit) * unit
				m.last = offset
				w.Buf = p.Append(w.Buf, local, m.per, offset, m.zone)
				view = w.End()
			}
			dst.Views[i] = view
		}
		w.Close()
		return nil
	}
}

// formatFixed writes timestamps by one pattern. A text stands for all ticks in
// [from, from+width).
func formatFixed(p *kernel.DatePattern, w *batch.Writer, dst *batch.Col, ticks []int64, m *moments, live []uint64) {
	unit := unitTicks(p, m.per)
	var view batch.View
	var from int64
	var width uint64
	views := dst.Views[:len(ticks)]
	for i := 0; i < len(ticks); i++ {
		i += again(views[i:], ticks[i:], view, from, width)
		if i == len(ticks) {
			return
		}
		if !kernel.Live(live, i) {
			continue
		}
		v := ticks[i]
		local, offset, _ := m.at(i)
		w.Buf = p.Append(w.Buf, local, m.per, offset, m.zone)
		view = w.End()
		views[i] = view
		from = v - kernel.FloorMod(local, unit)
		to := from + unit
		if m.local {
			first, end := m.z.Span()
			if k := m.per / 1000; first > kernel.FloorDiv(from, k) {
				from = first * k
			}
			if k := m.per / 1000; end < kernel.FloorDiv(to, k) {
				to = end * k
			}
		}
		width = uint64(to - from)
	}
}

// again writes a text for the ticks in front that have it, and returns how many they are.
// It is a function of its own so that all of the loop stays in registers.
//
//go:noinline
func again(views []batch.View, ticks []int64, view batch.View, from int64, width uint64) int {
	views = views[:len(ticks)]
	for i, v := range ticks {
		if uint64(v-from) >= width {
			return i
		}
		views[i] = view
	}
	return len(ticks)
}

// moments reads timestamps and text as local times.
type moments struct {
	ints
	text  kernel.Strs
	texts bool
	per   int64
	z     *kernel.Zone
	zone  *time.Location
	local bool
	last  int64 // offset of the value written last
}

// standardPattern reads texts that DATE_FORMAT is given: a date alone is none.
var standardPattern = func() *kernel.DatePattern {
	p, err := kernel.CompileDatePattern(dateTimeText)
	if err != nil { // it is a constant
		panic(err)
	}
	return p
}()

func momentsOf(c *batch.Col, z *kernel.Zone) moments {
	t := moments{per: 1000, z: z}
	if c.Type.IsString() {
		t.text, t.texts = kernel.StrsOf(c), true
		return t
	}
	t.ints, t.per = intsOf(c), c.Type.PerSecond()
	if c.Type.Kind == types.TimestampLTZ {
		t.local, t.zone = true, z.Location()
	}
	return t
}

// at is the local time in ticks and the zone's offset in milliseconds.
func (t *moments) at(i int) (local, offset int64, ok bool) {
	if t.texts {
		v, _, ok := standardPattern.ParseLenient(t.text.At(i), 0, false)
		return v, 0, ok
	}
	v := t.ints.at(i)
	if !t.local {
		return v, 0, true
	}
	k := t.per / 1000
	offset = t.z.Offset(kernel.FloorDiv(v, k))
	return v + offset*k, offset, true
}

var fromUnixtime = function.Func{
	Name: "FROM_UNIXTIME", Category: function.Temporal,
	Summary:    "The time of seconds since 1970 UTC in the session zone, written by a pattern.",
	Signatures: []string{"FROM_UNIXTIME(seconds [, pattern])"},
	Examples:   []function.Example{{SQL: "FROM_UNIXTIME(44)", Want: "1970-01-01 00:00:44"}, {SQL: "FROM_UNIXTIME(44, 'mm:ss')", Want: "00:44"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		d, err := planned(c, 1)
		if err != nil {
			return function.Resolved{}, err
		}
		seconds := castTo("a number", types.BigIntT, types.Type.IsNumeric)
		return spec{params: []class{seconds, text}, min: 1, result: types.StringT, nullable: true, cost: 30, make: func() function.Kernel {
			d := d
			return zoned(func(z *kernel.Zone, f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				w := f.Strings(dst)
				v := intsOf(args[0])
				var pattern kernel.Strs
				if len(args) > 1 {
					pattern = kernel.StrsOf(args[1])
				}
				for i := range kernel.Lanes(n, live) {
					p := d.at(&pattern, i)
					if p == nil {
						setNull(dst, i, n)
						continue
					}
					ms := v.at(i) * 1000
					off := z.Offset(ms)
					w.Buf = p.Append(w.Buf, ms+off, 1000, off, z.Location())
					dst.Views[i] = w.End()
				}
				w.Close()
				return nil
			})()
		}}.infer(c)
	},
}
