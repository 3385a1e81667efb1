package debugger

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
)

// BreakKind is what a breakpoint looks for.
type BreakKind string

// The kinds.
const (
	BreakRecord     BreakKind = "record"     // rows that an operator gets or gives
	BreakRowKind    BreakKind = "kind"       // rows of a change kind that it gives
	BreakState      BreakKind = "state"      // a change of entries of its state
	BreakLate       BreakKind = "late"       // rows left out as late
	BreakWatermark  BreakKind = "watermark"  // its watermark passes a time, or stalls
	BreakTimer      BreakKind = "timer"      // a timer on processing time
	BreakCheckpoint BreakKind = "checkpoint" // a checkpoint begins
	BreakChangelog  BreakKind = "changelog"  // changes that do not fit the table they describe
	BreakException  BreakKind = "exception"  // a step fails
)

// BreakKinds lists them, in the order of help.
var BreakKinds = []BreakKind{
	BreakRecord, BreakRowKind, BreakState, BreakLate, BreakWatermark, BreakTimer, BreakCheckpoint, BreakChangelog, BreakException,
}

// Break is a breakpoint, or with Log a tracepoint, which notes its hits and stops
// nothing.
type Break struct {
	ID   int       `json:"id"`
	Kind BreakKind `json:"kind"`
	// Operator is its name, "" for any.
	Operator string `json:"operator,omitempty"`
	// Gets: of record, the rows that the operator gets and not those that it gives.
	Gets bool `json:"gets,omitempty"`
	// Where is a condition over the rows of record and late, or over the entries of
	// state.
	Where string `json:"where,omitempty"`
	// RowKind of kind: +I, -U, +U or -D.
	RowKind string `json:"row_kind,omitempty"`
	// Passes is the watermark, in milliseconds; Stall, and how late rows must be, are
	// By.
	Passes *int64        `json:"passes,omitempty"`
	By     time.Duration `json:"by,omitempty"`
	// After skips so many hits; Once stops at the first that counts alone.
	After int  `json:"after,omitempty"`
	Once  bool `json:"once,omitempty"`
	Log   bool `json:"log,omitempty"`
}

// Hit is a step at which a breakpoint's condition came true.
type Hit struct {
	Break    int      `json:"break"`
	Position Position `json:"position"`
	// Text says what there was, Rows are the first of the rows.
	Text string `json:"text"`
	Rows []Row  `json:"rows,omitempty"`

	step  int64
	stops bool
}

// Set adds a breakpoint and gives it a number. It fails where its parts do not fit.
func (j *Job) Set(b Break) (*Break, error) {
	if _, err := j.armed(&b); err != nil {
		return nil, err
	}
	j.lastBreak++
	b.ID = j.lastBreak
	j.breaks = append(j.breaks, &b)
	j.rescan()
	return &b, nil
}

// Breaks lists the breakpoints.
func (j *Job) Breaks() []*Break { return j.breaks }

// Unset removes a breakpoint; it fails with not-found where there is none.
func (j *Job) Unset(id int) error {
	i := slices.IndexFunc(j.breaks, func(b *Break) bool { return b.ID == id })
	if i < 0 {
		return diag.New(diag.NotFound, "no breakpoint %d", id)
	}
	j.breaks = slices.Delete(j.breaks, i, i+1)
	j.rescan()
	return nil
}

// ParseBreak reads a breakpoint:
//
//	record OPERATOR [in|out] [WHERE condition]
//	kind OPERATOR -D
//	state OPERATOR [WHERE condition]
//	late [OPERATOR] [BY 5s] [WHERE condition]
//	watermark OPERATOR TIME | watermark OPERATOR STALL 30s
//	timer [OPERATOR] | checkpoint | changelog [OPERATOR] | exception
//
// followed by AFTER n, ONCE or LOG, in any order, before WHERE.
func ParseBreak(text string) (Break, error) {
	front, where := text, ""
	if i := strings.Index(strings.ToLower(text), " where "); i >= 0 {
		front, where = text[:i], strings.TrimSpace(text[i+len(" where "):])
	}
	words := strings.Fields(front)
	bad := func(format string, args ...any) (Break, error) {
		var names []string
		for _, k := range BreakKinds {
			names = append(names, string(k))
		}
		return Break{}, diag.New(diag.Config, format, args...).WithHint("one of %s; help break shows the forms", strings.Join(names, ", "))
	}
	if len(words) == 0 {
		return bad("a breakpoint on what")
	}
	b := Break{Kind: BreakKind(words[0]), Where: where}
	if !slices.Contains(BreakKinds, b.Kind) {
		return bad("no breakpoint on %q", words[0])
	}
	var rest []string
	for i := 1; i < len(words); i++ {
		w := words[i]
		arg := func() string {
			if i++; i < len(words) {
				return words[i]
			}
			return ""
		}
		switch strings.ToLower(w) {
		case "in":
			b.Gets = true
		case "out":
		case "once":
			b.Once = true
		case "log":
			b.Log = true
		case "after":
			n, err := strconv.Atoi(arg())
			if b.After = n; err != nil || n < 0 {
				return bad("AFTER needs a number of hits")
			}
			if i+1 < len(words) && strings.EqualFold(words[i+1], "hits") {
				i++
			}
		case "by", "stall":
			d, err := time.ParseDuration(arg())
			if b.By = d; err != nil || d <= 0 {
				return bad("%s needs a time such as 30s", strings.ToUpper(w))
			}
		case "+i", "-u", "+u", "-d":
			b.RowKind = strings.ToUpper(w)
		default:
			rest = append(rest, w)
		}
	}
	if len(rest) > 0 {
		b.Operator = rest[0]
	}
	if b.Kind == BreakWatermark && b.By == 0 {
		ms, _, ok := parseTime(strings.TrimPrefix(strings.Join(rest[min(1, len(rest)):], " "), ">= "))
		if !ok || len(rest) < 2 {
			return bad("the watermark of which operator passes what")
		}
		b.Passes = &ms
	} else if len(rest) > 1 {
		return bad("%q makes no sense here", strings.Join(rest[1:], " "))
	}
	return b, nil
}

// armed is a breakpoint at work in one pass over a tape.
type armed struct {
	*Break
	j    *Job
	op   *Operator // nil: any
	cond *condition
	hits int
	// What kinds keep between steps.
	state   string
	held    int64 // entries of its state, the most of them
	touched bool
	rose    int64 // when the watermark rose last
	stalled bool
	tables  map[*Operator]map[string]int
	// Of the step at hand.
	text string
	rows []Row
}

// armed makes ready, or says what does not fit.
func (j *Job) armed(b *Break) (*armed, error) {
	a := &armed{Break: b, j: j, tables: map[*Operator]map[string]int{}}
	var err error
	if b.Operator != "" {
		if a.op, err = j.Operator(b.Operator); err != nil {
			if a.op, err = j.output(b.Operator); err != nil {
				return nil, err
			}
		}
	}
	switch b.Kind {
	case BreakRecord, BreakRowKind, BreakState, BreakWatermark:
		if a.op == nil {
			return nil, diag.New(diag.Config, "a breakpoint on %s needs an operator", b.Kind).WithHint("plan lists them")
		}
	}
	if b.Kind == BreakRowKind && b.RowKind == "" {
		return nil, diag.New(diag.Config, "a breakpoint on a row kind needs one").WithHint("break kind %s -D", a.op.Name)
	}
	if b.Where == "" || b.Kind == BreakState {
		return a, nil
	}
	if a.op == nil {
		return nil, diag.New(diag.Config, "a condition needs an operator whose rows it is about")
	}
	schema := a.op.Schema()
	if a.gets() {
		schema = a.op.InSchemas[0]
	}
	a.cond, err = j.condition(b.Where, schema)
	return a, err
}

// gets reports that the rows are those that the operator gets.
func (a *armed) gets() bool { return a.Gets || a.Kind == BreakLate || a.op.sink }

// is reports an event of the operator.
func (a *armed) is(o *Operator) bool { return o != nil && (a.op == nil || a.op == o) }

// note takes rows for which the breakpoint is hit.
func (a *armed) note(text string, schema []Row) {
	if a.text == "" {
		a.text = text
	}
	a.rows = append(a.rows, schema...)
}

// match takes the rows of a batch that meet the condition.
func (a *armed) match(o *Operator, input int, b *batch.Batch, lanes []uint16, watermark int64, what string) {
	view := *b
	if lanes != nil {
		view.Sel = lanes
	}
	schema := o.Schema()
	if input >= 0 {
		schema = o.InSchemas[input]
	}
	hit := (&tracing{}).pass(a.cond, &view, watermark)
	if a.cond == nil {
		hit = nil
		for i := range view.Rows() {
			hit = append(hit, uint16(view.Lane(i)))
		}
	}
	var rows []Row
	for _, l := range hit {
		if a.Kind == BreakRowKind && b.Kind(int(l)).String() != a.RowKind {
			continue
		}
		rows = append(rows, keptRow(schema, b, int(l)))
	}
	if len(rows) > 0 {
		a.note(fmt.Sprintf("%s %s %s", o.Name, what, rowsText(int64(len(rows)), "such row")), rows)
	}
}

// took hears of rows that an operator gets.
func (a *armed) took(o *Operator, input int, b *batch.Batch, watermark int64) {
	if !a.is(o) {
		return
	}
	a.touched = true
	if (a.Kind == BreakRecord || a.Kind == BreakRowKind) && a.gets() {
		a.match(o, input, b, nil, watermark, "gets")
	}
	if a.Kind == BreakChangelog && o.sink {
		a.fits(o, input, b)
	}
}

// gave hears of rows that an operator passes on.
func (a *armed) gave(o *Operator, b *batch.Batch, watermark int64) {
	if !a.is(o) {
		return
	}
	if (a.Kind == BreakRecord || a.Kind == BreakRowKind) && !a.gets() {
		a.match(o, -1, b, nil, watermark, "gives")
	}
	if a.Kind == BreakChangelog && !o.sink {
		a.fits(o, -1, b)
	}
}

func (a *armed) late(o *Operator, input int, b *batch.Batch, lanes []uint16, watermark int64) {
	if a.Kind != BreakLate || !a.is(o) {
		return
	}
	if c := timeColumn(o, input); a.By > 0 && c >= 0 && b.Cols[c].Type.IsTimestamp() {
		var kept []uint16
		for _, l := range lanes {
			if !b.Cols[c].IsNull(int(l)) && watermark-b.Cols[c].Int(int(l)) >= a.By.Milliseconds() {
				kept = append(kept, l)
			}
		}
		lanes = kept
	}
	if len(lanes) > 0 {
		a.match(o, input, b, lanes, watermark, "leaves out as late")
	}
}

func (a *armed) watermark(at flow.Place, o *Operator, watermark int64) {
	if !a.is(o) {
		return
	}
	a.touched = true
	if a.Kind != BreakWatermark {
		return
	}
	a.rose, a.stalled = -1, false
	if a.Passes == nil {
		return
	}
	p := *a.Passes
	if p < dayMS && watermark != batch.MaxWatermark { // a time of day
		p += watermark - watermark%dayMS
	}
	if at.Watermark < p && watermark >= p {
		a.note(fmt.Sprintf("the watermark of %s goes from %s to %s", o.Name, ClockText(at.Watermark), ClockText(watermark)), nil)
	}
}

func (a *armed) timer(o *Operator, due int64) {
	if a.is(o) {
		a.touched = true
		if a.Kind == BreakTimer {
			a.note(fmt.Sprintf("a timer of %s is due, set for %s", o.Name, ClockText(due)), nil)
		}
	}
}

// stepped hears that a step is through; it says whether the breakpoint was hit.
func (a *armed) stepped(s *flow.Stepper, m, before *mark) error {
	switch a.Kind {
	case BreakCheckpoint:
		if m.Checkpoint > 0 && m.Step == 0 && (before == nil || before.Checkpoint != m.Checkpoint) {
			a.note(fmt.Sprintf("checkpoint %d begins", m.Checkpoint), nil)
		}
	case BreakException:
		if m.failed {
			a.note("the step fails", nil)
		}
	case BreakWatermark:
		switch {
		case a.By == 0:
		case a.rose < 0:
			a.rose = m.now
		case a.rose > 0 && !a.stalled && m.now-a.rose >= a.By.Milliseconds():
			a.stalled = true
			a.note(fmt.Sprintf("the watermark of %s has not risen for %s", a.op.Name, millisText(m.now-a.rose)), nil)
		}
	case BreakState:
		if a.touched {
			return a.changed(s)
		}
	}
	return nil
}

// changed compares the entries of the operator's state.
func (a *armed) changed(s *flow.Stepper) error {
	text, rows, err := a.entries(s)
	if err != nil {
		return err
	}
	if now := strings.Join(text, "\x01"); now != a.state {
		a.state = now
		a.note("the state of "+a.op.Name+" changes", rows)
	}
	return nil
}

// entries are those that the breakpoint is about, in text and as rows.
func (a *armed) entries(s *flow.Stepper) (text []string, rows []Row, err error) {
	tables, err := a.j.state(s, a.op, a.Where, stateRowsMax)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range tables {
		if t.Kind == "counters" || t.Kind == "value" {
			continue
		}
		a.held = max(a.held, t.Entries)
		for _, r := range t.Rows {
			text, rows = append(text, t.Name+"\x00"+rowText(r, len(t.Schema))), append(rows, r)
		}
	}
	return text, rows, nil
}

// heldEach is up to how many entries of an operator a look behind each row is worth its
// time; of more the looks are as much fewer.
const heldEach = 512

// within looks for entries that a step has written, or removed, and left as they were: it
// takes the step again, row by row.
func (a *armed) within(k *flow.Kept, task int) error {
	var passing []Row
	var s *flow.Stepper
	had, count := map[string]bool{}, -1 // entries before the step
	seen, differs, n := map[string]bool{}, false, int64(0)
	look := func() error {
		text, rows, err := a.entries(s)
		if count < 0 {
			for _, x := range text {
				had[x] = true
			}
			count = len(text)
		}
		differs = differs || len(text) != count
		for i, x := range text {
			if !had[x] && !seen[x] {
				differs, seen[x] = true, true
				passing = append(passing, rows[i])
			}
		}
		return err
	}
	s, err := a.j.Tape.Within(k, task, a.op.uid, func(flow.Place, int, *batch.Batch, int) error {
		if n++; n%(1+a.held/heldEach) != 0 {
			return nil
		}
		return look()
	})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := look(); err != nil {
		return err
	}
	if _, _, err := s.Next(); err != nil {
		return err
	}
	if differs {
		a.note("the state of "+a.op.Name+" changes within the step, and is then as before", passing)
	}
	return nil
}

// fits checks that the changes an operator gives fit the table they describe.
func (a *armed) fits(o *Operator, input int, b *batch.Batch) {
	info := o.Node.Info()
	if o.sink {
		info = o.Node.Inputs()[0].Info()
	}
	schema := o.Schema()
	if input >= 0 {
		schema = o.InSchemas[input]
	}
	t := a.tables[o]
	if t == nil {
		t = map[string]int{}
		a.tables[o] = t
	}
	whole := info.Emits&connect.HasUpdateBefore != 0 || !info.HasUpdates()
	if !whole && len(info.UpsertKeys) == 0 {
		return
	}
	raw := b
	b = b.Filled(schema.Types())
	for i := range b.Rows() {
		l := b.Lane(i)
		r := Row{Schema: schema, Batch: b, Lane: l}
		key := ""
		if whole && !info.KeyDeletes {
			key = rowText(r, len(schema))
		} else if len(info.UpsertKeys) > 0 {
			for _, c := range info.UpsertKeys[0] {
				one := Row{Schema: schema[c : c+1], Batch: &batch.Batch{Cols: b.Cols[c : c+1], N: b.N}, Lane: l}
				key += rowText(one, 1) + "\x00"
			}
		}
		adds := b.Kind(l).Adds()
		complain := func(why string) {
			a.note(o.Name+" gives "+why, []Row{keptRow(schema, raw, l)})
		}
		switch {
		case info.AppendOnly() && b.Kind(l) != batch.Insert:
			complain(b.Kind(l).String() + ", and is planned to insert alone")
		case info.AppendOnly():
		case adds && whole:
			t[key]++
		case adds:
			t[key] = 1
		case t[key] == 0:
			complain(b.Kind(l).String() + " of a row that is not there")
		default:
			t[key]--
		}
	}
}
