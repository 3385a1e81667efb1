package exec

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Lengths says what happens to text and bytes that are longer than their type, or
// shorter than a CHAR or BINARY.
type Lengths uint8

// What happens to them.
const (
	AnyLength  Lengths = iota // nothing
	TrimPad                   // they are cut, and filled up with blanks or zeros
	FailLength                // the job fails
)

// Constraints are those of a sink's types that are looked at beside NOT NULL of its
// columns, for which there is NewNotNull.
type Constraints struct {
	Lengths Lengths
	// Rows looks inside of rows, Collections inside of arrays, maps and multisets too.
	// There NOT NULL is looked at, and Lengths.
	Rows, Collections bool
	// DropNulls leaves out rows that violate a NOT NULL instead of failing.
	DropNulls bool
}

// NewConstraints makes the operator before a sink that enforces constraints of its
// columns. It is nil when the types have none. Deletes pass as they are, since they may
// carry the key alone.
//
// It fails with not-null-violation and limit-exceeded.
func NewConstraints(s types.Schema, table string, c Constraints) Operator {
	o := &constraints{table: table, c: c}
	for i, f := range s {
		if k := o.checkOf(f.Type, f.Name, false); k != nil {
			o.cols, o.checks = append(o.cols, i), append(o.checks, k)
		}
	}
	if len(o.cols) == 0 {
		return nil
	}
	return o
}

type constraints struct {
	Stateless
	table  string
	c      Constraints
	cols   []int
	checks []*check
	live   []bool
}

// check is what is to be looked at in a column or in a part of one.
type check struct {
	name    string
	t       types.Type
	notNull bool // and it is nested
	length  int  // 0: any
	fixed   bool // CHAR, BINARY: exactly length
	bytes   bool // BINARY, VARBINARY: counted in bytes
	kids    []*check
}

// checkOf is nil when there is nothing to look at.
func (o *constraints) checkOf(t types.Type, name string, nested bool) *check {
	k := &check{name: name, t: t, notNull: nested && t.NotNull}
	some := k.notNull
	kid := func(t types.Type, name string) {
		c := o.checkOf(t, name, true)
		k.kids = append(k.kids, c)
		some = some || c != nil
	}
	switch t.Kind {
	case types.Char, types.VarChar, types.Binary, types.VarBinary:
		if o.c.Lengths != AnyLength && t.Prec < types.MaxLength {
			k.length, some = t.Prec, true
			k.fixed = t.Kind == types.Char || t.Kind == types.Binary
			k.bytes = t.Kind == types.Binary || t.Kind == types.VarBinary
		}
	case types.Row:
		if o.c.Rows {
			for _, f := range t.Fields {
				kid(f.Type, name+"."+f.Name)
			}
		}
	case types.Array, types.Multiset:
		if o.c.Collections {
			kid(*t.Elem, name+"[element]")
		}
	case types.Map:
		if o.c.Collections {
			kid(*t.Key, name+"[key]")
			kid(*t.Elem, name+"[value]")
		}
	}
	if !some {
		return nil
	}
	return k
}

// Draw names the operator.
func (o *constraints) Draw() Drawing { return Drawing{Name: "ConstraintEnforcer"} }

// Process looks at the columns that have constraints.
func (o *constraints) Process(c *Ctx, _ int, b *batch.Batch) error {
	out := *b
	live := o.liveRows(b)
	var bad []bool
	for i, col := range o.cols {
		v, wrong, err := o.run(o.checks[i], &b.Cols[col], b.N, live)
		if err != nil {
			return err
		}
		if v != nil {
			if &out.Cols[0] == &b.Cols[0] {
				out.Cols = slices.Clone(b.Cols)
			}
			out.Cols[col] = *v
		}
		bad = either(bad, wrong)
	}
	if bad != nil {
		keep := make([]uint16, 0, b.Rows())
		for r := range b.Rows() {
			if l := b.Lane(r); !bad[l] {
				keep = append(keep, uint16(l))
			}
		}
		c.Count("not-null-dropped", int64(b.Rows()-len(keep)))
		out.Sel = keep
	}
	if out.Rows() == 0 && len(out.Marks) == 0 {
		return nil
	}
	return c.Emit(&out)
}

// liveRows are the lanes to look at; nil is all of them.
func (o *constraints) liveRows(b *batch.Batch) []bool {
	if b.Sel == nil && b.Kinds == nil {
		return nil
	}
	o.live = append(o.live[:0], make([]bool, b.N)...)
	for r := range b.Rows() {
		l := b.Lane(r)
		o.live[l] = b.Kind(l) != batch.Delete
	}
	return o.live
}

func either(a, b []bool) []bool {
	if a == nil {
		return b
	}
	for i, x := range b {
		a[i] = a[i] || x
	}
	return a
}

// run looks at n values. It returns the column to put in its place, or nil, and the
// lanes in which a NOT NULL is violated, or nil.
func (o *constraints) run(k *check, c *batch.Col, n int, live []bool) (*batch.Col, []bool, error) {
	if c.Enc == batch.Const && n > 0 {
		if live != nil && !slices.Contains(live[:n], true) {
			return nil, nil, nil
		}
		one := *c
		one.Enc = batch.Flat
		v, wrong, err := o.run(k, &one, 1, nil)
		if v != nil {
			v.Enc = batch.Const
		}
		if wrong != nil && wrong[0] {
			wrong = slices.Repeat([]bool{true}, n)
		}
		return v, wrong, err
	}
	var bad []bool
	if c.Nulls != nil || c.Enc == batch.Sparse {
		alive := make([]bool, n)
		for i := range alive {
			null := c.IsNull(i)
			alive[i] = !null && (live == nil || live[i])
			if k.notNull && null && (live == nil || live[i]) {
				if !o.c.DropNulls {
					return nil, nil, o.nullError(k)
				}
				if bad == nil {
					bad = make([]bool, n)
				}
				bad[i] = true
			}
		}
		live = alive
	}
	if k.length > 0 {
		v, err := o.lengths(k, c, n, live)
		return v, bad, err
	}
	if len(k.kids) == 0 {
		return nil, bad, nil
	}
	v, wrong, err := o.inside(k, c, n, live)
	return v, either(bad, wrong), err
}

func (o *constraints) nullError(k *check) error {
	return diag.New(diag.NotNullViolation, "%s of %s is NOT NULL, and a row has NULL there", k.name, o.table).
		WithHint("give it a value with COALESCE, or SET 'table.exec.sink.not-null-enforcer' = 'DROP'")
}

// inside looks at the children of a nested column.
func (o *constraints) inside(k *check, c *batch.Col, n int, live []bool) (*batch.Col, []bool, error) {
	parent, m := o.parents(k, c, n)
	var kidLive []bool
	if live != nil || k.t.Kind != types.Row && c.Offs[0] > 0 {
		kidLive = make([]bool, m)
		for j := range kidLive {
			p := j
			if parent != nil {
				p = parent[j]
			}
			kidLive[j] = p >= 0 && (live == nil || live[p])
		}
	}
	var out *batch.Col
	var bad []bool
	for i, kid := range k.kids {
		if kid == nil {
			continue
		}
		v, wrong, err := o.run(kid, &c.Kids[i], m, kidLive)
		if err != nil {
			return nil, nil, err
		}
		if v != nil {
			if out == nil {
				cp := *c
				cp.Kids = slices.Clone(c.Kids)
				out = &cp
			}
			out.Kids[i] = *v
		}
		for j, w := range wrong {
			if !w {
				continue
			}
			if bad == nil {
				bad = make([]bool, n)
			}
			if p := j; parent == nil {
				bad[p] = true
			} else if parent[j] >= 0 {
				bad[parent[j]] = true
			}
		}
	}
	return out, bad, nil
}

// parents is the lane that each child belongs to, -1 for none; nil when child and lane
// are the same. m is the number of children.
func (o *constraints) parents(k *check, c *batch.Col, n int) (parent []int, m int) {
	switch {
	case k.t.Kind != types.Row:
		m = int(c.Offs[n])
		parent = make([]int, m)
		for j := range int(c.Offs[0]) {
			parent[j] = -1
		}
		for i := range n {
			for j := c.Offs[i]; j < c.Offs[i+1]; j++ {
				parent[j] = i
			}
		}
		return parent, m
	case c.Enc == batch.Sparse:
		for _, l := range c.At {
			parent = append(parent, int(l))
		}
		return parent, len(c.At)
	}
	return nil, n
}

// lengths looks at n strings. Most fit by their bytes alone.
func (o *constraints) lengths(k *check, c *batch.Col, n int, live []bool) (*batch.Col, error) {
	var s [12]byte
	fits := func(i int) (int, bool) {
		l := c.Views[i].Len()
		if l <= k.length && !k.fixed {
			return l, true
		}
		if !k.bytes {
			l = utf8.RuneCount(c.Bytes(i, &s))
		}
		return l, l == k.length || l < k.length && !k.fixed
	}
	for i := range c.Views[:n] {
		if live != nil && !live[i] {
			continue
		}
		l, ok := fits(i)
		if ok {
			continue
		}
		if o.c.Lengths == FailLength {
			return nil, diag.New(diag.LimitExceeded, "%s of %s is %s, and a row has %s there", k.name, o.table, k.t.Nullable(true), many(l, k.bytes)).
				WithHint("CAST it, or SET 'table.exec.sink.type-length-enforcer' = 'TRIM_PAD'")
		}
		return o.trim(k, c, n, live, fits), nil
	}
	return nil, nil
}

func many(l int, bytes bool) string {
	if bytes {
		return strconv.Itoa(l) + " bytes"
	}
	return strconv.Itoa(l) + " characters"
}

// trim makes the column anew, with every value of its length.
func (o *constraints) trim(k *check, c *batch.Col, n int, live []bool, fits func(int) (int, bool)) *batch.Col {
	var s [12]byte
	b := batch.NewBuilder(c.Type)
	var buf []byte
	fill := byte(' ')
	if k.bytes {
		fill = 0
	}
	for i := range n {
		if c.IsNull(i) {
			b.AppendNull()
			continue
		}
		v := c.Bytes(i, &s)
		l, ok := 0, true
		if live == nil || live[i] {
			l, ok = fits(i)
		}
		switch {
		case ok:
		case l > k.length:
			v = v[:prefix(v, k.length, k.bytes)]
		default:
			buf = append(buf[:0], v...)
			for ; l < k.length; l++ {
				buf = append(buf, fill)
			}
			v = buf
		}
		b.AppendBytes(v)
	}
	out := b.Finish()
	return &out
}

// prefix is the number of bytes of the first n characters or bytes.
func prefix(v []byte, n int, bytes bool) int {
	if bytes {
		return n
	}
	at := 0
	for range n {
		_, w := utf8.DecodeRune(v[at:])
		at += w
	}
	return at
}
