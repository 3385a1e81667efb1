package show

import "github.com/minkstream/mink/engine/batch"

// view is the table that a stream of changes describes, rows in the order in
// which they came. An update (-U, then +U) stays where the old row was.
type view struct {
	key  []int // upsert key, or nil for retraction by whole row
	rows []viewRow
	dead int
	at   map[string][]int // key text to indexes in rows, oldest first
	// hole is the place of a row that a -U took away, until the next change; -1 if
	// there is none.
	hole int
	// unknown counts changes that retract a row the view does not hold.
	unknown int64
	changed int64 // number of changes
}

type viewRow struct {
	cells []string
	live  bool
	// born is the count of changes when the row came.
	born int64
}

func newView(key []int) *view { return &view{key: key, at: map[string][]int{}, hole: -1} }

func (v *view) id(cells []string) string {
	var buf []byte
	add := func(s string) {
		buf = append(buf, s...)
		buf = append(buf, 0)
	}
	if v.key == nil {
		for _, c := range cells {
			add(c)
		}
	} else {
		for _, k := range v.key {
			add(cells[k])
		}
	}
	return string(buf)
}

// apply takes one change.
func (v *view) apply(kind batch.Kind, cells []string) {
	v.changed++
	if !kind.Adds() {
		v.settle() // may move rows: before their places are looked up
	}
	id := v.id(cells)
	at := v.at[id]
	row := viewRow{cells, true, v.changed}
	if v.key != nil && kind.Adds() && len(at) > 0 {
		v.rows[at[0]] = row
		return
	}
	if kind.Adds() {
		i := len(v.rows)
		if v.hole >= 0 && kind == batch.UpdateAfter {
			i = v.hole
			v.rows[i] = row
			v.dead--
		} else {
			v.rows = append(v.rows, row)
		}
		v.hole = -1
		v.at[id] = append(at, i)
		return
	}
	if len(at) == 0 {
		v.unknown++
		return
	}
	last := at[len(at)-1]
	v.rows[last] = viewRow{}
	v.dead++
	if len(at) == 1 {
		delete(v.at, id)
	} else {
		v.at[id] = at[:len(at)-1]
	}
	if kind == batch.UpdateBefore {
		v.hole = last
	}
}

// settle gives up the place of a row that was taken away.
func (v *view) settle() {
	v.hole = -1
	if v.dead > 64 && v.dead > len(v.rows)/2 {
		v.pack()
	}
}

// pack drops dead rows.
func (v *view) pack() {
	live := v.rows[:0]
	for _, r := range v.rows {
		if r.live {
			live = append(live, r)
		}
	}
	clear(v.rows[len(live):])
	v.rows, v.dead = live, 0
	clear(v.at)
	for i, r := range v.rows {
		id := v.id(r.cells)
		v.at[id] = append(v.at[id], i)
	}
}

// live returns the live rows.
func (v *view) live() []viewRow {
	out := make([]viewRow, 0, len(v.rows)-v.dead)
	for _, r := range v.rows {
		if r.live {
			out = append(out, r)
		}
	}
	return out
}

// all returns the cells of the live rows.
func (v *view) all() [][]string {
	out := make([][]string, 0, len(v.rows)-v.dead)
	for _, r := range v.rows {
		if r.live {
			out = append(out, r.cells)
		}
	}
	return out
}
