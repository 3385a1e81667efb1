package scalar

import (
	"bytes"

	"math"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var toDate = function.Func{
	Name: "TO_DATE", Category: function.Temporal,
	Summary:    "The date that a text stands for; NULL if it is none.",
	Signatures: []string{"TO_DATE(string [, pattern])"},
	Examples:   []function.Example{{SQL: "TO_DATE('2017-09-15')", Want: "2017-09-15"}, {SQL: "TO_DATE('15/09/2017', 'dd/MM/yyyy')", Want: "2017-09-15"}, {SQL: "TO_DATE('x')", Want: "NULL"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return inferParse(c, types.DateT, true, func(s []byte) (int64, bool) { return kernel.ParseDate(s) }, func(t int64) int64 {
			return kernel.FloorDiv(t, kernel.MsDay)
		})
	},
}

var toTimestamp = function.Func{
	Name: "TO_TIMESTAMP", Category: function.Temporal,
	Summary:    "The timestamp that a text stands for; NULL if it is none.",
	Signatures: []string{"TO_TIMESTAMP(string [, pattern])"},
	Examples: []function.Example{
		{SQL: "TO_TIMESTAMP('1970-01-01 00:00:00.123456789')", Want: "1970-01-01 00:00:00.123"},
		{SQL: "TO_TIMESTAMP('1234567', 'SSSSSSS')", Want: "1970-01-01 00:00:00.123"},
		{SQL: "TO_TIMESTAMP('2017-09-15 00:00:00', 'yyyy-MM-dd HH:mm:ss')", Want: "2017-09-15 00:00:00.000"},
		{SQL: "TO_TIMESTAMP('no', 'yyyy')", Want: "NULL"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return inferParse(c, types.TimestampT(3), false, func(s []byte) (int64, bool) { return kernel.ParseTimestamp(s, 1000) }, func(t int64) int64 { return t })
	},
}

// otherwise reads a text that the pattern of a function does not fit: as Flink does, one in
// the standard form is taken whatever the pattern.
func otherwise(s []byte, per int64) (int64, bool) {
	s = bytes.TrimSpace(s)
	if bytes.HasSuffix(s, []byte(".")) {
		return 0, false
	}
	return kernel.ParseTimestamp(s, per)
}

// inferParse resolves a function that reads text by a pattern, or as standard does
// when none is given. from turns milliseconds into the result.
func inferParse(c *function.Call, result types.Type, lenient bool, standard func([]byte) (int64, bool), from func(int64) int64) (function.Resolved, error) {
	d, err := planned(c, 1)
	if err != nil {
		return function.Resolved{}, err
	}
	return spec{params: []class{text, text}, min: 1, result: result, nullable: true, cost: 40, make: func() function.Kernel {
		d := d
		return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			s := kernel.StrsOf(args[0])
			var pattern kernel.Strs
			if len(args) > 1 {
				pattern = kernel.StrsOf(args[1])
			}
			for i := range kernel.Lanes(n, live) {
				v, ok := int64(0), false
				if len(args) == 1 {
					v, ok = standard(s.At(i))
				} else if p := d.at(&pattern, i); p != nil {
					if lenient {
						v, _, ok = p.ParseLenient(s.At(i), f.Now(), true)
					} else if v, _, ok = p.Parse(s.At(i), 1000); !ok {
						v, ok = otherwise(s.At(i), 1000)
					}
					v = from(v)
				}
				setTicks(dst, i, v)
				if !ok {
					dst.SetNull(i, n)
				}
			}
			return nil
		}
	}}.infer(c)
}

var toTimestampLTZ = function.Func{
	Name: "TO_TIMESTAMP_LTZ", Category: function.Temporal,
	Summary:    "The instant of a number of 10^-precision seconds since 1970 UTC, or of a text in a zone, UTC when none is given.",
	Signatures: []string{"TO_TIMESTAMP_LTZ(number [, precision])", "TO_TIMESTAMP_LTZ(string [, pattern [, zone]])"},
	Examples: []function.Example{
		{SQL: "TO_TIMESTAMP_LTZ(100, 0)", Want: "1970-01-01 00:01:40.000"},
		{SQL: "TO_TIMESTAMP_LTZ(1234)", Want: "1970-01-01 00:00:01.234"},
		{SQL: "TO_TIMESTAMP_LTZ('2023-01-01 00:00:00')", Want: "2023-01-01 00:00:00.000"},
		{SQL: "TO_TIMESTAMP_LTZ('2023-01-01 08:00', 'yyyy-MM-dd HH:mm', 'Asia/Shanghai')", Want: "2023-01-01 00:00:00.000"},
		{SQL: "TO_TIMESTAMP_LTZ('nothing')", Want: "NULL"},
		{SQL: "TYPEOF(TO_TIMESTAMP_LTZ(CAST(1 AS BIGINT), 6))", Want: "TIMESTAMP_LTZ(6)"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if len(c.Args) > 0 && c.Args[0].Type.IsString() {
			return inferInstantText(c)
		}
		return inferInstantNumber(c)
	},
}

func inferInstantNumber(c *function.Call) (function.Resolved, error) {
	kind := castTo("a number", types.BigIntT, types.Type.IsNumeric)
	fractional := len(c.Args) > 0 && (c.Args[0].Type.Kind == types.Decimal || c.Args[0].Type.IsApprox())
	if fractional {
		kind = double
	}
	result := types.TimestampLTZT(3)
	if v, ok := literalInt(c, 1); ok {
		if v < 0 || v > 9 {
			return function.Resolved{}, diag.New(diag.InvalidArgument, "the precision must be from 0 to 9, not %d", v)
		}
		result.Prec = max(3, int(v))
	}
	return spec{params: []class{kind, integer}, min: 1, result: result, nullable: true, fallible: len(c.Args) > 1, cost: 5, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		per := dst.Type.PerSecond()
		prec := ints{mask: 0, wide: []int64{3}}
		if len(args) > 1 {
			prec = intsOf(args[1])
		}
		for i := range kernel.Lanes(n, live) {
			p := prec.at(i)
			if p < 0 || p > 9 {
				return fail(i, "the precision of TO_TIMESTAMP_LTZ must be from 0 to 9, not %d", p)
			}
			var t int64
			ok := true
			if fractional {
				v := floatsOf(args[0])
				x := math.Floor(v.at(i) / float64(kernel.Pow10(int(p))) * float64(per))
				t, ok = int64(x), !math.IsNaN(x) && math.Abs(x) < math.MaxInt64
			} else {
				v := intsOf(args[0])
				t, ok = kernel.RescaleTicks(v.at(i), kernel.Pow10(int(p)), per)
			}
			// Years beyond 9999 are no timestamps.
			if s := kernel.FloorDiv(t, per); !ok || s < -62167219200 || s > 253402300799 {
				setNull(dst, i, n)
				continue
			}
			dst.I64[i] = t
		}
		return nil
	}}.infer(c)
}

func inferInstantText(c *function.Call) (function.Resolved, error) {
	d, err := planned(c, 1)
	if err != nil {
		return function.Resolved{}, err
	}
	result := types.TimestampLTZT(3)
	if len(c.Args) > 1 && d.fixed {
		result.Prec = min(max(3, d.p.Fraction), 9)
	}
	if name, ok := literal(c, 2); ok {
		if _, err := kernel.LoadZone(name); err != nil {
			return function.Resolved{}, diag.New(diag.InvalidArgument, "%s", err)
		}
	}
	return spec{params: []class{text, text, text}, min: 1, result: result, nullable: true, cost: 50, make: func() function.Kernel {
		d := d
		var zones zoneCache
		return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			per := dst.Type.PerSecond()
			s := kernel.StrsOf(args[0])
			var pattern, zone kernel.Strs
			if len(args) > 1 {
				pattern = kernel.StrsOf(args[1])
			}
			if len(args) > 2 {
				zone = kernel.StrsOf(args[2])
			}
			for i := range kernel.Lanes(n, live) {
				var z *kernel.Zone
				var t int64
				zoned, ok := false, true
				if len(args) > 2 {
					if z = zones.at(zone.At(i)); z == nil {
						setNull(dst, i, n)
						continue
					}
				}
				if len(args) == 1 {
					t, ok = kernel.ParseInstant(s.At(i), per, &kernel.Zone{})
					zoned = true
				} else if p := d.at(&pattern, i); p != nil {
					if t, zoned, ok = p.Parse(s.At(i), per); !ok {
						zoned = false
						t, ok = otherwise(s.At(i), per)
					}
				} else {
					ok = false
				}
				if !ok {
					setNull(dst, i, n)
					continue
				}
				if z != nil && !zoned {
					t = z.InstantTicks(t, per)
				}
				dst.I64[i] = t
			}
			return nil
		}
	}}.infer(c)
}

// zoneCache keeps the zones of a call by name.
type zoneCache struct {
	byName map[string]*kernel.Zone
	last   string
	zone   *kernel.Zone
}

// at is the zone of that name, nil when there is none.
func (c *zoneCache) at(name []byte) *kernel.Zone {
	if c.byName != nil && string(name) == c.last {
		return c.zone
	}
	if c.byName == nil || len(c.byName) > 1000 {
		c.byName = map[string]*kernel.Zone{}
	}
	c.last = string(name)
	z, ok := c.byName[c.last]
	if !ok {
		var loc *time.Location
		var err error
		if loc, err = kernel.LoadZone(strings.TrimSpace(c.last)); err == nil {
			zone := kernel.MakeZone(loc)
			z = &zone
		}
		c.byName[c.last] = z
	}
	c.zone = z
	return z
}

var convertTZ = function.Func{
	Name: "CONVERT_TZ", Category: function.Temporal,
	Summary:    "A date-time text of one zone as text of another; NULL for a bad text or zone.",
	Signatures: []string{"CONVERT_TZ(string, from, to)"},
	Examples:   []function.Example{{SQL: "CONVERT_TZ('1970-01-01 00:00:00', 'UTC', 'America/Los_Angeles')", Want: "1969-12-31 16:00:00"}, {SQL: "CONVERT_TZ('x', 'UTC', 'UTC')", Want: "NULL"}},
	Infer: spec{params: []class{text, text, text}, result: types.StringT, nullable: true, cost: 80, make: func() function.Kernel {
		var from, to zoneCache
		return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			w := f.Strings(dst)
			s, a, b := kernel.StrsOf(args[0]), kernel.StrsOf(args[1]), kernel.StrsOf(args[2])
			for i := range kernel.Lanes(n, live) {
				t, _, ok := standardPattern.ParseLenient(s.At(i), f.Now(), false)
				x, y := from.at(a.At(i)), to.at(b.At(i))
				if !ok || x == nil || y == nil {
					setNull(dst, i, n)
					continue
				}
				w.Buf = kernel.AppendTimestamp(w.Buf, y.Local(x.InstantLater(t)), types.TimestampT(0))
				dst.Views[i] = w.End()
			}
			w.Close()
			return nil
		}
	}}.infer,
}

var unixTimestamp = function.Func{
	Name: "UNIX_TIMESTAMP", Category: function.Temporal,
	Summary:    "Seconds since 1970 UTC now, or those of a text in the session zone.",
	Signatures: []string{"UNIX_TIMESTAMP()", "UNIX_TIMESTAMP(string [, pattern])"},
	Examples: []function.Example{
		{SQL: "UNIX_TIMESTAMP('1970-01-01 00:01:40')", Want: "100"},
		{SQL: "UNIX_TIMESTAMP('1970-01-01 01:00:00 +0100', 'yyyy-MM-dd HH:mm:ss X')", Want: "0"},
		{SQL: "UNIX_TIMESTAMP('x')", Want: "-9223372036854775808"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if len(c.Args) == 0 {
			r, err := unixNow.Infer(c)
			r.Det = function.PerStep
			return r, err
		}
		d, err := planned(c, 1)
		if err != nil {
			return function.Resolved{}, err
		}
		return spec{params: []class{text, text}, min: 1, result: types.BigIntT, cost: 50, make: func() function.Kernel {
			d := d
			return zoned(func(z *kernel.Zone, f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				s := kernel.StrsOf(args[0])
				var pattern kernel.Strs
				if len(args) > 1 {
					pattern = kernel.StrsOf(args[1])
				}
				for i := range kernel.Lanes(n, live) {
					dst.I64[i] = math.MinInt64
					p := d.at(&pattern, i)
					if p == nil {
						continue
					}
					t, zoned, ok := p.ParseLenient(s.At(i), f.Now(), true)
					if !ok {
						continue
					}
					if !zoned {
						t = z.InstantLater(t)
					}
					dst.I64[i] = kernel.FloorDiv(t, 1000)
				}
				return nil
			})()
		}}.infer(c)
	},
}
