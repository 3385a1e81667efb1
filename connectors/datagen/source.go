package datagen

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

const endless = math.MaxInt64

type source struct {
	t    *connect.Table
	gens []gen // by column
	rate int64 // rows per second, all splits
	rows int64 // all splits; endless if there is no end
	used []bool
}

func newSource(t *connect.Table) (connect.Source, error) {
	s := &source{t: t}
	var err error
	if s.rate, err = t.Options.Int("rows-per-second", 10_000); err != nil {
		return nil, err
	}
	if s.rate <= 0 {
		return nil, connect.Invalid("rows-per-second", "must be above 0")
	}
	if s.rows, err = t.Options.Int("number-of-rows", endless); err != nil {
		return nil, err
	}
	if s.rows < 0 {
		return nil, connect.Invalid("number-of-rows", "must not be negative")
	}
	p := planner{o: t.Options, used: map[string]bool{}, zone: t.Zone, rows: s.rows}
	for i, f := range t.Schema {
		g, err := p.plan("fields."+f.Name+".", f.Type, uint64(i+1))
		if err != nil {
			return nil, err
		}
		s.gens = append(s.gens, g)
	}
	s.rows = p.rows
	return s, p.unused(t.Schema)
}

// unused refuses options of fields that nothing asked for.
func (p *planner) unused(schema types.Schema) error {
	for _, k := range p.o.Keys() {
		rest, ok := strings.CutPrefix(k, "fields.")
		if !ok || p.used[k] {
			continue
		}
		name, _, _ := strings.Cut(rest, ".")
		e := diag.New(diag.UnknownOption, "connector 'datagen' has no use for option '%s'", k)
		if schema.Index(name) < 0 && !slices.ContainsFunc(schema.Names(), func(n string) bool { return strings.HasPrefix(rest, n+".") }) {
			if s := diag.Suggest(name, schema.Names()); s != "" {
				return e.WithHint("the table has no column `%s`; did you mean `%s`", name, s)
			}
			return e.WithHint("the table has no column `%s`", name)
		}
		return e.WithHint("options of a field are kind, min, max, max-past, length, var-len, start, end, null-rate, as its type allows")
	}
	return nil
}

func (s *source) Changes() connect.Changes                   { return connect.AppendOnly }
func (s *source) Bounded() bool                              { return s.rows != endless }
func (s *source) Discover([]string) ([]connect.Split, error) { return nil, nil }
func (s *source) DiscoverInterval() time.Duration            { return 0 }

func (s *source) Project(p connect.Projection) {
	if p == nil {
		return
	}
	s.used = make([]bool, len(s.t.Schema))
	for _, path := range p {
		if len(path) > 0 {
			s.used[path[0]] = true
		}
	}
}

// Splits deals the rows to as many generators as there are subtasks: generator i of
// n makes the rows i, i+n, i+2n and so on.
func (s *source) Splits(wanted int) ([]connect.Split, error) {
	wanted = max(wanted, 1)
	out := make([]connect.Split, wanted)
	for i := range out {
		out[i].ID = fmt.Sprintf("%05d-of-%05d", i, wanted)
	}
	return out, nil
}

func (s *source) Open(split connect.Split, ctx connect.ReaderCtx) (connect.Reader, error) {
	r := &reader{s: s, ctx: ctx, id: split.ID, started: -1}
	if _, err := fmt.Sscanf(split.ID, "%d-of-%d", &r.index, &r.of); err != nil || r.of <= 0 || r.index < 0 || r.index >= r.of {
		return nil, diag.New(diag.Checkpoint, "'%s' is no split of connector 'datagen'", split.ID)
	}
	r.rows = endless
	if s.rows != endless {
		r.rows = (s.rows - r.index + r.of - 1) / r.of
	}
	if len(split.Pos) > 0 {
		n, k := binary.Uvarint(split.Pos)
		if k <= 0 || n > math.MaxInt64 {
			return nil, diag.New(diag.Checkpoint, "position of split '%s' is damaged", split.ID)
		}
		r.next = int64(n)
	}
	return r, nil
}

// reader makes the rows of one split.
type reader struct {
	s         *source
	ctx       connect.ReaderCtx
	id        string
	index, of int64
	rows      int64 // of this split
	next      int64 // number of the next row within the split

	started int64 // when the first poll was, -1 before
	given   int64 // rows since then
	nextAt  int64
	x       fill
}

// tickMillis is how long a reader waits at least, so that high rates do not wake it
// for every row; where a batch is full before, until it is.
const tickMillis = 10

func (r *reader) Poll(dst *batch.Batch, limit int) (connect.Status, error) {
	if r.next >= r.rows {
		return connect.End, nil
	}
	now := r.ctx.Now()
	if r.started < 0 {
		r.started = now
	}
	n := min(int64(limit), r.rows-r.next)
	if !r.ctx.Unpaced {
		n = min(n, r.allowed(now)-r.given)
	}
	if n <= 0 {
		// When the next row is due, but not too often.
		due := r.started + int64(math.Ceil(float64(r.given)*1000*float64(r.of)/float64(r.s.rate)))
		r.nextAt = due
		if r.s.rate > 1000/tickMillis {
			full := int64(limit) * 1000 * r.of / r.s.rate
			r.nextAt = max(due, now+min(full, tickMillis))
		}
		if r.nextAt <= now {
			r.nextAt = now + 1
		}
		return connect.Wait, nil
	}
	r.fill(dst, int(n), now)
	r.next += n
	r.given += n
	return connect.More, nil
}

// allowed is how many rows may have been given by a time: one at once, then as the
// rate says.
func (r *reader) allowed(now int64) int64 {
	rows := float64(now-r.started) * float64(r.s.rate) / (1000 * float64(r.of))
	if rows > 1<<62 {
		return endless
	}
	return int64(rows) + 1
}

func (r *reader) fill(dst *batch.Batch, n int, now int64) {
	dst.Alloc(r.s.t.Schema.Types(), 0)
	r.x.seed, r.x.now, r.x.index, r.x.of = r.ctx.Seed, now, r.index, r.of
	for i, g := range r.s.gens {
		if r.s.used != nil && !r.s.used[i] {
			dst.Cols[i] = batch.Col{}
			continue
		}
		g(&r.x, &dst.Cols[i], r.next, n)
	}
	dst.N = n
}

func (r *reader) NextAt() int64 { return r.nextAt }

func (r *reader) Position() connect.Split {
	return connect.Split{ID: r.id, Pos: binary.AppendUvarint(nil, uint64(r.next))}
}

func (r *reader) Close() error { return nil }
