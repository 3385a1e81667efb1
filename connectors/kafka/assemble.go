package kafka

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// rowPlan says where the columns of rows come from.
type rowPlan struct {
	// direct: rows are those of values, column by column.
	direct bool
	// keys: some columns come from the key.
	keys bool
	cols []columnPlan
}

// columnPlan is one column of the table. value and key are columns of the decoded value
// and key, -1 for none; where there are both, the key's counts in rows without a value.
type columnPlan struct {
	value, key int
	meta       string
	typ        types.Type
}

// plan decides how rows with the columns of read are made.
func (c *table) plan(read connect.Projection) rowPlan {
	used := func(i int) bool {
		return read == nil || slices.ContainsFunc(read, func(p connect.FieldPath) bool { return len(p) > 0 && p[0] == i })
	}
	valueAt := slices.Concat(c.valueAt, c.valueMetaAt)
	p := rowPlan{cols: make([]columnPlan, len(c.t.Schema)), direct: !c.nullRows()}
	for i := range c.t.Schema {
		col := &p.cols[i]
		col.value, col.key, col.typ = -1, -1, c.t.Schema[i].Type
		p.direct = p.direct && i < len(valueAt) && valueAt[i] == i
		if !used(i) {
			continue
		}
		col.value = slices.Index(valueAt, i)
		if k := slices.Index(c.keyAt, i); k >= 0 && (col.value < 0 || c.nullRows()) {
			col.key = k
			p.keys = true
		}
		for _, m := range c.meta {
			if m.col == i {
				col.meta = m.key
			}
		}
	}
	p.direct = p.direct && !p.keys
	return p
}

// nullRows reports that a record without a value gives a row.
func (c *table) nullRows() bool { return c.upsert || c.value.Nulls }

// lanes are where each row comes from.
type lanes struct {
	value, key, rec []int32 // key and value -1: NULL
	straight        bool    // value lanes are 0, 1, 2, ...
}

// firstRow is the first row of record i of this poll, counted in dst.
func (p *rowPlan) firstRow(r *reader, i int) int {
	rows := 0
	for k := range i {
		rows += r.rowsOf(k)
	}
	return rows
}

// rowsOf is the number of rows of record i.
func (r *reader) rowsOf(i int) int {
	if r.recs[i].Value == nil {
		if r.s.c.nullRows() {
			return 1
		}
		return 0
	}
	k := r.values.Index(i)
	from, to := r.values.RowsOf(k)
	if r.key != nil && r.recs[i].Key != nil {
		if a, b := r.keys.RowsOf(r.keys.Index(i)); a == b {
			return 0 // the key was skipped as malformed
		}
	}
	return to - from
}

// assemble makes the rows of the first n records and returns their number.
func (r *reader) assemble(dst *batch.Batch, n int) int {
	if r.plan.direct {
		if n < len(r.recs) {
			// Rows of records that do not count after all are dropped.
			dst.N = min(dst.N, r.plan.firstRow(r, n))
			if dst.Kinds != nil {
				dst.Kinds = dst.Kinds[:dst.N]
			}
		}
		return dst.N
	}
	l := r.lanes(n)
	rows := len(l.rec)
	dst.Reset()
	dst.SetColumns(len(r.plan.cols))
	dst.N = rows
	for i := range r.plan.cols {
		r.column(&dst.Cols[i], &r.plan.cols[i], l)
	}
	r.kinds(dst, l)
	return rows
}

func (r *reader) lanes(n int) *lanes {
	l := &lanes{straight: true}
	for i, rec := range r.recs[:n] {
		rows := r.rowsOf(i)
		key := int32(-1)
		if r.key != nil && rec.Key != nil {
			from, _ := r.keys.RowsOf(r.keys.Index(i))
			key = int32(from)
		}
		value := int32(-1)
		if rec.Value != nil {
			from, _ := r.values.RowsOf(r.values.Index(i))
			value = int32(from)
		}
		for k := range rows {
			v := value
			if v >= 0 {
				v += int32(k)
			}
			l.straight = l.straight && v == int32(len(l.value))
			l.value, l.key, l.rec = append(l.value, v), append(l.key, key), append(l.rec, int32(i))
		}
	}
	return l
}

func (r *reader) kinds(dst *batch.Batch, l *lanes) {
	if r.vbatch.Kinds == nil && (l.straight || !r.s.c.upsert) {
		return
	}
	kinds := dst.AllocKinds()
	for i, v := range l.value {
		switch {
		case v >= 0 && r.vbatch.Kinds != nil:
			kinds[i] = r.vbatch.Kinds[v]
		case v < 0 && r.s.c.upsert:
			kinds[i] = batch.Delete
		default:
			kinds[i] = batch.Insert
		}
	}
}

// column fills one column.
func (r *reader) column(dst *batch.Col, p *columnPlan, l *lanes) {
	n := len(l.rec)
	switch {
	case p.meta != "":
		r.metadata(dst, p, l)
	case p.value < 0 && p.key < 0:
		*dst = batch.Col{}
	case p.value >= 0 && l.straight && n > 0:
		*dst = r.vbatch.Cols[p.value]
	case p.value < 0:
		gather(dst, p.typ, n, func(i int) (*batch.Col, int32) { return r.keyCol(p.key), l.key[i] })
	default:
		gather(dst, p.typ, n, func(i int) (*batch.Col, int32) {
			if l.value[i] >= 0 {
				return &r.vbatch.Cols[p.value], l.value[i]
			}
			if p.key >= 0 {
				return r.keyCol(p.key), l.key[i]
			}
			return nil, -1
		})
	}
}

func (r *reader) keyCol(k int) *batch.Col {
	if k >= len(r.kbatch.Cols) {
		return nil // no record has a key
	}
	return &r.kbatch.Cols[k]
}

// gather fills dst with lanes of columns, in runs of one column; lane -1 is NULL.
func gather(dst *batch.Col, t types.Type, n int, from func(i int) (*batch.Col, int32)) {
	dst.Alloc(t, 0)
	var run []uint32
	for i := 0; i < n; {
		src, lane := from(i)
		at := i
		if src == nil || lane < 0 {
			for i < n {
				if src, lane := from(i); src != nil && lane >= 0 {
					break
				}
				i++
			}
			dst.AppendNulls(at, i-at)
			continue
		}
		run = run[:0]
		for i < n {
			s, lane := from(i)
			if s != src || lane < 0 {
				break
			}
			run = append(run, uint32(lane))
			i++
		}
		dst.AppendIndex(at, src, run, len(run))
	}
}

// metadata fills a metadata column.
func (r *reader) metadata(dst *batch.Col, p *columnPlan, l *lanes) {
	n := len(l.rec)
	switch p.meta {
	case "topic", "partition":
		b := batch.NewBuilder(p.typ)
		if p.meta == "topic" {
			b.AppendString(r.p.topic)
		} else {
			b.AppendInt(int64(r.p.num))
		}
		*dst = b.Finish()
		dst.Enc = batch.Const
	case "offset":
		dst.Alloc(p.typ, n)
		for i, k := range l.rec {
			dst.I64[i] = r.recs[k].Offset
		}
	case "timestamp":
		dst.Alloc(p.typ, n)
		for i, k := range l.rec {
			dst.I64[i] = r.recs[k].Timestamp.UnixMilli()
		}
	case "leader-epoch":
		dst.Alloc(p.typ, n)
		for i, k := range l.rec {
			if e := r.recs[k].LeaderEpoch; e >= 0 {
				dst.I32[i] = e
			} else {
				dst.SetNull(i, n)
			}
		}
	case "timestamp-type":
		b := batch.NewBuilder(p.typ)
		for _, k := range l.rec {
			switch r.recs[k].Attrs.TimestampType() {
			case 0:
				b.AppendString("CreateTime")
			case 1:
				b.AppendString("LogAppendTime")
			default:
				b.AppendString("NoTimestampType")
			}
		}
		*dst = b.Finish()
	case "headers":
		b := batch.NewBuilder(p.typ)
		for _, k := range l.rec {
			appendHeaders(b, r.recs[k].Headers)
		}
		*dst = b.Finish()
	}
}

// appendHeaders puts headers as a map; of several of one name the last one counts.
func appendHeaders(b *batch.Builder, list []kgo.RecordHeader) {
	for i, h := range list {
		if slices.ContainsFunc(list[i+1:], func(o kgo.RecordHeader) bool { return o.Key == h.Key }) {
			continue
		}
		b.Kid(0).AppendString(h.Key)
		if h.Value == nil {
			b.Kid(1).AppendNull()
		} else {
			b.Kid(1).AppendBytes(h.Value)
		}
	}
	b.EndList()
}
