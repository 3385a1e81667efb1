package debugger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/plan"
)

// The codes of why-stuck and why-big.
const (
	NotStuck     Code = "not-stuck"      // nothing waits
	InputEnded   Code = "input-ended"    // all sources have given all they had
	NoRows       Code = "no-rows"        // a source has given nothing yet
	WatermarkLow Code = "watermark-held" // a split holds the watermark back
	NoWatermark  Code = "no-watermark"   // a source of event time has no watermark
	Aligning     Code = "aligning"       // a task waits for barriers
	CallsOutside Code = "calls-outside"  // answers from outside have not come
	StateNoTTL   Code = "state-no-ttl"   // state that nothing ever removes
	StateWindows Code = "state-windows"  // windows that are open
	StateTTL     Code = "state-ttl"      // state that expires
	StateSmall   Code = "state-small"    // there is little
)

// WhyStuck says what the job waits for at the cursor, the most telling first.
func (j *Job) WhyStuck() ([]Finding, error) {
	s, err := j.look()
	if err != nil {
		return nil, err
	}
	tasks := s.Tasks()
	var out []Finding
	for _, t := range tasks {
		if t.Calls > 0 {
			out = append(out, Finding{Code: CallsOutside, Operator: t.Name, Text: fmt.Sprintf("%s waits for %s from outside", t.Name, rowsText(int64(t.Calls), "answer"))})
		}
		if t.Aligning > 0 {
			out = append(out, Finding{Code: Aligning, Operator: t.Name, Text: fmt.Sprintf("%s has got the barrier of checkpoint %d from some channels and waits for the others", t.Name, t.Aligning)})
		}
	}
	for _, o := range j.Operators {
		if f, ok := j.heldBack(s, tasks, o); ok {
			out = append(out, f)
		}
	}
	ended := true
	for _, o := range j.Operators {
		if !o.source {
			continue
		}
		rows, over := int64(0), true
		for _, t := range tasks {
			if t.UID == o.uid {
				over = over && t.Ended
				for _, op := range t.Ops[:min(1, len(t.Ops))] {
					rows += op.RowsIn
				}
			}
		}
		ended = ended && over
		if rows == 0 && !over {
			out = append(out, Finding{Code: NoRows, Operator: o.Name, Text: o.Table + " has given no row yet"})
		}
	}
	if len(out) == 0 && ended {
		return []Finding{{Code: InputEnded, Text: "all sources have given all they had, and nothing waits"}}, nil
	}
	if len(out) == 0 {
		return []Finding{{Code: NotStuck, Text: "nothing waits: the next step takes what comes next"}}, nil
	}
	return out, nil
}

// heldBack is an operator with rows that wait for a watermark, and who holds it back.
func (j *Job) heldBack(s *flow.Stepper, tasks []flow.TaskView, o *Operator) (Finding, bool) {
	windows := j.windowsOf(s, o)
	if len(windows) == 0 || windows[0].Processing {
		return Finding{}, false
	}
	w := windows[0]
	rows := int64(0)
	for _, x := range windows {
		rows += x.Rows
	}
	f := Finding{Code: WatermarkLow, Operator: o.Name, Needs: &w.Needs, Has: &w.Has}
	f.Text = fmt.Sprintf("%s holds %s and waits for the watermark %s; it has %s", o.Name, rowsText(int64(len(windows)), "open window"), ClockText(w.Needs), ClockText(w.Has))
	for i := range tasks {
		for _, op := range tasks[i].Ops {
			if op.UID == o.uid && tasks[i].Subtask == w.Subtask {
				f.Text += "; " + slowest(tasks, i, map[int]bool{})
			}
		}
	}
	if w.Has == batch.NoWatermark && !j.timed() {
		f.Code, f.Fix = NoWatermark, "declare WATERMARK FOR in the table"
	} else {
		f.Fix = "'scan.watermark.idle-timeout' lets a silent split no longer hold it back; a smaller delay in WATERMARK moves it sooner"
	}
	return f, true
}

// timed reports that some source declares a watermark.
func (j *Job) timed() bool {
	return slices.ContainsFunc(j.Operators, func(o *Operator) bool {
		n, ok := o.Node.(*plan.Scan)
		return ok && n.Watermark != nil
	})
}

// slowest names the split, or the channel, that holds a task's watermark back.
func slowest(tasks []flow.TaskView, i int, seen map[int]bool) string {
	t := &tasks[i]
	seen[i] = true
	if len(t.Splits) > 0 {
		least := -1
		for k, sp := range t.Splits {
			if sp.Ended || sp.Idle {
				continue
			}
			if least < 0 || sp.Watermark < t.Splits[least].Watermark {
				least = k
			}
		}
		if least < 0 {
			return fmt.Sprintf("all splits of %s are idle or at their end", t.Name)
		}
		sp := t.Splits[least]
		waits := ""
		if sp.Waiting {
			waits = ", which has nothing more for now"
		}
		return fmt.Sprintf("the slowest split is %s of %s at %s%s", sp.ID, t.Name, ClockText(sp.Watermark), waits)
	}
	for _, c := range t.Inputs {
		if len(c.Elements) > 0 && !c.Blocked {
			return fmt.Sprintf("%s has not taken yet what waits in the channel from %s: %s", t.Name, tasks[c.From].Name, strings.Join(c.Elements, ", "))
		}
	}
	least := -1
	for k, c := range t.Inputs {
		if c.Ended || c.Idle {
			continue
		}
		if least < 0 || c.Watermark < t.Inputs[least].Watermark {
			least = k
		}
	}
	if least < 0 {
		return fmt.Sprintf("all inputs of %s are idle or at their end", t.Name)
	}
	c := t.Inputs[least]
	if c.Batches > 0 || c.Open > 0 {
		return fmt.Sprintf("%s are on their way from %s to %s", rowsText(int64(c.Rows+c.Open), "row"), tasks[c.From].Name, t.Name)
	}
	if seen[c.From] {
		return fmt.Sprintf("the channel from %s is at %s", tasks[c.From].Name, ClockText(c.Watermark))
	}
	return slowest(tasks, c.From, seen)
}

// BigState is how much an operator keeps.
type BigState struct {
	Finding
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

// WhyBig lists what operators keep at the cursor, the most first, with what would remove
// it.
func (j *Job) WhyBig() ([]BigState, error) {
	s, err := j.look()
	if err != nil {
		return nil, err
	}
	var out []BigState
	for _, o := range j.Operators {
		b := BigState{Finding: Finding{Operator: o.Name}}
		for _, t := range s.Tasks() {
			for _, op := range t.Ops {
				if op.UID == o.uid {
					b.Entries += op.StateRows
					b.Bytes += op.StateBytes
				}
			}
		}
		if b.Bytes == 0 {
			continue
		}
		b.Code, b.Text, b.Fix = keeps(o)
		if b.Entries < 100 && b.Code == StateNoTTL {
			b.Code = StateSmall
		}
		out = append(out, b)
	}
	slices.SortStableFunc(out, func(a, b BigState) int { return int(min(1, max(-1, b.Bytes-a.Bytes))) })
	return out, nil
}

// keeps says what removes the state of an operator.
func keeps(o *Operator) (Code, string, string) {
	if plan.WindowOf(o.Node) != nil {
		return StateWindows, "rows of open windows, which go when the watermark passes their ends", ""
	}
	ttl := int64(-1)
	switch n := o.Node.(type) {
	case *plan.GroupAggregate:
		ttl = n.TTL
	case *plan.Join:
		if ttl = min(n.LeftSide.TTL, n.RightSide.TTL); n.PruneLeft != nil && n.PruneRight != nil {
			return StateWindows, "rows that the watermark has not passed yet", ""
		}
	case *plan.Rank:
		ttl = n.TTL
	case *plan.Deduplicate:
		ttl = n.TTL
	case *plan.ChangelogNormalize:
		ttl = n.TTL
	case *plan.SinkMaterializer:
		ttl = n.TTL
	case *plan.IntervalJoin, *plan.TemporalSort:
		return StateWindows, "rows that the watermark has not passed yet", ""
	case *plan.MultiJoin:
		ttl = slices.Min(n.TTL)
	}
	if ttl > 0 {
		return StateTTL, "entries that go when they were not written for " + millisText(ttl), ""
	}
	return StateNoTTL, "an entry for each key, and nothing ever removes one", "SET 'table.exec.state.ttl' bounds it, where old keys may be forgotten"
}
