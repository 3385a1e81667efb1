package datagen

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// planner makes generators of options.
type planner struct {
	o    connect.Options
	used map[string]bool
	zone *time.Location
	rows int64 // the shortest sequence bounds it
}

func (p *planner) has(key string) bool {
	p.used[key] = true
	return p.o.Has(key)
}

// plan makes the generator of a field whose options begin with prefix; id tells its
// random numbers from those of other fields.
func (p *planner) plan(prefix string, t types.Type, id uint64) (gen, error) {
	p.used[prefix+"kind"] = true
	kind, err := p.o.Enum(prefix+"kind", "random", "random", "sequence")
	if err != nil {
		return nil, err
	}
	var g gen
	if kind == "sequence" {
		g, err = p.sequence(prefix, t)
	} else {
		g, err = p.random(prefix, t, id)
	}
	if err != nil || !p.has(prefix+"null-rate") {
		return g, err
	}
	rate, err := p.o.Float(prefix+"null-rate", 0)
	if err != nil {
		return nil, err
	}
	if !(rate >= 0 && rate <= 1) {
		return nil, connect.Invalid(prefix+"null-rate", "must lie between 0 and 1")
	}
	if rate > 0 && t.NotNull {
		return nil, connect.Invalid(prefix+"null-rate", "must be 0 for a column that is NOT NULL")
	}
	return nullable(g, id, rate), nil
}

func (p *planner) random(prefix string, t types.Type, id uint64) (gen, error) {
	switch t.Kind {
	case types.Boolean:
		return randomBool(t, id), nil
	case types.TinyInt:
		return p.randomInt(prefix, t, id, math.MinInt8, math.MaxInt8)
	case types.SmallInt:
		return p.randomInt(prefix, t, id, math.MinInt16, math.MaxInt16)
	case types.Int:
		return p.randomInt(prefix, t, id, math.MinInt32, math.MaxInt32)
	case types.BigInt:
		return p.randomInt(prefix, t, id, math.MinInt64, math.MaxInt64)
	case types.IntervalYM:
		return p.randomInt(prefix, t, id, 0, 120_000)
	case types.IntervalDT:
		return p.randomInt(prefix, t, id, 0, 365*86_400_000)
	case types.Float:
		return p.randomFloat(prefix, t, id, -math.MaxFloat32, math.MaxFloat32)
	case types.Double:
		return p.randomFloat(prefix, t, id, -math.MaxFloat64, math.MaxFloat64)
	case types.Decimal:
		return p.randomDecimal(prefix, t, id)
	case types.Char, types.VarChar, types.Binary, types.VarBinary:
		return p.randomText(prefix, t, id)
	case types.Date, types.Time, types.Timestamp, types.TimestampLTZ:
		past := time.Duration(0)
		if t.IsTimestamp() && p.has(prefix+"max-past") {
			var err error
			if past, err = p.o.Duration(prefix+"max-past", 0); err != nil {
				return nil, err
			}
		}
		return clock(t, id, past.Milliseconds(), p.zone), nil
	case types.Array, types.Map, types.Multiset:
		return p.collection(prefix, t, id)
	case types.Row:
		var kids []gen
		for i, f := range t.Fields {
			k, err := p.plan(prefix+f.Name+".", f.Type, id*1009+uint64(i)+1)
			if err != nil {
				return nil, err
			}
			kids = append(kids, k)
		}
		return row(t, kids), nil
	}
	return nil, diag.New(diag.UnsupportedByFlink, "connector 'datagen' has no generator for type %s", t)
}

// randomInt reads min and max of an integer type.
func (p *planner) randomInt(prefix string, t types.Type, id uint64, lo, hi int64) (gen, error) {
	var err error
	for _, b := range []struct {
		key string
		v   *int64
	}{{"min", &lo}, {"max", &hi}} {
		if !p.has(prefix + b.key) {
			continue
		}
		v, e := p.o.Int(prefix+b.key, 0)
		if e == nil && (v < lo || v > hi) && b.key == "min" || e == nil && v > hi {
			e = connect.Invalid(prefix+b.key, "does not fit type %s", t)
		}
		if e != nil {
			err = e
			break
		}
		*b.v = v
	}
	if err == nil && lo > hi {
		err = connect.Invalid(prefix+"min", "is above the max, %d", hi)
	}
	return randomInt(t, id, lo, hi), err
}

func (p *planner) randomFloat(prefix string, t types.Type, id uint64, lo, hi float64) (gen, error) {
	var err error
	if p.has(prefix + "min") {
		if lo, err = p.o.Float(prefix+"min", lo); err != nil {
			return nil, err
		}
	}
	if p.has(prefix + "max") {
		if hi, err = p.o.Float(prefix+"max", hi); err != nil {
			return nil, err
		}
	}
	if !(lo <= hi) {
		return nil, connect.Invalid(prefix+"min", "is above the max, %g", hi)
	}
	return randomFloat(t, id, lo, hi), nil
}

func (p *planner) randomDecimal(prefix string, t types.Type, id uint64) (gen, error) {
	nines := []byte(strings.Repeat("9", t.Prec))
	hi, _, _ := format.ParseDecimal(nines, t.Prec, 0)
	lo, _, _ := format.ParseDecimal(append([]byte{'-'}, nines...), t.Prec, 0)
	for _, b := range []struct {
		key string
		v   *batch.Dec
	}{{"min", &lo}, {"max", &hi}} {
		if !p.has(prefix + b.key) {
			continue
		}
		v, fits, ok := format.ParseDecimal([]byte(p.o[prefix+b.key]), t.Prec, t.Scale)
		if !ok || !fits {
			return nil, connect.Invalid(prefix+b.key, "takes a number of type %s, not '%s'", t, p.o[prefix+b.key])
		}
		*b.v = v
	}
	if lo.Cmp(hi) > 0 {
		return nil, connect.Invalid(prefix+"min", "is above the max")
	}
	return randomDecimal(t, id, lo, hi), nil
}

// textLength is the length of STRING and BYTES values by default.
const textLength = 100

func (p *planner) randomText(prefix string, t types.Type, id uint64) (gen, error) {
	n, fixed := int64(t.Prec), t.Kind == types.Char || t.Kind == types.Binary
	if t.Prec == types.MaxLength {
		n = textLength
	}
	if p.has(prefix + "length") {
		v, err := p.o.Int(prefix+"length", n)
		switch {
		case err != nil:
			return nil, err
		case fixed && v != n:
			return nil, connect.Invalid(prefix+"length", "must be %d, the length of type %s", n, t)
		case v < 0 || v > int64(t.Prec) || v > format.MaxRecord:
			return nil, connect.Invalid(prefix+"length", "does not fit type %s", t)
		}
		n = v
	}
	varLen := false
	if p.has(prefix + "var-len") {
		var err error
		if varLen, err = p.o.Bool(prefix+"var-len", false); err != nil {
			return nil, err
		}
		if varLen && fixed {
			return nil, connect.Invalid(prefix+"var-len", "is for types of variable length, not %s", t)
		}
	}
	return randomText(t, id, int(n), varLen), nil
}

// collectionLength is the number of elements by default.
const collectionLength = 3

func (p *planner) collection(prefix string, t types.Type, id uint64) (gen, error) {
	n := int64(collectionLength)
	if p.has(prefix + "length") {
		var err error
		if n, err = p.o.Int(prefix+"length", n); err != nil {
			return nil, err
		}
		if n < 0 || n > 10_000 {
			return nil, connect.Invalid(prefix+"length", "must lie between 0 and 10000")
		}
	}
	names := []string{"element."}
	if t.Kind == types.Map {
		names = []string{"key.", "value."}
	}
	var kids []gen
	for i, name := range names {
		k, err := p.plan(prefix+name, batch.KidType(t, i), id*1013+uint64(i)+1)
		if err != nil {
			return nil, err
		}
		kids = append(kids, k)
	}
	if t.Kind == types.Multiset {
		kids = append(kids, randomInt(batch.KidType(t, 1), id*1019, 1, 10))
	}
	return list(t, int(n), kids), nil
}

// sequence reads start and end; the field that ends first ends the table.
func (p *planner) sequence(prefix string, t types.Type) (gen, error) {
	switch {
	case t.IsNumeric(), t.IsString(), t.IsBinary():
	default:
		return nil, connect.Invalid(prefix+"kind", "sequence cannot make type %s", t)
	}
	var bound [2]int64
	for i, key := range []string{"start", "end"} {
		if !p.has(prefix + key) {
			return nil, connect.Missing(prefix+key, "a sequence needs it")
		}
		text := strings.TrimSpace(p.o[prefix+key])
		v, err := strconv.ParseInt(text, 10, 64)
		if f, ok := format.ParseFloat([]byte(text)); err != nil && ok && t.IsNumeric() && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			v, err = int64(f), nil
		}
		if err != nil || !fitsInt(t, v) {
			return nil, connect.Invalid(prefix+key, "takes a whole number of type %s, not '%s'", t, text)
		}
		bound[i] = v
	}
	if bound[0] > bound[1] {
		return nil, connect.Invalid(prefix+"start", "is above the end, %d", bound[1])
	}
	if n := bound[1] - bound[0]; n >= 0 && n < p.rows {
		p.rows = n + 1
	}
	return sequence(t, bound[0]), nil
}

func fitsInt(t types.Type, v int64) bool {
	switch t.Kind {
	case types.TinyInt:
		return v == int64(int8(v))
	case types.SmallInt:
		return v == int64(int16(v))
	case types.Int:
		return v == int64(int32(v))
	case types.Decimal:
		_, fits, _ := format.ParseDecimal(strconv.AppendInt(nil, v, 10), t.Prec, t.Scale)
		return fits
	}
	return true
}
