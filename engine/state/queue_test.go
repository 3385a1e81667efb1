package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// queueDriver is a Queue beside a sorted slice.
type queueDriver struct {
	spec QueueSpec
	list []queued
	seq  int
	mark int64
	keys []Key
}

type queued struct {
	ts      int64
	key     int
	payload string
	seq     int
}

func (d *queueDriver) open(s *Store) any { return s.Queue("q", d.spec) }
func (d *queueDriver) copy() any         { return []any{slices.Clone(d.list), d.mark} }
func (d *queueDriver) back(m any) {
	d.list, d.mark = m.([]any)[0].([]queued), m.([]any)[1].(int64)
}

func (d *queueDriver) less(a, b queued) int {
	x, y := d.keys[a.key], d.keys[b.key]
	switch {
	case a.ts != b.ts:
		return int(a.ts - b.ts)
	case x.Group != y.Group:
		return int(x.Group) - int(y.Group)
	case !d.spec.ByArrival:
		if c := strings.Compare(string(x.Bytes), string(y.Bytes)); c != 0 {
			return c
		}
	}
	return a.seq - b.seq
}

func (d *queueDriver) op(r *rig) {
	for range r.rnd.IntN(25) {
		e := queued{ts: d.mark + int64(r.rnd.IntN(6000)) - 200, key: r.rnd.IntN(len(d.keys)), payload: text(r.rnd.IntN(9))}
		if r.rnd.IntN(3) == 0 {
			e.ts = d.mark + 1000 // many at one time
		}
		d.seq++
		r.ops++
		e.seq = d.seq
		k := d.keys[e.key]
		r.parts[r.owner(k.Group)].(*Queue).Add(e.ts, k, []byte(e.payload))
		if d.spec.Set && slices.ContainsFunc(d.list, func(x queued) bool { return x.ts == e.ts && x.key == e.key }) {
			continue
		}
		d.list = append(d.list, e)
	}
	slices.SortFunc(d.list, d.less)
	if r.rnd.IntN(3) == 0 {
		d.mark += int64(r.rnd.IntN(1500))
		d.due(r, d.mark, 1+r.rnd.IntN(30))
	}
}

// due takes what is due from all stores.
func (d *queueDriver) due(r *rig, upTo int64, limit int) {
	for _, p := range r.parts {
		q := p.(*Queue)
		var want []queued
		rest := d.list[:0:0]
		for _, e := range d.list {
			if e.ts <= upTo && q.s.Groups().Has(int(d.keys[e.key].Group)) {
				want = append(want, e)
			} else {
				rest = append(rest, e)
			}
		}
		d.list = rest
		var due Due
		for more := true; more; {
			more = q.Due(upTo, limit, &due)
			if len(due.TS) > limit {
				r.fatal("%d entries with a limit of %d", len(due.TS), limit)
			}
			for i, ts := range due.TS {
				if len(want) == 0 {
					r.fatal("an entry too many")
				}
				w, k := want[0], d.keys[want[0].key]
				want = want[1:]
				if ts != w.ts || string(due.Keys[i].Bytes) != string(k.Bytes) || due.Keys[i].Group != k.Group || due.Keys[i].Hash != k.Hash || string(due.Payload[i]) != w.payload {
					r.fatal("%d %x %q came instead of %+v", ts, due.Keys[i].Bytes, due.Payload[i], w)
				}
			}
		}
		if len(want) > 0 {
			r.fatal("%d entries did not come", len(want))
		}
	}
}

func (d *queueDriver) check(r *rig) {
	for _, p := range r.parts {
		q := p.(*Queue)
		want, any := int64(0), false
		for _, e := range d.list {
			if q.s.Groups().Has(int(d.keys[e.key].Group)) {
				want, any = e.ts, true
				break
			}
		}
		if got, ok := q.Min(); ok != any || ok && got != want {
			r.fatal("the earliest is %d %v, not %d %v", got, ok, want, any)
		}
	}
}

func TestQueue(t *testing.T) {
	var keys []Key
	for k := range 15 {
		b, kv := keyKinds[3].batch([]int{k})
		keys = append(keys, MakeKey(b, kv, 0, nil))
	}
	for _, spec := range []QueueSpec{{}, {Set: true}, {ByArrival: true}} {
		t.Run(fmt.Sprintf("%+v", spec), func(t *testing.T) {
			program(t, 400, []int{2, 3, 1}, func() driver { return &queueDriver{spec: spec, keys: keys} })
		})
	}
}
