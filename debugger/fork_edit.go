package debugger

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// EditKind is what a fork changes.
type EditKind string

// The kinds.
const (
	EditRecord    EditKind = "record"    // a record that a source gives behind the fork
	EditInsert    EditKind = "insert"    // a record more, before one
	EditState     EditKind = "state"     // entries of an operator's state
	EditWatermark EditKind = "watermark" // that of a source
	EditSQL       EditKind = "sql"       // the script
)

// Edit is a change of a fork.
type Edit struct {
	Kind EditKind `json:"kind"`
	// Target is a record such as orders/0@6, the operator of state, or a table.
	Target string `json:"target,omitempty"`
	// Drop takes the record or the entries away; Set gives columns other values.
	Drop bool     `json:"drop,omitempty"`
	Set  []Assign `json:"set,omitempty"`
	// Where picks entries of state.
	Where string `json:"where,omitempty"`
	// Values of a record that is put in, of its columns in order.
	Values []string `json:"values,omitempty"`
	// Raise is a watermark, in milliseconds, that is there at once; Delay makes each
	// watermark so much smaller.
	Raise *int64        `json:"raise,omitempty"`
	Delay time.Duration `json:"delay,omitempty"`
	// Script is the text of another one.
	Script string `json:"script,omitempty"`

	source *Operator
	op     *Operator
	split  string
	nth    int64
}

// Assign gives a column the value of an expression.
type Assign struct {
	Column string `json:"column"`
	Value  string `json:"value"`
}

// ParseEdit reads a change:
//
//	record orders/0@6 SET amt = 3.00, sku = 'B-02' | record orders/0@6 DROP
//	insert orders/0@6 VALUES (6, 'B-02', 3.00, TIMESTAMP '2026-08-22 11:55:10')
//	state OPERATOR SET rows = 1 [WHERE condition] | state OPERATOR DROP [WHERE condition]
//	watermark orders 11:56 | watermark orders DELAY 10s
//
// It fails with config.
func ParseEdit(text string) (Edit, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	e := Edit{Kind: EditKind(strings.ToLower(word))}
	bad := func(format string, args ...any) (Edit, error) {
		return Edit{}, diag.New(diag.Config, format, args...).WithHint("record orders/0@6 SET amt = 3, record orders/0@6 DROP, insert orders/0@6 VALUES (...), state OPERATOR SET n = 1 WHERE k = 'a', state OPERATOR DROP WHERE k = 'a', watermark orders 11:56, watermark orders DELAY 10s, sql FILE")
	}
	e.Target, rest, _ = strings.Cut(strings.TrimSpace(rest), " ")
	rest = strings.TrimSpace(rest)
	verb, args, _ := strings.Cut(rest, " ")
	switch e.Kind {
	case EditRecord, EditState:
		if i := strings.LastIndex(strings.ToLower(" "+args), " where "); i >= 0 && e.Kind == EditState {
			e.Where, args = strings.TrimSpace(args[i+len(" where ")-1:]), args[:i]
		}
		switch {
		case strings.EqualFold(verb, "drop") && strings.TrimSpace(args) == "":
			e.Drop = true
		case strings.EqualFold(verb, "set"):
			for _, part := range splitTop(args) {
				column, value, ok := strings.Cut(part, "=")
				if !ok {
					return bad("%q sets nothing", part)
				}
				e.Set = append(e.Set, Assign{strings.Trim(strings.TrimSpace(column), "`"), strings.TrimSpace(value)})
			}
		default:
			return bad("SET what, or DROP")
		}
	case EditInsert:
		args = strings.TrimSpace(args)
		if !strings.EqualFold(verb, "values") || !strings.HasPrefix(args, "(") || !strings.HasSuffix(args, ")") {
			return bad("a record needs VALUES (...)")
		}
		for _, part := range splitTop(args[1 : len(args)-1]) {
			e.Values = append(e.Values, strings.TrimSpace(part))
		}
	case EditWatermark:
		if strings.EqualFold(verb, "delay") {
			d, err := time.ParseDuration(strings.TrimSpace(args))
			if e.Delay = d; err != nil || d == 0 {
				return bad("DELAY needs a time such as 10s")
			}
			return e, nil
		}
		ms, _, ok := parseTime(rest)
		if !ok {
			return bad("%q is no time", rest)
		}
		e.Raise = &ms
	default:
		return bad("no edit of %q", word)
	}
	return e, nil
}

// splitTop cuts at commas that are in no quotes and parentheses.
func splitTop(text string) []string {
	var out []string
	from, depth, quoted := 0, 0, false
	for i, r := range text {
		switch {
		case r == '\'':
			quoted = !quoted
		case quoted:
		case r == '(' || r == '[':
			depth++
		case r == ')' || r == ']':
			depth--
		case r == ',' && depth == 0:
			out = append(out, text[from:i])
			from = i + 1
		}
	}
	return append(out, text[from:])
}

// Edit adds a change. A record that was read before the fork moves the fork back to
// before it was, as long as nothing else was changed. It fails where its parts do not
// fit, and changes nothing then.
func (f *Fork) Edit(ctx context.Context, e Edit) error {
	switch e.Kind {
	case EditRecord, EditInsert:
		if err := f.record(ctx, &e); err != nil {
			return err
		}
	case EditState:
		o, err := f.j.Operator(e.Target)
		if err != nil {
			return err
		}
		e.op = o
	case EditWatermark:
		o, err := f.j.Operator(e.Target)
		if err != nil {
			return err
		}
		if !o.source {
			return diag.New(diag.NotFound, "%s is no source", o.Name)
		}
		if err := f.j.knowAll(ctx); err != nil {
			return err
		}
		if e.Raise != nil && *e.Raise < dayMS && *e.Raise >= 0 { // a time of day
			day := f.j.line[f.at-1].watermark
			for i := f.at; day == batch.NoWatermark && i < int64(len(f.j.line)); i++ {
				day = f.j.line[i].watermark
			}
			if day == batch.NoWatermark || day == batch.MaxWatermark {
				return diag.New(diag.Config, "no watermark is there yet that says which day is meant").WithHint("give the time with its date")
			}
			ms := *e.Raise + day - (day%dayMS+dayMS)%dayMS
			e.Raise = &ms
		}
		e.source = o
	case EditSQL:
		if strings.TrimSpace(e.Script) == "" {
			return diag.New(diag.Config, "the script is empty")
		}
		f.script = e.Script
	}
	f.Edits = append(f.Edits, e)
	f.future = nil
	return nil
}

// record finds the record of an edit.
func (f *Fork) record(ctx context.Context, e *Edit) error {
	t, err := ParseTarget(e.Target)
	if err != nil || t.Source == "" {
		return diag.New(diag.Config, "%q is no record", e.Target).WithHint("orders/0@6 is record 6 of split 0 of table orders")
	}
	o, err := f.j.Operator(t.Source)
	if err != nil {
		return err
	}
	if !o.source {
		return diag.New(diag.NotFound, "%s is no source", o.Name)
	}
	for _, a := range e.Set {
		if !slices.ContainsFunc(o.Schema(), func(c types.Field) bool { return c.Name == a.Column }) {
			return diag.New(diag.UnknownColumn, "no column %q in %s", a.Column, o.Table).WithHint("columns are: %s", strings.Join(o.Schema().Names(), ", "))
		}
	}
	if n := len(o.Schema()); e.Kind == EditInsert && len(e.Values) != n {
		return diag.New(diag.Config, "%d values for %d columns", len(e.Values), n).WithHint("columns are: %s", strings.Join(o.Schema().Names(), ", "))
	}
	e.source, e.nth = o, t.Nth
	if err := f.j.knowAll(ctx); err != nil {
		return err
	}
	given := int64(0) // by the split, on the tape
	for i := range f.j.line {
		for _, r := range f.j.line[i].reads {
			if r.source != o.uid || f.j.splitNumber(r.source, r.split) != t.Split {
				continue
			}
			e.split, given = r.split, max(given, r.end)
			if t.Nth <= r.from || t.Nth > r.end || int64(i) >= f.at {
				continue
			}
			if len(f.Edits) > 0 || i == 0 {
				return diag.New(diag.Config, "%s was read at %s, before the fork at %s", e.Target, f.j.line[i].Position, f.At).
					WithHint("goto %s, back, and fork there", e.Target)
			}
			f.at, f.At, f.base = int64(i), f.j.line[i-1].Position, nil
		}
	}
	if e.split == "" {
		return diag.New(diag.NotFound, "%s has no split %d", t.Source, t.Split)
	}
	if t.Nth > given {
		return diag.New(diag.NotFound, "the tape has no %s", e.Target).WithHint("split %d of %s gave %d records", t.Split, t.Source, given)
	}
	return nil
}

// knowAll executes what was not executed of the tape and comes back.
func (j *Job) knowAll(ctx context.Context) error {
	if j.whole {
		return nil
	}
	at, record := j.at, j.record
	if _, err := j.Seek(ctx, AtEnd); err != nil {
		return err
	}
	if err := j.goTo(ctx, at); err != nil {
		return err
	}
	j.record = record
	return nil
}

// change edits the rows of a split, numbered from first.
func (f *Fork) change(table, split string, first int64, s types.Schema, b *batch.Batch) error {
	for i := len(f.Edits) - 1; i >= 0; i-- { // from behind, so that numbers stay
		e := &f.Edits[i]
		k := int(e.nth - 1 - first)
		if e.Kind != EditRecord && e.Kind != EditInsert || e.split != split || e.source.fullName() != table || k < 0 || k >= b.N {
			continue
		}
		var out, row batch.Batch
		out.Append(b, batch.Span(0, k))
		rest := k + 1
		switch {
		case e.Drop:
		case e.Kind == EditInsert:
			if err := f.j.values(&row, e, s, b); err != nil {
				return err
			}
			rest = k
		default:
			row.Append(b, []uint16{uint16(k)})
			if err := f.j.assign(&row, e, s); err != nil {
				return err
			}
		}
		if row.N > 0 {
			out.Append(&row, nil)
		}
		out.Append(b, batch.Span(rest, b.N))
		*b = batch.Batch{}
		b.Append(&out, nil)
	}
	return nil
}

// fullName is that of a source's table, as positions have it.
func (o *Operator) fullName() string { return o.tableName }

// value works out an expression, cast to a type, over a row.
func (j *Job) value(text string, t types.Type, s types.Schema, row *batch.Batch) (*batch.Col, error) {
	name := strings.TrimSuffix(t.Nullable(true).String(), " NOT NULL")
	n, err := j.d.session.Expression("CAST(("+text+") AS "+name+")", s)
	if err != nil {
		return nil, err
	}
	calc, err := expr.NewCalc(nil, []expr.Node{n}, s.Types())
	if err != nil {
		return nil, err
	}
	frame := function.NewFrame(function.FixedEnv{WatermarkTime: batch.NoWatermark}, j.Zone)
	var out batch.Batch
	if err := calc.Run(frame, row, &out); err != nil {
		return nil, err
	}
	var c batch.Col
	c.Gather(&out.Cols[0], out.Sel, 1)
	if c.IsNull(0) && !t.IsNullable() {
		return nil, diag.New(diag.Config, "%s is NULL, and the column is not", text)
	}
	return &c, nil
}

// assign sets columns of a row.
func (j *Job) assign(row *batch.Batch, e *Edit, s types.Schema) error {
	view := *row.Filled(s.Types())
	for _, a := range e.Set {
		i := slices.IndexFunc(s, func(c types.Field) bool { return c.Name == a.Column })
		if row.Cols[i].Type.Kind == types.Invalid {
			return diag.New(diag.Config, "column %q of %s is not read by the job", a.Column, e.source.Table)
		}
		c, err := j.value(a.Value, s[i].Type, s, &view)
		if err != nil {
			return err
		}
		row.Cols[i] = *c
	}
	return nil
}

// values makes a row of values; columns that nobody reads are left out.
func (j *Job) values(row *batch.Batch, e *Edit, s types.Schema, like *batch.Batch) error {
	var none batch.Batch
	none.Append(like, batch.Span(0, 1))
	row.SetColumns(len(s))
	row.N = 1
	for i := range s {
		if like.Cols[i].Type.Kind == types.Invalid {
			continue
		}
		c, err := j.value(e.Values[i], s[i].Type, s, none.Filled(s.Types()))
		if err != nil {
			return err
		}
		row.Cols[i] = *c
	}
	return nil
}

// raised are the watermarks that are there at once, by table.
func (f *Fork) raised() map[string]int64 {
	out := map[string]int64{}
	for i := range f.Edits {
		if e := &f.Edits[i]; e.Kind == EditWatermark && e.Raise != nil {
			out[e.source.fullName()] = *e.Raise
		}
	}
	return out
}

// editWatermarks changes what sources make of event time.
func (f *Fork) editWatermarks(p *planned) error {
	for i := range f.Edits {
		e := &f.Edits[i]
		if e.Kind != EditWatermark {
			continue
		}
		found := false
		for _, v := range p.graph.Vertices {
			if v.Source == nil || v.Source.Table != e.source.fullName() {
				continue
			}
			if v.Source.Watermark == nil {
				return diag.New(diag.Config, "table %s has no watermark", e.source.Table)
			}
			found = true
			spec, inner, delay := *v.Source, v.Source.Watermark, e.Delay.Milliseconds()
			spec.Watermark = func(now func() int64) flow.WatermarkEval {
				eval := inner(now)
				return func(b *batch.Batch, out []int64) error {
					if err := eval(b, out); err != nil {
						return err
					}
					for l := range out {
						if out[l] != batch.NoWatermark {
							out[l] -= delay
						}
					}
					return nil
				}
			}
			v.Source = &spec
		}
		if !found {
			return diag.New(diag.NotFound, "the job does not read %s", e.source.Table)
		}
	}
	return nil
}

// editState changes entries before the branch goes on.
func (f *Fork) editState(br *flow.Branch, p *planned) error {
	for i := range f.Edits {
		e := &f.Edits[i]
		if e.Kind != EditState {
			continue
		}
		o := e.op
		for _, x := range p.ops {
			if x.Name == o.Name {
				o = x
			}
		}
		n, fits := 0, false
		var refused error
		err := br.Each(o.uid, func(sub int, op exec.Operator, c *exec.Ctx) error {
			for _, x := range exec.LookState(op, c, stateRowsMax) {
				st := o.table(x, sub)
				if x.Kind == "counters" || x.Kind == "value" {
					continue
				}
				if !e.Drop && !slices.ContainsFunc(e.Set, func(a Assign) bool {
					return slices.ContainsFunc(st.Schema, func(t types.Field) bool { return t.Name == a.Column })
				}) {
					continue
				}
				lanes, err := f.j.entries(&st, e.Where)
				if err != nil {
					refused = err
					continue
				}
				fits = true
				if len(lanes) == 0 {
					continue
				}
				set := map[int]func(types.Type) (*batch.Col, error){}
				for _, a := range e.Set {
					k := slices.IndexFunc(st.Schema, func(t types.Field) bool { return t.Name == a.Column })
					if k < 0 {
						return diag.New(diag.UnknownColumn, "no column %q in %s.%s", a.Column, o.Name, st.Name).WithHint("columns are: %s", strings.Join(st.Schema.Names(), ", "))
					}
					if k < st.Keys {
						return diag.New(diag.Config, "%q is the key of an entry, which stays", a.Column)
					}
					var row batch.Batch
					row.Append(st.Rows[0].Batch, lanes[:1])
					set[k] = func(t types.Type) (*batch.Col, error) { return f.j.value(a.Value, t, st.Schema, &row) }
				}
				if err := exec.EditState(op, c, st.Name, lanes, set); err != nil {
					return err
				}
				n += len(lanes)
			}
			return nil
		})
		switch {
		case err != nil:
			return err
		case !fits && refused != nil:
			return refused
		case n == 0:
			return diag.New(diag.NotFound, "%s has no such entry at %s", o.Name, f.At).WithHint("state %s lists what there is; what waits in channels there is passed through before the fork begins", o.Name)
		}
	}
	return nil
}

// entries are the places of a structure's entries that a condition is true of.
func (j *Job) entries(st *StateTable, condition string) ([]uint16, error) {
	if condition == "" {
		return batch.Span(0, len(st.Rows)), nil
	}
	c, err := j.condition(condition, st.Schema)
	if err != nil || len(st.Rows) == 0 {
		return nil, err
	}
	return c.lanes(st.Rows[0].Batch, batch.NoWatermark)
}
