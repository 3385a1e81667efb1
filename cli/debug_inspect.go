package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

// stateRows is how many rows of a structure are shown, writesShown of a history.
const stateRows, writesShown, cellShown = 50, 100, 40

func (s *debugSession) plan(context.Context, string) error {
	return s.answer("operators", s.j.Operators, func() string {
		var rows [][]string
		for _, o := range s.j.Operators {
			var ins, attrs []string
			for _, list := range o.Inputs {
				for _, in := range list {
					ins = append(ins, in.Name)
				}
			}
			for _, a := range o.Node.Attrs() {
				attrs = append(attrs, a.Key+"="+a.Value)
			}
			rows = append(rows, []string{o.Name, o.Table, strings.Join(ins, ", "), strings.Join(attrs, ", ")})
		}
		return show.Grid([]string{"operator", "table", "reads", "does"}, nil, rows, 90)
	})
}

func (s *debugSession) tasks(context.Context, string) error {
	tasks, err := s.j.Tasks()
	if err != nil {
		return err
	}
	return s.answer("tasks", tasks, func() string {
		var rows [][]string
		for _, t := range tasks {
			in, out, state := int64(0), int64(0), int64(0)
			for i, o := range t.Ops {
				if i == 0 {
					in = o.RowsIn
				}
				out = o.RowsOut
				state += o.StateRows
			}
			var flags []string
			add := func(on bool, word string) {
				if on {
					flags = append(flags, word)
				}
			}
			add(t.Idle, "idle")
			add(t.Ended, "ended")
			add(t.Paused, "in the middle of an output")
			add(t.Calls > 0, strconv.Itoa(t.Calls)+" calls outside")
			add(t.Aligning > 0, "aligning checkpoint "+strconv.FormatInt(t.Aligning, 10))
			rows = append(rows, []string{
				strconv.Itoa(t.ID), t.Name, strconv.FormatInt(t.Steps, 10), strconv.FormatInt(in, 10), strconv.FormatInt(out, 10),
				strconv.FormatInt(state, 10), moment(t.Watermark), strings.Join(flags, ", "),
			})
		}
		return show.Grid([]string{"task", "name", "steps", "rows in", "rows out", "state", "watermark", "is"}, nil, rows, 60)
	})
}

// channel is a channel as --json gives it.
type channel struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Batches int      `json:"batches"`
	Rows    int      `json:"rows"`
	Open    int      `json:"open_rows"`
	Waiting []string `json:"elements"`
	Blocked bool     `json:"blocked"`
}

func (s *debugSession) queues(context.Context, string) error {
	tasks, err := s.j.Tasks()
	if err != nil {
		return err
	}
	list := []channel{}
	for _, t := range tasks {
		for _, c := range t.Inputs {
			list = append(list, channel{tasks[c.From].Name, t.Name, c.Batches, c.Rows, c.Open, c.Elements, c.Blocked})
		}
	}
	return s.answer("channels", list, func() string {
		var rows [][]string
		for _, c := range list {
			is := ""
			if c.Blocked {
				is = "blocked by a barrier"
			}
			rows = append(rows, []string{c.From, c.To, strconv.Itoa(c.Batches), strconv.Itoa(c.Rows), strconv.Itoa(c.Open), strings.Join(c.Waiting, " "), is})
		}
		if len(rows) == 0 {
			return "the job is one task and has no channels\n"
		}
		return show.Grid([]string{"from", "to", "batches", "rows", "not sent", "elements", "is"}, nil, rows, cellShown)
	})
}

// mark is a watermark as --json gives it.
type watermark struct {
	Of        string `json:"of"`
	What      string `json:"what"`
	Watermark int64  `json:"watermark"`
	Passed    int64  `json:"passed_on"`
	State     string `json:"state,omitempty"`
}

func (s *debugSession) watermarks(context.Context, string) error {
	tasks, err := s.j.Tasks()
	if err != nil {
		return err
	}
	list := []watermark{}
	is := func(idle, ended bool) string {
		switch {
		case ended:
			return "ended"
		case idle:
			return "idle"
		}
		return ""
	}
	for _, t := range tasks {
		for _, sp := range t.Splits {
			list = append(list, watermark{t.Name, "split " + sp.ID, sp.Watermark, t.Watermark, is(sp.Idle, sp.Ended)})
		}
		for _, c := range t.Inputs {
			list = append(list, watermark{t.Name, "channel from " + tasks[c.From].Name, c.Watermark, t.Watermark, is(c.Idle, c.Ended)})
		}
		for _, o := range t.Ops {
			list = append(list, watermark{t.Name, "operator " + o.Name, o.Watermark, o.OutWatermark, ""})
		}
	}
	return s.answer("watermarks", list, func() string {
		var rows [][]string
		for _, w := range list {
			rows = append(rows, []string{w.Of, w.What, moment(w.Watermark), moment(w.Passed), w.State})
		}
		return show.Grid([]string{"task", "of", "watermark", "passed on", "is"}, nil, rows, 50)
	})
}

// timer is a timer as --json gives it.
type timer struct {
	Task     string `json:"task"`
	Operator string `json:"operator"`
	Due      int64  `json:"due"`
}

func (s *debugSession) timers(context.Context, string) error {
	tasks, err := s.j.Tasks()
	if err != nil {
		return err
	}
	list := []timer{}
	for _, t := range tasks {
		for _, o := range t.Ops {
			for _, at := range o.Timers {
				list = append(list, timer{t.Name, o.Name, at})
			}
		}
	}
	return s.answer("timers", list, func() string {
		if len(list) == 0 {
			return "no timer on processing time is set; what waits for event time is in windows and state\n"
		}
		var rows [][]string
		for _, t := range list {
			rows = append(rows, []string{t.Task, t.Operator, moment(t.Due)})
		}
		return show.Grid([]string{"task", "operator", "due"}, nil, rows, 60)
	})
}

func (s *debugSession) state(_ context.Context, args string) error {
	name, condition := operatorAnd(args)
	if name == "" {
		return s.needsOperator("state")
	}
	tables, err := s.j.State(name, condition, stateRows)
	if err != nil {
		return s.placed(err, condition)
	}
	return s.answer("state", tables, func() string {
		var b strings.Builder
		for _, t := range tables {
			fmt.Fprintf(&b, "%s.%s, a %s", t.Operator, t.Name, t.Kind)
			if t.Subtask > 0 || s.subtasks(t.Operator) > 1 {
				fmt.Fprintf(&b, ", subtask %d", t.Subtask+1)
			}
			fmt.Fprintf(&b, ": %d %s, %s\n", t.Entries, entries(t.Entries), sizeText(t.Bytes))
			if len(t.Rows) == 0 {
				continue
			}
			var rows [][]string
			for _, r := range t.Rows {
				rows = append(rows, show.Cells(r.Batch, r.Lane, s.zone))
			}
			b.WriteString(show.Grid(t.Schema.Names(), t.Schema, rows, cellShown))
			if t.More {
				fmt.Fprintf(&b, "  the first %d are shown; WHERE picks others\n", len(rows))
			}
		}
		return b.String()
	})
}

func (s *debugSession) subtasks(operator string) int {
	o, err := s.j.Operator(operator)
	if err != nil {
		return 1
	}
	n := 0
	tasks, _ := s.j.Tasks()
	for _, t := range tasks {
		for _, op := range t.Ops {
			if op.UID == o.Node.Info().UID {
				n++
			}
		}
	}
	return n
}

func (s *debugSession) needsOperator(verb string) error {
	var names []string
	for _, o := range s.j.Operators {
		if _, ok := o.Node.(*plan.Calc); !ok {
			names = append(names, o.Name)
		}
	}
	return diag.New(diag.Config, "%s of which operator", verb).WithHint("one of %s", strings.Join(names, ", "))
}

// placed shows a mistake in a condition at its place.
func (s *debugSession) placed(err error, condition string) error {
	d := diag.As(err)
	if d == nil || condition == "" || d.Span.IsZero() {
		return err
	}
	return failed(exitFailed, &placedError{err: d, text: condition})
}

// placedError is a mistake in a text of a command.
type placedError struct {
	err  *diag.Error
	text string
}

func (e *placedError) Error() string { return diag.Render(diag.Source{Text: e.text}, e.err) }
func (e *placedError) Unwrap() error { return nil }

func (s *debugSession) history(ctx context.Context, args string) error {
	name, condition := operatorAnd(args)
	if name == "" {
		return s.needsOperator("history")
	}
	writes, err := s.j.History(ctx, name, condition, writesShown)
	if err != nil {
		return s.placed(err, condition)
	}
	return s.answer("history", writes, func() string {
		var b strings.Builder
		for _, w := range writes {
			fmt.Fprintf(&b, "%-10s %s, ", w.Position, w.State)
			if w.Cause != nil {
				fmt.Fprintf(&b, "by %s\n", s.rowLine(*w.Cause))
			} else {
				fmt.Fprintf(&b, "as %s %s\n", w.Task, eventText(w.Event))
			}
			if w.Before != nil {
				fmt.Fprintf(&b, "    before: %s\n", s.valuesOf(*w.Before))
			}
			if w.After != nil {
				fmt.Fprintf(&b, "    after:  %s\n", s.valuesOf(*w.After))
			} else {
				b.WriteString("    removed\n")
			}
		}
		if len(writes) == 0 {
			b.WriteString("no write up to here\n")
		}
		return b.String()
	})
}

// valuesOf is a row without its kind.
func (s *debugSession) valuesOf(r debugger.Row) string { return s.rowLine(r)[3:] }

func (s *debugSession) windows(_ context.Context, args string) error {
	list, err := s.j.Windows(args)
	if err != nil {
		return err
	}
	return s.answer("windows", list, func() string {
		if len(list) == 0 {
			return "no window is open\n"
		}
		var rows [][]string
		for _, w := range list {
			from := "-"
			if w.Start != nil {
				from = moment(*w.Start)
			}
			what := "watermark"
			if w.Processing {
				what = "clock"
			}
			rows = append(rows, []string{
				w.Operator, strconv.Itoa(w.Subtask + 1), from, moment(w.End), strconv.Itoa(w.Keys), strconv.FormatInt(w.Rows, 10),
				what + " " + moment(w.Needs), moment(w.Has),
			})
		}
		return show.Grid([]string{"operator", "subtask", "from", "to", "keys", "rows", "waits for", "has"}, nil, rows, 60)
	})
}

func entries(n int64) string {
	if n == 1 {
		return "entry"
	}
	return "entries"
}
