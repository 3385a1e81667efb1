package nexmark

import (
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Fold folds a changelog into the number of rows and the checksum of its final
// content. Rows that come count, rows that go are taken away, so the order of
// changes does not matter. A changelog by key, where updates come without the row
// they replace, keeps the last hash of each key instead. A Fold belongs to one
// subtask; those of all subtasks are added up.
type Fold struct {
	// Cols are the columns of the text, nil = all.
	Cols []int
	// Key are the columns of the primary key if updates come without their old
	// row, else nil.
	Key []int

	sum    uint64
	rows   int64
	total  int64 // sum of the second column, where it is a BIGINT
	byKey  map[string]uint64
	buf    []byte
	keyBuf []byte
	list   []*batch.Col
}

// Write folds the rows of a batch.
func (f *Fold) Write(b *batch.Batch) {
	f.list = f.list[:0]
	if f.Cols == nil {
		for i := range b.Cols {
			f.list = append(f.list, &b.Cols[i])
		}
	}
	for _, i := range f.Cols {
		f.list = append(f.list, &b.Cols[i])
	}
	count := len(b.Cols) > 1 && b.Cols[1].Type.Kind == types.BigInt
	for i := range b.Rows() {
		l := b.Lane(i)
		adds := b.Kind(l).Adds()
		f.buf = RowText(f.buf[:0], f.list, l)
		h := fnv(f.buf)
		if f.Key != nil {
			f.upsert(b, l, adds, h)
			continue
		}
		n := int64(1)
		if !adds {
			n, h = -1, -h
		}
		f.rows += n
		f.sum += h
		if count && !b.Cols[1].IsNull(l) {
			f.total += n * b.Cols[1].Int(l)
		}
	}
}

func (f *Fold) upsert(b *batch.Batch, l int, adds bool, h uint64) {
	if b.Kind(l) == batch.UpdateBefore {
		return
	}
	f.keyBuf = f.keyBuf[:0]
	for _, k := range f.Key {
		f.keyBuf = batch.AppendKey(f.keyBuf, &b.Cols[k], l)
	}
	if f.byKey == nil {
		f.byKey = map[string]uint64{}
	}
	if old, ok := f.byKey[string(f.keyBuf)]; ok {
		f.rows--
		f.sum -= old
		delete(f.byKey, string(f.keyBuf))
	}
	if adds {
		f.rows++
		f.sum += h
		f.byKey[string(f.keyBuf)] = h
	}
}

// Result is what has been folded so far.
func (f *Fold) Result() Result { return Result{f.rows, f.sum} }

// Total is the sum of the second column, where that is a BIGINT.
func (f *Fold) Total() int64 { return f.total }

// RowText appends the text of a row that checksums are made of: fields joined by
// '|', integers in decimal, decimals with all digits of their scale, timestamps as
// milliseconds since 1970, strings as they are, NULL as nothing.
func RowText(dst []byte, cols []*batch.Col, lane int) []byte {
	for i, c := range cols {
		if i > 0 {
			dst = append(dst, '|')
		}
		if c.IsNull(lane) {
			continue
		}
		switch t := c.Type; {
		case t.Phys() == types.PhysBytes:
			var s [12]byte
			dst = append(dst, c.Bytes(c.ValueLane(lane), &s)...)
		case t.Kind == types.Decimal:
			dst = appendDecimal(dst, c, lane)
		case t.IsTimestamp():
			dst = strconv.AppendInt(dst, c.Int(lane)/(t.PerSecond()/1000), 10)
		case t.IsApprox():
			dst = strconv.AppendFloat(dst, c.Float(lane), 'g', -1, 64)
		case t.Phys() == types.PhysBool:
			dst = strconv.AppendBool(dst, c.Int(lane) != 0)
		default:
			dst = strconv.AppendInt(dst, c.Int(lane), 10)
		}
	}
	return dst
}

// appendDecimal writes a decimal whose unscaled value fits 64 bits, as all of the
// benchmark do.
func appendDecimal(dst []byte, c *batch.Col, lane int) []byte {
	var v int64
	if c.Type.Phys() == types.PhysDec {
		v = int64(c.Dec[c.ValueLane(lane)].Lo)
	} else {
		v = c.Int(lane)
	}
	if v < 0 {
		dst = append(dst, '-')
		v = -v
	}
	digits := strconv.FormatInt(v, 10)
	for len(digits) <= c.Type.Scale {
		digits = "0" + digits
	}
	k := len(digits) - c.Type.Scale
	dst = append(dst, digits[:k]...)
	if c.Type.Scale > 0 {
		dst = append(dst, '.')
		dst = append(dst, digits[k:]...)
	}
	return dst
}

// fnv is FNV-1a of 64 bits.
func fnv(s []byte) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, b := range s {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return h
}

// Verifier collects what its sinks receive. Its connector is given to the engine
// beside the others, and read when the job has ended.
type Verifier struct {
	mu     sync.Mutex
	tables map[string]*checked
}

// checked is one table's writers of the newest attempt.
type checked struct {
	attempt int64
	writers []*writer
}

// NewVerifier makes a verifier that has seen nothing.
func NewVerifier() *Verifier { return &Verifier{tables: map[string]*checked{}} }

// Connector is 'connector' = 'verify'. It takes any changes. With a primary key
// and a query that gives updates without their old rows, it folds by key.
func (v *Verifier) Connector() *connect.Connector {
	return &connect.Connector{
		Name:    "verify",
		Summary: "Keeps the number of rows and a checksum of its final content.",
		Options: []connect.Option{
			{Key: "columns", Type: connect.List, Doc: "Positions of the columns that the checksum covers; all by default."},
		},
		Sink: v.sink,
	}
}

// Result is the final content of a table, and the sum of its second column. It is
// false if no such table has been written to.
func (v *Verifier) Result(table string) (r Result, total int64, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.tables[table]
	if !ok {
		return r, 0, false
	}
	for _, w := range c.writers {
		r.Rows += w.fold.rows
		r.Checksum += w.fold.sum
		total += w.fold.total
	}
	return r, total, true
}

type verifySink struct {
	v     *Verifier
	table string
	cols  []int
	key   []int
	byKey bool
}

func (v *Verifier) sink(t *connect.Table) (connect.Sink, error) {
	s := &verifySink{v: v, table: tableName(t.Name), key: t.PrimaryKey}
	for _, p := range t.Options.List("columns") {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || n >= t.Physical {
			return nil, connect.Invalid("columns", "takes positions of columns, not '%s'", p)
		}
		s.cols = append(s.cols, n)
	}
	return s, nil
}

// tableName is the last part of a table's full name.
func tableName(full string) string {
	end := len(full)
	if end > 0 && full[end-1] == '`' {
		end--
	}
	for i := end - 1; i >= 0; i-- {
		if full[i] == '`' || full[i] == '.' {
			return full[i+1 : end]
		}
	}
	return full[:end]
}

// Changes takes what comes; updates without old rows only with a key.
func (s *verifySink) Changes(query connect.Changes) connect.Changes {
	s.byKey = false
	if query&connect.HasUpdateAfter != 0 && query&connect.HasUpdateBefore == 0 {
		if len(s.key) == 0 {
			return query | connect.HasUpdateBefore
		}
		s.byKey = true
	}
	return query
}

func (s *verifySink) Grade() string { return "exactly-once" }

// Open registers a writer; one of a newer attempt makes those of older ones void.
func (s *verifySink) Open(w connect.WriterCtx) (connect.Writer, error) {
	out := &writer{v: s.v, fold: Fold{Cols: s.cols}}
	if s.byKey {
		out.fold.Key = s.key
	}
	s.v.mu.Lock()
	defer s.v.mu.Unlock()
	c := s.v.tables[s.table]
	if c == nil || w.Attempt > c.attempt {
		c = &checked{attempt: w.Attempt}
		s.v.tables[s.table] = c
	}
	c.writers = append(c.writers, out)
	return out, nil
}

func (s *verifySink) Committer(connect.WriterCtx) (connect.Committer, error) { return nil, nil }

// writer is the fold of one subtask. It is read by Result from other goroutines,
// so changes happen under the verifier's lock, once a batch.
type writer struct {
	v    *Verifier
	fold Fold
}

func (w *writer) Write(b *batch.Batch) error {
	w.v.mu.Lock()
	defer w.v.mu.Unlock()
	w.fold.Write(b)
	return nil
}

func (w *writer) Watermark(int64) error          { return nil }
func (w *writer) Timer(int64) error              { return nil }
func (w *writer) Prepare(string) ([]byte, error) { return nil, nil }
func (w *writer) Close() error                   { return nil }

// State is the fold as of the checkpoint: sums, then key and hash of each key.
func (w *writer) State() []byte {
	w.v.mu.Lock()
	defer w.v.mu.Unlock()
	f := &w.fold
	s := binary.LittleEndian.AppendUint64(nil, f.sum)
	s = binary.LittleEndian.AppendUint64(s, uint64(f.rows))
	s = binary.LittleEndian.AppendUint64(s, uint64(f.total))
	for _, k := range slices.Sorted(maps.Keys(f.byKey)) {
		s = binary.AppendUvarint(s, uint64(len(k)))
		s = append(s, k...)
		s = binary.LittleEndian.AppendUint64(s, f.byKey[k])
	}
	return s
}

// Restore adds the folds of an earlier attempt. Folds by key go on only at the
// same parallelism, since keys stay where they were.
func (w *writer) Restore(states [][]byte) error {
	w.v.mu.Lock()
	defer w.v.mu.Unlock()
	f := &w.fold
	for _, s := range states {
		if len(s) < 24 {
			return diag.New(diag.Checkpoint, "the state of a verifying sink is damaged")
		}
		f.sum += binary.LittleEndian.Uint64(s)
		f.rows += int64(binary.LittleEndian.Uint64(s[8:]))
		f.total += int64(binary.LittleEndian.Uint64(s[16:]))
		for s = s[24:]; len(s) > 0; {
			n, k := binary.Uvarint(s)
			if k <= 0 || uint64(len(s)) < uint64(k)+n+8 {
				return diag.New(diag.Checkpoint, "the state of a verifying sink is damaged")
			}
			if f.byKey == nil {
				f.byKey = map[string]uint64{}
			}
			at := k + int(n)
			f.byKey[string(s[k:at])] = binary.LittleEndian.Uint64(s[at:])
			s = s[at+8:]
		}
	}
	return nil
}
