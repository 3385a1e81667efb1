package debugger

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/types"
)

// look is the replay as of the cursor: that of the whole step, or one that stands within
// it.
func (j *Job) look() (*flow.Stepper, error) {
	if j.at == 0 {
		return nil, diag.New(diag.NotFound, "nothing has happened yet").WithHint("step first, or goto a position")
	}
	if j.record == 0 {
		return j.stepper, nil
	}
	if j.side != nil {
		return j.side, nil
	}
	s, _, at, err := j.begin(j.at - 1)
	if err != nil {
		return nil, err
	}
	for ; at < j.at-1; at++ {
		if _, _, err := s.Next(); err != nil {
			return nil, err
		}
	}
	if err := s.Partial(j.record); err != nil {
		return nil, err
	}
	j.side = s
	return s, nil
}

// Tasks are the job's tasks at the cursor, with what waits in their channels.
func (j *Job) Tasks() ([]flow.TaskView, error) {
	s, err := j.look()
	if err != nil {
		return nil, err
	}
	return s.Tasks(), nil
}

// StateTable is a structure of an operator in one subtask.
type StateTable struct {
	Operator string `json:"operator"`
	Subtask  int    `json:"subtask"`
	// Name of the structure, Kind of it.
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Entries and Bytes are of all of it; Rows are those that were asked for, More says
	// that there are others. The first Keys columns are the key.
	Entries int64        `json:"entries"`
	Bytes   int64        `json:"bytes"`
	Schema  types.Schema `json:"-"`
	Keys    int          `json:"keys"`
	Rows    []Row        `json:"rows"`
	More    bool         `json:"more,omitempty"`
}

// stateRowsMax is how many entries of a structure are looked at for a condition.
const stateRowsMax = 1 << 15

// State shows the structures of an operator at the cursor, at most most rows of each. A
// condition, "" for none, is over the columns of a structure; structures that it does
// not fit are left out.
func (j *Job) State(name, condition string, most int) ([]StateTable, error) {
	o, err := j.Operator(name)
	if err != nil {
		return nil, err
	}
	s, err := j.look()
	if err != nil {
		return nil, err
	}
	tables, err := j.state(s, o, condition, most)
	if err == nil && len(tables) == 0 {
		return nil, diag.New(diag.NotFound, "%s keeps no state", o.Name)
	}
	return tables, err
}

func (j *Job) state(s *flow.Stepper, o *Operator, condition string, most int) ([]StateTable, error) {
	limit := most
	if condition != "" {
		limit = stateRowsMax
	}
	var out []StateTable
	fits := condition == ""
	var bad error
	for _, t := range s.Tasks() {
		for _, op := range t.Ops {
			if op.UID != o.uid {
				continue
			}
			for _, x := range s.State(t.ID, op.Node, limit) {
				st := o.table(x, t.Subtask)
				if condition != "" {
					if err := j.filter(&st, condition, most); err != nil {
						bad = err
						continue
					}
					fits = true
				}
				out = append(out, st)
			}
		}
	}
	if !fits && bad != nil {
		return nil, bad
	}
	return out, nil
}

// table puts names to the columns of a structure.
func (o *Operator) table(x exec.StateTable, sub int) StateTable {
	st := StateTable{Operator: o.Name, Subtask: sub, Name: x.Short, Kind: x.Kind, Entries: x.Entries, Bytes: x.MemBytes, Keys: x.Keys, More: x.More}
	for i, name := range x.Names(o.InSchemas, o.Node.Info().Schema) {
		st.Schema = append(st.Schema, types.Field{Name: name, Type: x.Types[i]})
	}
	for i := range x.Rows.N {
		st.Rows = append(st.Rows, Row{Schema: st.Schema, Batch: x.Rows, Lane: i})
	}
	return st
}

// filter keeps the rows of a table that a condition is true of.
func (j *Job) filter(st *StateTable, condition string, most int) error {
	c, err := j.condition(condition, st.Schema)
	if err != nil {
		return err
	}
	if len(st.Rows) == 0 {
		return nil
	}
	lanes, err := c.lanes(st.Rows[0].Batch, batch.NoWatermark)
	if err != nil {
		return err
	}
	kept := st.Rows[:0]
	for _, l := range lanes {
		kept = append(kept, st.Rows[l])
	}
	st.Rows = kept
	if len(kept) > most {
		st.Rows, st.More = kept[:most], true
	}
	return nil
}

// watchNone is a watcher that hears nothing.
type watchNone struct{}

func (watchNone) Read(flow.Place, string, *batch.Batch)               {}
func (watchNone) Took(flow.Place, int, *batch.Batch)                  {}
func (watchNone) Gave(flow.Place, *batch.Batch)                       {}
func (watchNone) Late(flow.Place, int, *batch.Batch, []uint16, int64) {}
func (watchNone) Watermark(flow.Place, int64)                         {}
func (watchNone) Timer(flow.Place, int64)                             {}
