package show

import "github.com/minkstream/mink/engine/batch"

// view is the table that a stream of changes describes, rows in the order in
// which they came.
type view struct {
	key  []int // upsert key, or nil for retraction by whole row
	rows []viewRow
	dead int
	at   map[string][]int // key text to indexes in rows, oldest first
	// unknown counts changes that retract a row the view does not hold.
	unknown int64
}

type viewRow struct {
	cells []string
	live  bool
	fresh bool // changed since the last drawing
}

func newView(key []int) *view { return &view{key: key, at: map[string][]int{}} }

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
	id := v.id(cells)
	at := v.at[id]
	if v.key != nil && kind.Adds() && len(at) > 0 {
		v.rows[at[0]] = viewRow{cells, true, true}
		return
	}
	if kind.Adds() {
		v.at[id] = append(at, len(v.rows))
		v.rows = append(v.rows, viewRow{cells, true, true})
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

// all returns the live rows.
func (v *view) all() [][]string {
	out := make([][]string, 0, len(v.rows)-v.dead)
	for _, r := range v.rows {
		if r.live {
			out = append(out, r.cells)
		}
	}
	return out
}
