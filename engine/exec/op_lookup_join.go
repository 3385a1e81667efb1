package exec

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// LookupJoinConfig describes a join with a table that is read by key as rows come.
type LookupJoinConfig struct {
	Left  bool // keep rows without a match
	Input []types.Type
	// Table are the types of the looked-up table's columns; TableKeys are its key
	// columns, and Keys the expressions over the input that give their values.
	Table     []types.Type
	TableKeys []int
	Keys      []expr.Node
	Lookup    connect.Lookup
	// Filter must be TRUE of a table row, Residual of the joined row (input, then
	// Read). Read are what comes out, over the table's columns. nil filters pass all.
	Filter, Residual expr.Node
	Read             []expr.Node
	Out              []types.Type
	Seed             uint64
}

// NewLookupJoin makes a lookup join. Later changes of the table do not touch rows
// that were given out; a retraction is joined with what the table holds then.
func NewLookupJoin(cfg LookupJoinConfig) Operator { return &lookupJoin{cfg: cfg} }

type lookupJoin struct {
	cfg    LookupJoinConfig
	reader connect.LookupReader
	keys   *expr.Program
	read   *expr.Calc
	filter *expr.Program
	res    *expr.Program
	frame  *function.Frame

	keyCols  []*batch.Col
	packed   []batch.Col
	packedAt []*batch.Col
	found    batch.Batch
	lanes    []uint16
	table    batch.Batch
	joined   batch.Batch
	out      batch.Batch
	sel      []uint16
}

// Draw names the operator; the table it reads is no state of its own.
func (j *lookupJoin) Draw() Drawing { return Drawing{Name: "LookupJoin"} }

// Open opens the reader and compiles the expressions.
func (j *lookupJoin) Open(c *Ctx) error {
	var err error
	j.frame = function.NewFrame(c, c.Zone)
	j.reader, err = j.cfg.Lookup.Open(j.cfg.TableKeys, connect.ReaderCtx{
		Subtask: c.Subtask, Parallelism: c.Parallelism, Now: c.Now, Seed: j.cfg.Seed, Wake: func() {}, BadRecord: func(error) { c.Count("badRecords", 1) },
	})
	if err != nil {
		return err
	}
	if j.keys, err = expr.Compile(j.cfg.Keys, j.cfg.Input); err != nil {
		return err
	}
	if j.read, err = expr.NewCalc(nil, j.cfg.Read, j.cfg.Table); err != nil {
		return err
	}
	if j.cfg.Filter != nil {
		if j.filter, err = expr.Compile([]expr.Node{j.cfg.Filter}, j.cfg.Table); err != nil {
			return err
		}
	}
	if j.cfg.Residual != nil {
		if j.res, err = expr.Compile([]expr.Node{j.cfg.Residual}, j.cfg.Out); err != nil {
			return err
		}
	}
	j.keyCols = make([]*batch.Col, len(j.cfg.Keys))
	j.packed = make([]batch.Col, len(j.cfg.Keys))
	j.packedAt = make([]*batch.Col, len(j.cfg.Keys))
	return nil
}

// Process looks up the keys of a batch in one call.
func (j *lookupJoin) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	if err := j.keys.Run(j.frame, b, j.keyCols); err != nil {
		return err
	}
	for i, k := range j.keyCols {
		j.packed[i].Gather(k, b.Sel, n)
		j.packedAt[i] = &j.packed[i]
	}
	j.found.Reset()
	var err error
	j.lanes, err = j.reader.Lookup(j.packedAt, n, &j.found, j.lanes[:0])
	if err != nil {
		return err
	}
	rows := j.lanes
	j.table.Reset()
	if len(rows) > 0 {
		j.found.N, j.found.Sel = len(rows), nil
		if rows, err = j.passed(rows); err != nil {
			return err
		}
	}
	return j.join(c, b, n, rows)
}

// passed reads the columns of the table rows that pass the filter, dense, and
// returns the input rows they belong to.
func (j *lookupJoin) passed(rows []uint16) ([]uint16, error) {
	if j.filter != nil {
		var err error
		if j.sel, err = j.filter.Filter(j.frame, &j.found, j.sel[:0]); err != nil {
			return nil, err
		}
		for i, l := range j.sel {
			rows[i] = rows[l]
		}
		rows = rows[:len(j.sel)]
		j.found.Sel = j.sel
		if len(rows) == 0 {
			return rows, nil
		}
	}
	if err := j.read.Run(j.frame, &j.found, &j.table); err != nil {
		return nil, err
	}
	j.joined.Gather(&j.table, nil)
	return rows, nil
}

// join emits input rows beside the table rows that belong to them.
func (j *lookupJoin) join(c *Ctx, b *batch.Batch, n int, rows []uint16) error {
	k := len(j.cfg.Input)
	index := make([]uint32, 0, n)
	kinds := []batch.Kind(nil)
	pad := make([]int, 0)
	lanes := make([]uint16, 0, max(n, len(rows)))
	add := func(i, row int) {
		l := b.Lane(i)
		lanes = append(lanes, uint16(l))
		if row < 0 {
			pad = append(pad, len(index))
			row = 0
		}
		index = append(index, uint32(row))
		if b.Kinds != nil {
			kinds = append(kinds, b.Kinds[l])
		}
	}
	if j.cfg.Left && j.res != nil {
		var err error
		if rows, err = j.residual(b, rows); err != nil {
			return err
		}
	}
	at := 0
	for i := range n {
		from := at
		for at < len(rows) && int(rows[at]) == i {
			add(i, at)
			at++
		}
		if from == at && j.cfg.Left {
			add(i, -1)
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	for from := 0; from < len(lanes); from += batch.MaxRows {
		to := min(len(lanes), from+batch.MaxRows)
		j.out.SetColumns(len(j.cfg.Out))
		for i := range j.out.Cols {
			dst := &j.out.Cols[i]
			switch {
			case i < k:
				dst.Gather(&b.Cols[i], lanes[from:to], to-from)
			case len(rows) == 0:
				dst.Alloc(j.cfg.Out[i], 0)
				dst.AppendNulls(0, to-from)
			default:
				dst.Alloc(j.cfg.Out[i], 0)
				dst.AppendIndex(0, &j.joined.Cols[i-k], index[from:to], to-from)
				for _, p := range pad {
					if p >= from && p < to {
						dst.SetNull(p-from, to-from)
					}
				}
			}
			dst.Type = j.cfg.Out[i]
		}
		j.out.N, j.out.Kinds, j.out.Sel = to-from, nil, nil
		if kinds != nil {
			j.out.Kinds = kindsOf(kinds[from:to])
		}
		if j.res != nil && !j.cfg.Left {
			var err error
			if j.sel, err = j.res.Filter(j.frame, &j.out, j.sel[:0]); err != nil {
				return err
			}
			if len(j.sel) == 0 {
				continue
			}
			j.out.Sel = j.sel
		}
		if err := c.Emit(&j.out); err != nil {
			return err
		}
	}
	return nil
}

// residual drops table rows of which the joined row does not pass, for a left join.
func (j *lookupJoin) residual(b *batch.Batch, rows []uint16) ([]uint16, error) {
	if len(rows) == 0 {
		return rows, nil
	}
	k := len(j.cfg.Input)
	lanes := make([]uint16, len(rows))
	for i, r := range rows {
		lanes[i] = uint16(b.Lane(int(r)))
	}
	j.out.SetColumns(len(j.cfg.Out))
	for i := range j.out.Cols {
		if i < k {
			j.out.Cols[i].Gather(&b.Cols[i], lanes, len(lanes))
		} else {
			j.out.Cols[i].Gather(&j.joined.Cols[i-k], nil, len(lanes))
		}
	}
	j.out.N, j.out.Sel, j.out.Kinds = len(lanes), nil, nil
	pass, err := j.res.Filter(j.frame, &j.out, nil)
	if err != nil {
		return nil, err
	}
	var keep batch.Batch
	src := j.joined
	src.Sel = pass
	keep.Gather(&src, nil)
	j.joined = keep
	out := make([]uint16, len(pass))
	for i, p := range pass {
		out[i] = rows[p]
	}
	return out, nil
}

// Watermark changes nothing.
func (j *lookupJoin) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (j *lookupJoin) Timer(*Ctx, int64) error { return nil }

// Snapshot: the table is read anew after a restart.
func (j *lookupJoin) Snapshot(*Ctx) error { return nil }

// Close closes the reader.
func (j *lookupJoin) Close() error {
	if j.reader == nil {
		return nil
	}
	return j.reader.Close()
}
