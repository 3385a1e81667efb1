package debugger

import (
	"context"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
)

// Write is a change of an operator's state.
type Write struct {
	// Position is behind the step that made it, Task who took it.
	Position Position `json:"position"`
	Task     string   `json:"task"`
	State    string   `json:"state"`
	// Before and After are the entry; nil where there was none, or is none any more.
	Before *Row `json:"before"`
	After  *Row `json:"after"`
	// Cause is the row that the operator got by an input; nil where it was none, and
	// Event says what the step took.
	Cause *Row   `json:"cause,omitempty"`
	Input int    `json:"input,omitempty"`
	Event string `json:"event"`
}

// History is how the entries of an operator's state for which a condition is true came
// to be what they are: every write of the tape up to the cursor, row by row, the newest
// most of them (0 for all). It executes anew what the operator depends on.
func (j *Job) History(ctx context.Context, name, condition string, most int) ([]Write, error) {
	o, err := j.Operator(name)
	if err != nil {
		return nil, err
	}
	if j.at == 0 {
		return nil, diag.New(diag.NotFound, "nothing has happened yet").WithHint("step first, or goto a position")
	}
	h := &history{j: j, o: o, condition: condition, had: map[string]entry{}}
	h.s = j.Tape.Alone(o.uid, h, h.row)
	defer h.s.Close()
	line := marksOf(j.line[:j.at])
	for n := 0; ; n++ {
		if n&63 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		h.touched, h.cause = false, nil
		e, more, err := h.s.Next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		m, ok := line[stepKey{e.Attempt, e.Task, e.Number}]
		if !ok {
			break // behind the cursor
		}
		h.stamp(m, e)
		if h.touched || e.Began {
			if err := h.compare(nil, 0); err != nil {
				return nil, err
			}
			h.stamp(m, e)
		}
		if h.err != nil {
			return nil, h.err
		}
	}
	if !h.fits {
		return nil, diag.New(diag.NotFound, "%s has no state that the condition is about", o.Name)
	}
	if k := len(h.writes) - most; most > 0 && k > 0 {
		h.writes = h.writes[k:]
	}
	return h.writes, nil
}

// stepKey names a step whatever the order of execution.
type stepKey struct {
	attempt int64
	task    int
	step    int64
}

func marksOf(line []mark) map[stepKey]*mark {
	out := make(map[stepKey]*mark, len(line))
	for i := range line {
		m := &line[i]
		out[stepKey{m.Attempt, int(m.task), m.taskStep}] = m
	}
	return out
}

// history compares an operator's state after each row and each step that touched it.
type history struct {
	watchNone
	j         *Job
	s         *flow.Stepper
	o         *Operator
	condition string
	had       map[string]entry
	writes    []Write
	stamped   int // writes that know their positions
	touched   bool
	cause     *Row
	fits      bool
	err       error
}

type entry struct {
	row  Row
	text string
}

// Took, Watermark and Timer hear that the operator is called.
func (h *history) Took(at flow.Place, _ int, _ *batch.Batch) { h.touch(at) }

// Watermark see Took.
func (h *history) Watermark(at flow.Place, _ int64) { h.touch(at) }

// Timer see Took.
func (h *history) Timer(at flow.Place, _ int64) { h.touch(at) }

func (h *history) touch(at flow.Place) { h.touched = h.touched || at.UID == h.o.uid }

// row is called behind each row that the operator gets.
func (h *history) row(_ flow.Place, input int, b *batch.Batch, lane int) error {
	r := keptRow(h.o.InSchemas[input], b, lane)
	return h.compare(&r, input)
}

// stamp says where the writes since the last call were made.
func (h *history) stamp(m *mark, e *flow.StepEvent) {
	for i := h.stamped; i < len(h.writes); i++ {
		w := &h.writes[i]
		w.Position, w.Task, w.Event = m.Position, e.Name, e.What
	}
	h.stamped = len(h.writes)
}

// compare notes what has changed; cause is nil for an event without rows.
func (h *history) compare(cause *Row, input int) error {
	tables, err := h.j.state(h.s, h.o, h.condition, stateRowsMax)
	if err != nil {
		return err
	}
	write := func(state string, before, after *Row) {
		h.writes = append(h.writes, Write{State: state, Before: before, After: after, Cause: cause, Input: input})
	}
	seen := map[string]bool{}
	for _, t := range tables {
		if t.Kind == "counters" || t.Kind == "value" {
			continue // the operator's own, no entries
		}
		h.fits = true
		same := map[string]int{}
		for _, r := range t.Rows {
			id := t.Name + "\x00" + strconv.Itoa(t.Subtask) + "\x00" + entryText(r, &t)
			same[id]++
			id += "\x00" + strconv.Itoa(same[id])
			seen[id] = true
			text := rowText(r, len(t.Schema))
			old, was := h.had[id]
			if was && old.text == text {
				continue
			}
			now := r
			if was {
				before := old.row
				write(t.Name, &before, &now)
			} else {
				write(t.Name, nil, &now)
			}
			h.had[id] = entry{row: r, text: text}
		}
	}
	for _, id := range sortedKeys(h.had) {
		if old := h.had[id]; !seen[id] {
			name, _, _ := strings.Cut(id, "\x00")
			write(name, &old.row, nil)
			delete(h.had, id)
		}
	}
	return nil
}

// entryText is what names an entry of a structure: its key, and where it lies in time.
// Of structures that have several rows a key it is the whole row.
func entryText(r Row, t *StateTable) string {
	switch t.Kind {
	case "multi-map", "queue":
		return rowText(r, len(t.Schema))
	case "panes":
		return rowText(r, t.Keys+1)
	case "sorted":
		if t.Name == "sessions" {
			return rowText(r, t.Keys+1)
		}
		return rowText(r, len(t.Schema))
	}
	return rowText(r, t.Keys)
}
