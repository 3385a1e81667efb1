package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// LookupKeep says how the rows that a lookup found are kept.
type LookupKeep struct {
	// Key are the columns of the input by which a row is found again. Unique: there is
	// at most one row of a key; otherwise Key are all columns that say what a row is, and
	// equal rows each have what they found.
	Key    []int
	Unique bool
	// TTL of what a key found, in milliseconds; 0 keeps it.
	TTL int64
}

// NewKeptLookupJoin makes a lookup join that keeps what it found for each row of an
// updating input: a retraction is joined with the rows that were given out, whatever
// the table holds by then. One of a row that is not known, or no longer, gives nothing
// and is counted.
func NewKeptLookupJoin(cfg LookupJoinConfig, keep LookupKeep) Operator {
	return &keptLookup{lookupJoin: lookupJoin{cfg: cfg}, foundRows: foundRows{keep: keep}}
}

type keptLookup struct {
	lookupJoin
	foundRows
	adds []uint16
	on   []uint16
}

// foundRows is what rows of an updating input have found.
type foundRows struct {
	keep LookupKeep
	// kept has in its blob a list of what rows of the key found, each a list of table
	// rows, as putRow makes lists.
	kept *state.Table

	kv    batch.KeyVec
	group state.Grouper
	entry []byte
	list  []byte
	mem   []byte
}

func (o *foundRows) open(c *Ctx, input []types.Type) {
	o.kept = c.Store.Table(c.Name+".found", state.TableSpec{Key: colTypes(input, o.keep.Key), Lanes: 1, Blobs: []int{0}, TTL: o.keep.TTL})
}

// begin looks up the keys of a batch.
func (o *foundRows) begin(c *Ctx, b *batch.Batch) {
	var keys *batch.KeyVec
	if len(o.keep.Key) > 0 {
		keys = keyVec(c, 0, b, o.keep.Key, &o.kv)
	}
	o.kept.Group(&o.group, b, keys, b.Sel, state.UpsertOr(o.keep.TTL))
	o.mem = o.mem[:0]
}

// row is the key of row i of the batch.
func (o *foundRows) row(i int) state.Ref { return o.group.Refs[o.group.G[i]] }

// end forgets the keys for which nothing is kept.
func (o *foundRows) end() {
	for _, ref := range o.group.Refs {
		if o.kept.Row(ref)[0] == 0 {
			o.kept.Delete(ref)
		}
	}
}

// Draw names the operator and its state.
func (o *keptLookup) Draw() Drawing { return Drawing{Name: "LookupJoin", State: []string{"found"}} }

// Open opens the reader and makes the table of what was found.
func (o *keptLookup) Open(c *Ctx) error {
	o.foundRows.open(c, o.cfg.Input)
	return o.lookupJoin.Open(c)
}

// Process looks up the keys of the rows that come in one call, then goes through the
// batch in order: what is found is kept, and what was kept is taken back.
func (o *keptLookup) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	o.adds = o.adds[:0]
	for i := range n {
		if l := b.Lane(i); b.Kind(l).Adds() {
			o.adds = append(o.adds, uint16(l))
		}
	}
	known, err := o.known(c, b, o.adds)
	if err != nil {
		return err
	}
	o.begin(c, b)
	var rows [][]byte
	o.on, o.lanes = o.on[:0], o.lanes[:0]
	at := 0
	for i := range n {
		l, ref := b.Lane(i), o.row(i)
		from := len(rows)
		if b.Kind(l).Adds() {
			o.put(ref, known[at])
			rows = append(rows, known[at]...)
			at++
		} else if entry, ok := o.take(ref); ok {
			rows = appendRows(rows, entry)
		} else {
			c.Count("unknownRetractions", 1)
			continue
		}
		for range rows[from:] {
			o.lanes = append(o.lanes, uint16(len(o.on)))
		}
		o.on = append(o.on, uint16(l))
	}
	o.end()
	if len(o.on) == 0 {
		return nil
	}
	out := *b
	out.Sel, out.Marks, out.Keys = o.on, nil, nil
	return o.joinFound(c, &out, len(o.on), rows)
}

// put keeps what a row found.
func (o *foundRows) put(ref state.Ref, found [][]byte) {
	o.entry = o.entry[:0]
	for _, row := range found {
		o.entry = putRow(o.entry, row)
	}
	row := o.kept.Touch(ref)
	o.list = o.list[:0]
	if !o.keep.Unique {
		o.list = append(o.list, o.kept.Blob(row[0])...)
	}
	o.list = putRow(o.list, o.entry)
	o.kept.SetBlob(&row[0], o.list)
}

// take removes what a row of the key found. The bytes are good for this batch.
func (o *foundRows) take(ref state.Ref) ([]byte, bool) {
	row := o.kept.Row(ref)
	if row[0] == 0 {
		return nil, false
	}
	from := len(o.mem)
	o.mem = append(o.mem, o.kept.Blob(row[0])...)
	entries := appendRows(nil, o.mem[from:])
	o.list = o.list[:0]
	for _, e := range entries[1:] {
		o.list = putRow(o.list, e)
	}
	row = o.kept.Touch(ref)
	o.kept.SetBlob(&row[0], o.list)
	return entries[0], true
}
