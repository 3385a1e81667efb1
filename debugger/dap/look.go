package dap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-dap"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/types"
)

// ref is something that an editor can open: it is worked out when it is.
type ref struct {
	list func() ([]dap.Variable, error)
	// entries are the conditions that name the entries of a state, by the names that the
	// editor sees.
	operator string
	entries  map[string]string
}

// open makes a reference to it. References are good until the job moves.
func (s *session) open(r ref) int {
	s.refs = append(s.refs, r)
	return len(s.refs)
}

func (s *session) ref(n int) *ref {
	if n < 1 || n > len(s.refs) {
		return nil
	}
	return &s.refs[n-1]
}

// scopes are what there is to see of a frame.
func (s *session) scopes(id int) ([]dap.Scope, error) {
	j, o, err := s.frame(id)
	if err != nil {
		return nil, err
	}
	list := []dap.Scope{
		{Name: "Row", PresentationHint: "locals", VariablesReference: s.open(ref{list: func() ([]dap.Variable, error) { return s.rowVariables(j, o), nil }})},
		{Name: "Watermark", VariablesReference: s.open(ref{list: func() ([]dap.Variable, error) { return watermarks(j, o) }})},
		{Name: "State", Expensive: true, VariablesReference: s.open(ref{list: func() ([]dap.Variable, error) { return s.state(j, o) }})},
		{Name: "Windows", Expensive: true, VariablesReference: s.open(ref{list: func() ([]dap.Variable, error) { return windows(j, o) }})},
	}
	return list, nil
}

func (s *session) variables(a dap.VariablesArguments) ([]dap.Variable, error) {
	r := s.ref(a.VariablesReference)
	if r == nil {
		return nil, diag.New(diag.NotFound, "that was of another moment")
	}
	list, err := r.list()
	if e := diag.As(err); e != nil && e.Code == diag.NotFound { // there is nothing of the kind
		return []dap.Variable{}, nil
	}
	if err != nil {
		return nil, err
	}
	from := min(a.Start, len(list))
	list = list[from:]
	if a.Count > 0 && a.Count < len(list) {
		list = list[:a.Count]
	}
	if list == nil {
		list = []dap.Variable{}
	}
	return list, nil
}

// row is that of an operator in the step: the one that a breakpoint was hit for, the record
// at the cursor, or the first that it gave or got. nil for none.
func (s *session) row(o *debugger.Operator) *debugger.Row {
	st := s.at.Step
	if st == nil {
		return nil
	}
	if s.at.row != nil && len(s.at.ops) > 0 && o == s.at.ops[s.at.focus] {
		return s.at.row
	}
	if st.Record != nil && len(s.at.ops) > 0 && o == s.at.ops[0] {
		return &st.Record.Row
	}
	var got *debugger.Row
	for i := range st.Events {
		h := &st.Events[i]
		if h.Operator != o.Name || len(h.Rows) == 0 {
			continue
		}
		if h.Kind == "out" || h.Kind == "read" {
			return &h.Rows[0]
		}
		if got == nil {
			got = &h.Rows[0]
		}
	}
	return got
}

// rowVariables are the columns of a row with its kind, and behind them all rows of the step.
func (s *session) rowVariables(j *debugger.Job, o *debugger.Operator) []dap.Variable {
	r := s.row(o)
	if j != s.j() || r == nil {
		return nil
	}
	out := append([]dap.Variable{{Name: "op", Value: r.Kind().String()}}, columns(j, *r)...)
	for i := range s.at.Step.Events {
		h := &s.at.Step.Events[i]
		if h.Operator != o.Name || len(h.Rows) == 0 {
			continue
		}
		name := map[string]string{"read": "read", "in": "got", "out": "gave", "late": "left out as late"}[h.Kind]
		out = append(out, dap.Variable{
			Name: name, Value: fmt.Sprintf("%d rows", len(h.Rows)), IndexedVariables: len(h.Rows),
			VariablesReference: s.open(ref{list: func() ([]dap.Variable, error) { return s.rows(j, h.Rows), nil }}),
		})
	}
	return out
}

func (s *session) rows(j *debugger.Job, rows []debugger.Row) []dap.Variable {
	var out []dap.Variable
	for i, r := range rows {
		out = append(out, dap.Variable{Name: fmt.Sprint(i + 1), Value: line(j, r), VariablesReference: s.open(ref{list: func() ([]dap.Variable, error) {
			return append([]dap.Variable{{Name: "op", Value: r.Kind().String()}}, columns(j, r)...), nil
		}})})
	}
	return out
}

func columns(j *debugger.Job, r debugger.Row) []dap.Variable {
	r = r.Shown()
	var out []dap.Variable
	for i, f := range r.Schema {
		out = append(out, dap.Variable{Name: f.Name, Value: j.Text(r, i), Type: f.Type.String(), EvaluateName: "`" + strings.ReplaceAll(f.Name, "`", "``") + "`"})
	}
	return out
}

// line is a row in a line.
func line(j *debugger.Job, r debugger.Row) string {
	r = r.Shown()
	parts := []string{r.Kind().String()}
	for i, f := range r.Schema {
		parts = append(parts, f.Name+"="+j.Text(r, i))
	}
	return strings.Join(parts, " ")
}

// watermarks are those of an operator in each subtask, of its channels and its splits.
func watermarks(j *debugger.Job, o *debugger.Operator) ([]dap.Variable, error) {
	tasks, err := j.Tasks()
	if err != nil {
		return nil, err
	}
	var out []dap.Variable
	for _, t := range tasks {
		at := slices.IndexFunc(t.Ops, func(v flow.OpView) bool { return o.Is(v.UID) })
		if at < 0 && !o.Is(t.UID) {
			continue
		}
		sub := fmt.Sprintf("subtask %d", t.Subtask+1)
		if at >= 0 {
			out = append(out, dap.Variable{Name: sub, Value: debugger.ClockText(t.Ops[at].Watermark)})
		} else {
			out = append(out, dap.Variable{Name: sub, Value: debugger.ClockText(t.Watermark)})
		}
		for i, c := range t.Inputs {
			if at == 0 {
				out = append(out, dap.Variable{Name: fmt.Sprintf("%s, channel %d from %s", sub, i+1, tasks[c.From].Name), Value: idle(debugger.ClockText(c.Watermark), c.Idle)})
			}
		}
		for _, sp := range t.Splits {
			out = append(out, dap.Variable{Name: fmt.Sprintf("%s, split %s", sub, sp.ID), Value: idle(debugger.ClockText(sp.Watermark), sp.Idle)})
		}
	}
	return out, nil
}

func idle(text string, is bool) string {
	if is {
		return text + ", idle"
	}
	return text
}

// stateRows is how many entries of a structure an editor is shown.
const stateRows = 1000

// state are the structures of an operator, and their entries.
func (s *session) state(j *debugger.Job, o *debugger.Operator) ([]dap.Variable, error) {
	tables, err := j.State(o.Name, "", stateRows)
	if err != nil {
		return nil, err
	}
	var out []dap.Variable
	for _, t := range tables {
		if t.Kind == "counters" {
			continue // an operator's own, of no key
		}
		r := ref{operator: o.Name, entries: map[string]string{}}
		var list []dap.Variable
		for _, row := range t.Rows {
			name, where := key(j, t, row)
			if where != "" {
				r.entries[name] = where
			}
			list = append(list, dap.Variable{Name: name, Value: strings.TrimPrefix(line(j, row), "+I "), VariablesReference: s.open(ref{list: func() ([]dap.Variable, error) { return columns(j, row), nil }})})
		}
		r.list = func() ([]dap.Variable, error) { return list, nil }
		value := fmt.Sprintf("%d entries", t.Entries)
		if t.More {
			value += fmt.Sprintf(", %d are shown", len(t.Rows))
		}
		out = append(out, dap.Variable{Name: fmt.Sprintf("%s, subtask %d", t.Name, t.Subtask+1), Value: value, Type: t.Kind, VariablesReference: s.open(r), NamedVariables: len(list)})
	}
	return out, nil
}

// key is the text of an entry's key, and the condition that finds it, "" where there is no
// such form.
func key(j *debugger.Job, t debugger.StateTable, r debugger.Row) (name, where string) {
	var names, conds []string
	ok := t.Keys > 0
	for i := range t.Keys {
		text := j.Text(r, i)
		names = append(names, text)
		column := "`" + strings.ReplaceAll(t.Schema[i].Name, "`", "``") + "`"
		if r.Batch.Cols[i].IsNull(r.Lane) {
			conds = append(conds, column+" IS NULL")
			continue
		}
		switch k := t.Schema[i].Type.Kind; k {
		case types.Char, types.VarChar:
			conds = append(conds, column+" = '"+strings.ReplaceAll(text, "'", "''")+"'")
		case types.TinyInt, types.SmallInt, types.Int, types.BigInt, types.Decimal, types.Boolean:
			conds = append(conds, column+" = "+text)
		case types.Timestamp:
			conds = append(conds, column+" = TIMESTAMP '"+text+"'")
		case types.Date:
			conds = append(conds, column+" = DATE '"+text+"'")
		default:
			ok = false
		}
	}
	if ok {
		where = strings.Join(conds, " AND ")
	}
	if len(names) == 0 {
		return "entry", where
	}
	return strings.Join(names, ", "), where
}

// windows are those that an operator has open, with what each waits for.
func windows(j *debugger.Job, o *debugger.Operator) ([]dap.Variable, error) {
	list, err := j.Windows(o.Name)
	if err != nil {
		return nil, err
	}
	var out []dap.Variable
	for _, w := range list {
		name := "until " + debugger.ClockText(w.End)
		if w.Start != nil {
			name = debugger.ClockText(*w.Start) + " to " + debugger.ClockText(w.End)
		}
		clock := "watermark"
		if w.Processing {
			clock = "clock"
		}
		out = append(out, dap.Variable{Name: name, Value: fmt.Sprintf("%d keys, waits for the %s %s, which is at %s", w.Keys, clock, debugger.ClockText(w.Needs), debugger.ClockText(w.Has))})
	}
	return out, nil
}

// evaluate works out an expression over the row of a frame, or carries out a command.
func (s *session) evaluate(a dap.EvaluateArguments) (dap.EvaluateResponseBody, error) {
	text := strings.TrimSpace(a.Expression)
	word, _, _ := strings.Cut(text, " ")
	if a.Context == "repl" || strings.HasPrefix(word, "why") {
		if out, ok, err := s.o.Command(s.ctx, s.d, s.j(), text); ok || err != nil {
			return dap.EvaluateResponseBody{Result: strings.TrimRight(out, "\n")}, err
		}
	}
	j, o := s.j(), (*debugger.Operator)(nil)
	var err error
	switch {
	case a.FrameId != 0:
		j, o, err = s.frame(a.FrameId)
	case len(s.at.ops) > 0:
		o = s.at.ops[s.at.focus]
	}
	if err != nil {
		return dap.EvaluateResponseBody{}, err
	}
	var r *debugger.Row
	if o != nil && j == s.j() {
		r = s.row(o)
	}
	if r == nil {
		return dap.EvaluateResponseBody{}, diag.New(diag.NotFound, "there is no row here").WithHint("step to one, or ask with a command such as why-stuck")
	}
	value, t, err := j.Evaluate(*r, text, j.Watermark())
	if err != nil {
		return dap.EvaluateResponseBody{}, err
	}
	return dap.EvaluateResponseBody{Result: value, Type: t.String()}, nil
}
