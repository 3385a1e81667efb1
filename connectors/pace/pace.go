// Package pace lets a table that was recorded run again at the speed of its own
// clock, or a multiple of it.
//
// It wraps a connector whose rows carry a time, such as a file of events, and
// holds each row back until its time has come: 'mink.replay.speed' = '60' turns a
// recorded hour into a minute. Values and order stay as they are; only when rows
// are given changes, and that moment comes from the task's clock, so a run can
// still be recorded and simulated. Begin with Wrap.
package pace

import (
	"encoding/binary"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

const (
	speedKey  = "mink.replay.speed"
	columnKey = "mink.replay.column"
)

// Wrap returns the connector with replay options added.
func Wrap(c *connect.Connector) *connect.Connector {
	w := *c
	w.Options = append(append([]connect.Option(nil), c.Options...),
		connect.Option{Key: columnKey, Type: connect.String, Doc: "Column that says when a row happened; rows are given out at the speed of that time."},
		connect.Option{Key: speedKey, Type: connect.Float, Doc: "How many times faster than recorded rows are replayed; 1 is as recorded."},
	)
	w.Source = func(t *connect.Table) (connect.Source, error) {
		column, hasColumn := t.Options[columnKey]
		text, hasSpeed := t.Options[speedKey]
		if !hasColumn && !hasSpeed {
			return c.Source(t)
		}
		if !hasColumn || !hasSpeed {
			return nil, diag.New(diag.MissingOption, "'%s' and '%s' are given together", speedKey, columnKey)
		}
		speed, err := strconv.ParseFloat(text, 64)
		if err != nil || !(speed > 0) {
			return nil, diag.New(diag.InvalidOption, "'%s' must be a number above 0, not %q", speedKey, text)
		}
		col := t.Schema.Index(column)
		if col < 0 || col >= t.Physical || !t.Schema[col].Type.IsTimestamp() {
			return nil, diag.New(diag.InvalidOption, "'%s' must name a physical TIMESTAMP column, not %q", columnKey, column)
		}
		plain := *t
		plain.Options = connect.Options{}
		for k, v := range t.Options {
			if k != speedKey && k != columnKey {
				plain.Options[k] = v
			}
		}
		inner, err := c.Source(&plain)
		if err != nil {
			return nil, err
		}
		return &source{Source: inner, col: col, speed: speed, unit: t.Schema[col].Type.PerSecond() / 1000}, nil
	}
	return &w
}

type source struct {
	connect.Source
	col   int
	speed float64
	unit  int64 // ticks per millisecond
}

// Project keeps the time column among what is read.
func (s *source) Project(p connect.Projection) {
	if p != nil {
		p = append(append(connect.Projection(nil), p...), connect.FieldPath{s.col})
	}
	s.Source.Project(p)
}

// Open reads a split whose position is the number of rows given out of the
// stretch that begins at the inner position.
func (s *source) Open(sp connect.Split, r connect.ReaderCtx) (connect.Reader, error) {
	skip := 0
	if len(sp.Pos) > 0 {
		if len(sp.Pos) < 4 {
			return nil, diag.New(diag.Checkpoint, "the position of split %s is damaged", sp.ID)
		}
		skip = int(binary.LittleEndian.Uint32(sp.Pos))
		sp.Pos = sp.Pos[4:]
	}
	inner, err := s.Source.Open(sp, r)
	if err != nil {
		return nil, err
	}
	return &reader{source: s, inner: inner, now: r.Now, unpaced: r.Unpaced, from: inner.Position(), given: skip, skip: skip}, nil
}

type reader struct {
	*source
	inner connect.Reader
	now   func() int64
	// unpaced: all rows are due.
	unpaced bool
	// buf holds rows read ahead; given of the rows since from are out.
	buf   batch.Batch
	from  connect.Split
	given int
	skip  int // rows to pass over after a restore
	state connect.Status
	// The row at firstTime (ms) is due at started (ms).
	started, firstTime int64
	began              bool
}

// Poll gives the rows that are due.
func (r *reader) Poll(dst *batch.Batch, max int) (connect.Status, error) {
	for r.given >= r.buf.N || r.skip > 0 {
		if r.buf.N > 0 && r.given >= r.buf.N && r.skip == 0 {
			r.from, r.given = r.inner.Position(), 0
			r.buf.Reset()
		}
		if r.state == connect.End {
			return connect.End, nil
		}
		had := r.buf.N
		var more batch.Batch
		into := &r.buf
		if had > 0 {
			into = &more
		}
		st, err := r.inner.Poll(into, max)
		if err != nil {
			return st, err
		}
		r.state = st
		if had > 0 {
			r.buf.Append(&more, nil)
		}
		if r.buf.N >= r.skip {
			r.skip = 0
		}
		if r.buf.N == had {
			return st, nil
		}
	}
	n := r.due(max)
	if n == 0 {
		return connect.Wait, nil
	}
	sel := make([]uint16, n)
	for i := range sel {
		sel[i] = uint16(r.given + i)
	}
	part := r.buf
	part.Sel = sel
	dst.Gather(&part, nil)
	r.given += n
	if r.given >= r.buf.N && r.state == connect.End {
		return connect.End, nil
	}
	return connect.More, nil
}

func (r *reader) time(i int) int64 { return r.buf.Cols[r.col].I64[i] / r.unit }

// due counts the rows from given on whose time has come.
func (r *reader) due(max int) int {
	if r.unpaced {
		return min(r.buf.N-r.given, max)
	}
	now := r.now()
	if !r.began {
		r.began, r.started, r.firstTime = true, now, r.time(r.given)
	}
	limit := r.firstTime + int64(float64(now-r.started)*r.speed)
	n := 0
	for r.given+n < r.buf.N && n < max {
		i := r.given + n
		if !r.buf.Cols[r.col].IsNull(i) && r.time(i) > limit {
			break
		}
		n++
	}
	return n
}

// NextAt is when the next row is due.
func (r *reader) NextAt() int64 {
	if r.given >= r.buf.N {
		return r.inner.NextAt()
	}
	return r.started + int64(float64(r.time(r.given)-r.firstTime)/r.speed) + 1
}

// Position is the inner position of the stretch at hand and the rows given of it.
func (r *reader) Position() connect.Split {
	p := binary.LittleEndian.AppendUint32(nil, uint32(r.given))
	from := r.from
	if r.given >= r.buf.N && r.buf.N > 0 {
		from, p = r.inner.Position(), binary.LittleEndian.AppendUint32(nil, 0)
	}
	return connect.Split{ID: from.ID, Pos: append(p, from.Pos...)}
}

// Close closes the inner reader.
func (r *reader) Close() error { return r.inner.Close() }
