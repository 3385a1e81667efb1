package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
)

// The TTL of an OVER by time is that of its keys, as in Flink's operators:
//
//	unbounded, by processing time       a key goes when no row came for the TTL
//	unbounded, by event time; ROWS      timers: a key goes between one and one and a
//	                                    half TTL after its last row, and not while rows
//	                                    of it wait for the watermark
//	RANGE of an interval                no TTL: a key goes when its frame is empty
//
// Where there are timers a key has two lanes at overTime.idleAt.
const (
	idleGone  = iota // when the key goes, as timeWord
	idleWaits        // rows that wait
	idleLanes
)

// byTimers reports whether keys go by timers.
func (o *overTime) byTimers() bool {
	return o.cfg.TTL > 0 && (o.cfg.Rows && o.moving || !o.moving && o.timeCol >= 0)
}

// use notes that a key is used.
func (o *overTime) use(c *Ctx, ref state.Ref) {
	gone, now := &o.rows.Keys().Row(ref)[o.idleAt+idleGone], c.Now()
	if *gone != 0 && now+o.cfg.TTL <= wordTime(*gone) {
		return
	}
	at := now + o.cfg.TTL + o.cfg.TTL/2
	*gone = timeWord(at)
	o.idle.Add(at, o.rows.Keys().KeyOf(ref, nil), nil)
	c.SetTimer(at)
}

// arrive notes that rows of sel wait or, with wait 0, are late.
func (o *overTime) arrive(c *Ctx, b *batch.Batch, sel []uint16, wait uint64) {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	o.refs = grow(o.refs, n)
	o.rows.Keys().Lookup(b, o.keyVec(c, b), sel, state.Upsert, o.refs, nil)
	for _, ref := range o.refs[:n] {
		o.use(c, ref)
		o.rows.Keys().Row(ref)[o.idleAt+idleWaits] += wait
	}
}

// expire lets the keys go whose time has come.
func (o *overTime) expire(c *Ctx) {
	now := c.Now()
	for more := true; more; {
		more = o.idle.Due(now, batch.MaxRows, &o.gone)
		for i, k := range o.gone.Keys {
			ref := o.rows.Keys().Get(k, state.Write)
			if ref == state.None {
				continue
			}
			switch lanes := o.rows.Keys().Row(ref)[o.idleAt:]; {
			case lanes[idleGone] != timeWord(o.gone.TS[i]):
			case lanes[idleWaits] > 0:
				o.use(c, ref)
			default:
				o.frames.drop(k, ref)
				o.rows.Keys().Delete(ref)
				o.rows.Keys().Lapse(1)
			}
		}
	}
}
