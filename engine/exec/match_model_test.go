package exec

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// A plain model of MATCH_RECOGNIZE: the rows of a key one after another, every partial
// match with the list of its rows, as the description of Flink's CEP library has it.
// It shares nothing with the operator: variables and counts instead of states, all
// completions instead of the first, pruning at once instead of afterwards.

// Columns: key, time, value, another value.
var matchInput = []types.Type{types.IntT, types.TimestampT(3), types.IntT, types.BigIntT.Nullable(false)}

// modelRow is a row; value is nil for NULL.
type modelRow struct {
	at    int64
	value *int64
	other int64
	id    int
}

// modelMatch is the rows of a partial match, by variable.
type modelMatch struct {
	rows []*modelRow
	vars []int
}

func (m *modelMatch) of(u int) []*modelRow {
	var out []*modelRow
	for i, r := range m.rows {
		if u < 0 || m.vars[i] == u {
			out = append(out, r)
		}
	}
	return out
}

func (m *modelMatch) with(r *modelRow, v int) *modelMatch {
	return &modelMatch{append(slices.Clone(m.rows), r), append(slices.Clone(m.vars), v)}
}

func (m *modelMatch) count() int { // rows of the last variable
	n := 0
	for i := len(m.vars) - 1; i >= 0 && m.vars[i] == m.vars[len(m.vars)-1]; i-- {
		n++
	}
	return n
}

func (m *modelMatch) last() int {
	if len(m.vars) == 0 {
		return -1
	}
	return m.vars[len(m.vars)-1]
}

// matchTerm is a condition of variable v or a measure, as expression and as function.
type matchTerm struct {
	text string
	make func(refs *[]MatchRef) expr.Node
	eval func(m *modelMatch) *int64 // of a match; of a condition the row is taken already
}

// modelVar is a variable with its conditions, all of which must hold.
type modelVar struct {
	MatchVar
	conds []modelCond
}

type modelCond struct {
	text string
	make func(refs *[]MatchRef) expr.Node
	eval func(m *modelMatch) bool // with the row at hand taken
}

func addRef(refs *[]MatchRef, r MatchRef) expr.Node {
	*refs = append(*refs, r)
	return expr.NewRef(len(matchInput)+len(*refs)-1, r.Type, diag.Span{})
}

func mustExpr(n expr.Node, err error) expr.Node {
	if err != nil {
		panic(err)
	}
	return n
}

func bigint(v int64) expr.Node {
	b := batch.NewBuilder(types.BigIntT.Nullable(false))
	b.AppendInt(v)
	c := b.Finish()
	return expr.NewLiteral(&c, diag.Span{})
}

// valueRef is FIRST or LAST of the value column.
func valueRef(u int, first bool, off int) matchTerm {
	word := "LAST"
	if first {
		word = "FIRST"
	}
	return matchTerm{
		text: fmt.Sprintf("%s(%d.v, %d)", word, u, off),
		make: func(refs *[]MatchRef) expr.Node {
			return addRef(refs, MatchRef{Var: u, First: first, Offset: off, Col: 2, Type: types.IntT})
		},
		eval: func(m *modelMatch) *int64 {
			rows := m.of(u)
			i := off
			if !first {
				i = len(rows) - 1 - off
			}
			if i < 0 || i >= len(rows) {
				return nil
			}
			return rows[i].value
		},
	}
}

// aggRef is SUM or COUNT of the value column.
func aggRef(u int, name string) matchTerm {
	return matchTerm{
		text: fmt.Sprintf("%s(%d.v)", name, u),
		make: func(refs *[]MatchRef) expr.Node {
			t := types.BigIntT.Nullable(false)
			if name == "SUM" {
				t = types.IntT
			}
			return addRef(refs, MatchRef{Kind: MatchAggregate, Var: u, Type: t, Agg: AggSpec{Func: name, Args: []int{2}, Filter: -1, Result: t}})
		},
		eval: func(m *modelMatch) *int64 {
			sum, n := int64(0), int64(0)
			for _, r := range m.of(u) {
				if r.value != nil {
					sum += *r.value
					n++
				}
			}
			switch {
			case name == "COUNT":
				return &n
			case n == 0:
				return nil
			}
			return &sum
		},
	}
}

func compareTerms(op expr.CompareOp, a, b matchTerm) modelCond {
	return modelCond{
		text: a.text + fmt.Sprint(" ", op, " ") + b.text,
		make: func(refs *[]MatchRef) expr.Node {
			return mustExpr(expr.NewCompare(op, a.make(refs), b.make(refs), diag.Span{}))
		},
		eval: func(m *modelMatch) bool {
			x, y := a.eval(m), b.eval(m)
			if x == nil || y == nil {
				return false
			}
			switch op {
			case expr.Lt:
				return *x < *y
			case expr.Ge:
				return *x >= *y
			case expr.Gt:
				return *x > *y
			}
			return *x <= *y
		},
	}
}

// thisValue is the value of the row at hand.
func thisValue() matchTerm {
	return matchTerm{
		text: "v",
		make: func(*[]MatchRef) expr.Node { return expr.NewRef(2, types.IntT, diag.Span{}) },
		eval: func(m *modelMatch) *int64 { return m.rows[len(m.rows)-1].value },
	}
}

func constant(v int64) matchTerm {
	return matchTerm{text: str(v), make: func(*[]MatchRef) expr.Node { return bigint(v) }, eval: func(*modelMatch) *int64 { return &v }}
}

// orNone holds for the first row of a variable too.
func orNone(t matchTerm, c modelCond) modelCond {
	return modelCond{
		text: t.text + " IS NULL OR " + c.text,
		make: func(refs *[]MatchRef) expr.Node {
			return expr.NewOr(expr.NewIs(expr.IsNull, false, t.make(refs), diag.Span{}), c.make(refs))
		},
		eval: func(m *modelMatch) bool { return t.eval(m) == nil || c.eval(m) },
	}
}

// matchModel is a MATCH_RECOGNIZE.
type matchModel struct {
	cfg      MatchConfig
	vars     []modelVar
	measures []matchTerm
}

func (p *matchModel) String() string {
	var b strings.Builder
	for i, v := range p.vars {
		fmt.Fprintf(&b, "%d{%d,%d greedy=%v:", i, v.Min, v.Max, v.Greedy)
		for _, c := range v.conds {
			b.WriteString(" (" + c.text + ")")
		}
		b.WriteString("} ")
	}
	return fmt.Sprintf("%sskip=%d %d within=%d", b.String(), p.cfg.Skip, p.cfg.SkipVar, p.cfg.Within)
}

// build fills the configuration.
func (p *matchModel) build() *matchModel {
	c := &p.cfg
	c.Input, c.PartitionBy, c.OrderBy = matchInput, []int{0}, []OrderKey{{Col: 1}}
	c.Refs, c.Vars, c.Measures, c.Out = nil, nil, nil, []types.Type{types.IntT}
	for _, v := range p.vars {
		var list []expr.Node
		for _, k := range v.conds {
			list = append(list, k.make(&c.Refs))
		}
		if len(list) > 0 {
			v.Cond = expr.NewAnd(list...)
		}
		c.Vars = append(c.Vars, v.MatchVar)
	}
	for _, m := range p.measures {
		e := m.make(&c.Refs)
		c.Measures, c.Out = append(c.Measures, e), append(c.Out, e.Type())
	}
	ref := addRef(&c.Refs, MatchRef{Kind: MatchRowtime, Type: types.TimestampT(3).Nullable(false)})
	c.Measures, c.Out = append(c.Measures, ref), append(c.Out, ref.Type())
	return p
}

func (p *matchModel) holds(v int, m *modelMatch, r *modelRow) bool {
	taken := m.with(r, v)
	for _, c := range p.vars[v].conds {
		if !c.eval(taken) {
			return false
		}
	}
	return true
}

// leaves reports whether a match may go from variable v on to those up to u, which it
// must not with a row that v itself takes when v is greedy.
func (p *matchModel) leaves(v, u int, m *modelMatch, r *modelRow) bool {
	for k := v; k < u; k++ {
		if k >= 0 && p.vars[k].Greedy && p.holds(k, m, r) {
			return false
		}
	}
	return true
}

// step gives what becomes of a partial match with a row, in order: longer partial
// matches, and complete ones.
func (p *matchModel) step(m *modelMatch, r *modelRow) (more, done []*modelMatch) {
	take := func(v int) {
		n := m.with(r, v)
		c := n.count()
		if v := p.vars[v]; v.Max < 0 || c < v.Max || c < v.Min {
			more = append(more, n)
		} else if len(p.vars) > n.last()+1 {
			more = append(more, n)
		}
		if c < p.vars[v].Min {
			return
		}
		for u := v + 1; u < len(p.vars); u++ {
			if p.vars[u].Min > 0 || !p.leaves(u-1, u, m, r) {
				return
			}
		}
		done = append(done, n)
	}
	v, c := m.last(), 0
	if v >= 0 {
		c = m.count()
		if (p.vars[v].Max < 0 || c < p.vars[v].Max) && p.holds(v, m, r) {
			take(v)
		}
		if c < p.vars[v].Min {
			return more, done
		}
	}
	for u := v + 1; u < len(p.vars); u++ {
		if !p.leaves(v, u, m, r) {
			break
		}
		if p.holds(u, m, r) {
			take(u)
		}
		if p.vars[u].Min > 0 {
			break
		}
	}
	return more, done
}

// key is the model's state of one key.
type modelKey struct {
	partial, complete []*modelMatch
}

// emit gives out complete matches in order of their first rows, as long as no partial
// match began before.
func (p *matchModel) emit(k *modelKey, out func(m *modelMatch)) {
	first := func(list []*modelMatch) int {
		best := -1
		for i, m := range list {
			if best < 0 || m.rows[0].id < list[best].rows[0].id {
				best = i
			}
		}
		return best
	}
	for {
		c, q := first(k.complete), first(k.partial)
		if c < 0 || q >= 0 && k.partial[q].rows[0].id < k.complete[c].rows[0].id {
			return
		}
		m := k.complete[c]
		k.complete = slices.Delete(k.complete, c, c+1)
		from := m.rows[0].id + 1
		switch p.cfg.Skip {
		case SkipPastLastRow:
			from = m.rows[len(m.rows)-1].id + 1
		case SkipToFirst:
			from = m.of(p.cfg.SkipVar)[0].id
		case SkipToLast:
			l := m.of(p.cfg.SkipVar)
			from = l[len(l)-1].id
		}
		old := func(m *modelMatch) bool { return m.rows[0].id < from }
		k.partial, k.complete = slices.DeleteFunc(k.partial, old), slices.DeleteFunc(k.complete, old)
		out(m)
	}
}

// timeout drops partial matches that have lasted too long at a time, and gives out
// what they held up, at the moment they ended.
func (p *matchModel) timeout(k *modelKey, upTo int64, out func(m *modelMatch, at int64)) {
	for p.cfg.Within > 0 {
		end := batch.MaxWatermark
		for _, m := range k.partial {
			end = min(end, m.rows[0].at+p.cfg.Within)
		}
		if len(k.partial) == 0 || end > upTo {
			return
		}
		k.partial = slices.DeleteFunc(k.partial, func(m *modelMatch) bool { return m.rows[0].at+p.cfg.Within <= end })
		p.emit(k, func(m *modelMatch) { out(m, end) })
	}
}

func (p *matchModel) row(k *modelKey, r *modelRow, out func(m *modelMatch, at int64)) {
	p.timeout(k, r.at, out)
	var partial []*modelMatch
	for _, m := range append(k.partial, &modelMatch{}) {
		more, done := p.step(m, r)
		partial, k.complete = append(partial, more...), append(k.complete, done...)
	}
	k.partial = partial
	p.emit(k, func(m *modelMatch) { out(m, r.at) })
}

// shown writes the matches of a key to a list.
func (p *matchModel) shown(out *[]string) func(key string) func(m *modelMatch, at int64) {
	return func(key string) func(m *modelMatch, at int64) {
		return func(m *modelMatch, at int64) {
			cells := []string{key}
			for _, t := range p.measures {
				cell := "NULL"
				if v := t.eval(m); v != nil {
					cell = str(*v)
				}
				cells = append(cells, cell)
			}
			*out = append(*out, rowText(append(cells, ms(str(at)))...))
		}
	}
}

func modelRowOf(e event, at int64) *modelRow {
	r := &modelRow{at: at, other: num(e.cells[3])}
	if e.cells[2] != "NULL" {
		v := num(e.cells[2])
		r.value = &v
	}
	return r
}

// runNow is the table that events come to by processing time.
func (p *matchModel) runNow(ev []event) []string {
	var out []string
	keys := map[string]*modelKey{}
	show := p.shown(&out)
	clock := int64(0)
	for id, e := range ev {
		if e.cells == nil {
			clock += e.clock
			for key, k := range keys {
				p.timeout(k, clock, show(key))
			}
			continue
		}
		key := e.cells[0]
		if keys[key] == nil {
			keys[key] = &modelKey{}
		}
		r := modelRowOf(e, clock)
		r.id = id + 1
		p.row(keys[key], r, show(key))
	}
	return out
}

// run is the table that events come to: the rows of a stream with watermarks.
func (p *matchModel) run(ev []event) []string {
	var out []string
	keys := map[string]*modelKey{}
	wait := map[string][]*modelRow{}
	wm := batch.NoWatermark
	id := 0
	show := p.shown(&out)
	for _, e := range append(slices.Clone(ev), event{wm: batch.MaxWatermark}) {
		if e.cells != nil {
			at := num(e.cells[1])
			if at <= wm {
				continue
			}
			wait[e.cells[0]] = append(wait[e.cells[0]], modelRowOf(e, at))
			continue
		}
		if e.wm <= wm {
			continue
		}
		wm = e.wm
		for key, rows := range wait {
			slices.SortStableFunc(rows, func(a, b *modelRow) int {
				if d := cmp.Compare(a.at, b.at); d != 0 || len(p.cfg.OrderBy) == 1 {
					return d
				}
				return cmp.Compare(b.other, a.other)
			})
			k := keys[key]
			if k == nil {
				k = &modelKey{}
				keys[key] = k
			}
			n := 0
			for _, r := range rows {
				if r.at <= wm {
					id++
					r.id = id
					p.row(k, r, show(key))
					n++
				}
			}
			wait[key] = rows[n:]
			p.timeout(k, wm, show(key))
		}
	}
	return out
}

// drawMatch draws a MATCH_RECOGNIZE.
func drawMatch(r *rand.Rand) *matchModel {
	p := &matchModel{}
	n := 1 + r.IntN(4)
	for v := range n {
		m := modelVar{MatchVar: MatchVar{Min: 1, Max: 1}}
		switch r.IntN(8) {
		case 0:
			m.Min, m.Max = 0, 1
		case 1:
			m.Max, m.Greedy = -1, true
		case 2:
			m.Max = -1
		case 3:
			m.Min, m.Max, m.Greedy = 0, -1, r.IntN(2) == 0
		case 4:
			m.Min = r.IntN(3)
			m.Max, m.Greedy = max(m.Min, 1)+1+r.IntN(2), r.IntN(2) == 0
		case 5:
			m.Min = 2
			if m.Max = 2; r.IntN(2) == 0 {
				m.Max, m.Greedy = -1, r.IntN(2) == 0
			}
		}
		if v == n-1 {
			m.Greedy = false
		}
		m.conds = drawConds(r, v)
		p.vars = append(p.vars, m)
	}
	if !slices.ContainsFunc(p.vars, func(v modelVar) bool { return v.Min > 0 }) {
		p.vars[n-1].Min = 1
		if p.vars[n-1].Max == 0 {
			p.vars[n-1].Max = 1
		}
	}
	for u := -1; u < n; u++ {
		p.measures = append(p.measures, valueRef(u, r.IntN(2) == 0, r.IntN(3)), aggRef(u, []string{"SUM", "COUNT"}[r.IntN(2)]))
	}
	p.cfg.Skip = MatchSkip(r.IntN(2))
	if u := 1 + r.IntN(3); u < n && p.vars[u].Min > 0 && slices.ContainsFunc(p.vars[:u], func(v modelVar) bool { return v.Min > 0 }) {
		p.cfg.Skip, p.cfg.SkipVar = SkipToFirst+MatchSkip(r.IntN(2)), u
	}
	if r.IntN(2) == 0 {
		p.cfg.Within = 1 + int64(r.IntN(40))
	}
	return p.build()
}

func drawConds(r *rand.Rand, v int) []modelCond {
	var out []modelCond
	for range r.IntN(3) {
		switch r.IntN(7) {
		case 0:
			out = append(out, compareTerms(expr.Ge, thisValue(), constant(int64(r.IntN(5)-2))))
		case 1:
			prev := valueRef(v, false, 1)
			out = append(out, orNone(prev, compareTerms(expr.Ge, thisValue(), prev)))
		case 2:
			out = append(out, compareTerms(expr.Lt, thisValue(), valueRef(max(0, v-1), false, 0)))
		case 3:
			first := valueRef(v, true, 0)
			out = append(out, compareTerms(expr.Ge, thisValue(), first))
		case 4:
			out = append(out, compareTerms(expr.Lt, aggRef(v, "SUM"), constant(int64(r.IntN(9)))))
		case 5:
			out = append(out, compareTerms(expr.Gt, constant(3), aggRef(r.IntN(v+1), "COUNT")))
		case 6:
			prev := valueRef(-1, false, 1)
			out = append(out, orNone(prev, compareTerms(expr.Gt, thisValue(), prev)))
		}
	}
	return out
}
