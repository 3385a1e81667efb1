package fork

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/trace"
)

// source stands for the one of a table: it gives what was read of it then, to the row,
// and ends there. What is not on the tape itself is read again from the source behind.
type source struct {
	connect.Source
	in   *Inputs
	spec flow.SourceSpec
	from []*reading // of each tape, one after the other
}

// Splits are those of the tapes.
func (s *source) Splits(int) (list []connect.Split, _ error) {
	for k, r := range s.from {
		for _, t := range r.splits {
			list = append(list, connect.Split{ID: s.name(k, t)})
		}
	}
	return list, nil
}

func (s *source) name(k int, t *taped) string {
	if len(s.from) == 1 {
		return t.id
	}
	return fmt.Sprintf("%d/%s", k+1, t.id)
}

// Bounded: a tape ends.
func (s *source) Bounded() bool { return true }

// Discover finds nothing more.
func (s *source) Discover([]string) ([]connect.Split, error) { return nil, nil }

// DiscoverInterval is never.
func (s *source) DiscoverInterval() (never time.Duration) { return 0 }

// InOrder is that of the source.
func (s *source) InOrder() bool {
	o, ok := s.Source.(connect.Ordered)
	return ok && o.InOrder()
}

// Open starts a split, or goes on behind as many rows as its position says.
func (s *source) Open(at connect.Split, ctx connect.ReaderCtx) (connect.Reader, error) {
	for k, r := range s.from {
		for _, t := range r.splits {
			if s.name(k, t) != at.ID {
				continue
			}
			x := &reader{s: s, r: r, t: t, at: at, ctx: ctx}
			if seed := s.in.Seed; seed != 0 {
				x.draw = rand.New(rand.NewPCG(seed, batch.HashBytes([]byte(at.ID))))
			}
			done, _ := binary.Uvarint(at.Pos)
			return x, x.skip(done)
		}
	}
	return nil, diag.New(diag.InvalidTape, "the tape has no split %s of %s", at.ID, s.spec.Table)
}

// reader reads a split of a tape.
type reader struct {
	s    *source
	r    *reading
	t    *taped
	at   connect.Split
	ctx  connect.ReaderCtx
	draw *rand.Rand

	part int // the one being read
	next int // poll of it
	rows *trace.RowReader
	live connect.Reader // reads the part again
	now  int64          // what it takes for the time

	ahead batch.Batch // not given yet
	given uint64
	seen  int64 // rows of the tape
	// raised: the watermark that comes before the rows was given.
	raised bool
}

// Poll gives rows as they were cut then, or as the seed has it.
func (r *reader) Poll(dst *batch.Batch, most int) (connect.Status, error) {
	if wm, ok := r.s.in.Raise[r.s.spec.Table]; ok && !r.raised {
		r.raised = true
		dst.AddMark(0, wm)
		return connect.More, nil
	}
	if r.draw != nil {
		most = 1 + r.draw.IntN(most)
	}
	for dst.N < most {
		if r.ahead.N == 0 {
			if dst.N > 0 && r.draw == nil {
				break
			}
			if err := r.fill(); err == io.EOF {
				break
			} else if err != nil {
				return 0, err
			}
		}
		r.give(dst, most)
	}
	if dst.N == 0 {
		return connect.End, nil
	}
	r.given += uint64(dst.N)
	return connect.More, nil
}

// give moves rows that are ahead to dst, until that has most.
func (r *reader) give(dst *batch.Batch, most int) {
	n := min(r.ahead.N, most-dst.N)
	dst.Append(&r.ahead, batch.Span(0, n))
	var rest batch.Batch
	if n < r.ahead.N {
		rest.Append(&r.ahead, batch.Span(n, r.ahead.N))
	}
	r.ahead = rest
}

// skip leaves rows out that were given before a restart.
func (r *reader) skip(rows uint64) error {
	for r.given < rows {
		var b batch.Batch
		if r.ahead.N == 0 {
			if err := r.fill(); err != nil {
				return err
			}
		}
		r.give(&b, int(min(rows-r.given, batch.MaxRows)))
		r.given += uint64(b.N)
	}
	return nil
}

// fill reads the next rows of the tape; io.EOF says that there are none.
func (r *reader) fill() error {
	for ; r.part < len(r.t.parts); r.part++ {
		p := &r.t.parts[r.part]
		if r.next == 0 {
			if err := r.open(p); err != nil {
				return err
			}
		}
		for r.next < len(p.polls) {
			x := p.polls[r.next]
			r.next++
			if err := r.take(p, x); err != nil {
				return err
			}
			if r.ahead.N > 0 {
				if err := r.change(); err != nil || r.ahead.N > 0 {
					return err
				}
			}
		}
		r.next = 0
		if err := r.Close(); err != nil {
			return err
		}
	}
	return io.EOF
}

func (r *reader) open(p *part) (err error) {
	if r.r.embedded {
		r.rows, err = r.r.file.Rows(r.r.job, p.attempt, p.task, r.s.spec.Schema)
		return err
	}
	ctx := r.ctx
	ctx.Now = func() int64 { return r.now }
	ctx.Wake = func() {}
	ctx.Unpaced = p.midway
	ctx.Seed = batch.HashBytes([]byte(r.t.id)) ^ r.r.file.Manifest.Jobs[r.r.job].Seed
	if r.live, err = r.s.Source.Open(p.from, ctx); err != nil {
		return r.gone(err)
	}
	return nil
}

// gone is why rows cannot be read again. Another attempt would not find them either.
func (r *reader) gone(err error) error {
	e := diag.Wrap(diag.Divergence, err, "the rows of split %s of %s are not on the tape and cannot be read again", r.t.id, r.s.spec.Table)
	e.Span = r.s.spec.Span
	return e.WithHint("bring the source back to what it was, or record with --embed: then the tape has the rows")
}

// take reads the rows of a poll of the task, if they are of this split.
func (r *reader) take(p *part, x poll) error {
	if r.r.embedded {
		if x.rows == 0 {
			return nil
		}
		var b batch.Batch
		if err := r.rows.Next(&b); err != nil {
			return diag.Wrap(diag.InvalidTape, err, "the tape %s lacks rows of %s", r.r.file.Name, r.s.spec.Table)
		}
		if x.num == p.num {
			r.ahead.Append(&b, nil)
		}
		return nil
	}
	if x.num != p.num {
		return nil
	}
	if r.now = x.now; x.rows == 0 && (!x.clock || p.midway) {
		return nil
	}
	return r.again(x.rows)
}

// again reads so many rows from the source; none is a look at it that may be where time
// begins.
func (r *reader) again(rows int) error {
	for idle := 0; idle < 1000; idle++ {
		var b batch.Batch
		status, err := r.live.Poll(&b, max(1, rows-r.ahead.N))
		if err != nil {
			return r.gone(err)
		}
		if b.Rows() > 0 {
			r.ahead.Append(&b, nil)
			idle = 0
		}
		switch {
		case r.ahead.N >= rows:
			return nil
		case status == connect.End:
			idle = 1000
		}
	}
	return diag.At(r.s.spec.Span, diag.Divergence, "%s gives %d rows of split %s where it gave %d", r.s.spec.Table, r.ahead.N, r.t.id, rows).
		WithHint("bring the source back to what it was, or record with --embed: then the tape has the rows")
}

func (r *reader) change() error {
	first := r.seen
	r.seen += int64(r.ahead.N)
	if r.s.in.Change != nil {
		if err := r.s.in.Change(r.s.spec.Table, r.t.id, first, r.s.spec.Schema, &r.ahead); err != nil {
			return err
		}
	}
	if r.s.in.Rows == nil {
		return nil
	}
	return r.s.in.Rows(r.s.spec.Table, r.s.spec.Schema, &r.ahead)
}

// NextAt is never: there is no waiting.
func (r *reader) NextAt() int64 { return 0 }

// Position is the number of rows given.
func (r *reader) Position() connect.Split {
	return connect.Split{ID: r.at.ID, Pos: binary.AppendUvarint(nil, r.given)}
}

// Close closes the source that is read again.
func (r *reader) Close() error {
	if r.live == nil {
		return nil
	}
	err := r.live.Close()
	r.live = nil
	return err
}
