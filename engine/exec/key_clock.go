package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// keyClock knows when each key was used last, in processing time, and finds those that
// were not used for a time. A key has one entry in the queue, which moves on when it is
// due and the key was used since, so that a use costs one write.
type keyClock struct {
	key  []types.Type
	ttl  int64
	used *state.Table // lane 0: time of the last use
	by   *state.Queue // keys, at times when to look at them
	next int64        // the timer that is set; 0 for none

	refs  []state.Ref
	fresh []uint64
	kbuf  []byte
	due   state.Due
	gone  []state.Key // what expire has found, until it is called again
}

func (k *keyClock) open(c *Ctx, key []types.Type, ttl int64) {
	k.key, k.ttl = key, ttl
	k.used = c.Store.Table(c.Name+".used", state.TableSpec{Key: key, Lanes: 1})
	k.by = c.Store.Queue(c.Name+".idle", state.QueueSpec{Set: true})
}

// use notes that the keys of lanes sel of b are used. With state.Write keys that are not
// known stay so.
func (k *keyClock) use(c *Ctx, b *batch.Batch, keys *batch.KeyVec, sel []uint16, mode state.Mode) {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if n == 0 {
		return
	}
	if cap(k.refs) < n {
		k.refs, k.fresh = make([]state.Ref, max(n, batch.MaxRows)), make([]uint64, batch.Words(max(n, batch.MaxRows)))
	}
	k.used.Lookup(b, keys, sel, mode, k.refs[:n], k.fresh)
	now := c.Now()
	added := false
	for i, ref := range k.refs[:n] {
		if ref == state.None {
			continue
		}
		row := k.used.Row(ref)
		row[0] = uint64(now)
		if mode == state.Upsert && batch.Bit(k.fresh, i) {
			key := k.used.KeyOf(ref, k.kbuf[:0])
			k.kbuf = key.Bytes
			k.by.Add(now+k.ttl, key, nil)
			added = true
		}
	}
	if added {
		k.wake(c)
	}
}

// wake sets the timer for the first key to look at.
func (k *keyClock) wake(c *Ctx) {
	if at, ok := k.by.Min(); ok && (k.next == 0 || at < k.next) {
		k.next = at
		c.SetTimer(at)
	}
}

// expire forgets keys that were not used for the time to live, at most a batch of them,
// and reports whether it looked at any: they are in k.gone then. No key is forgotten
// before since plus that time, and none while since is negative.
func (k *keyClock) expire(c *Ctx, since int64) bool {
	now := c.Now()
	k.gone = k.gone[:0]
	if at, ok := k.by.Min(); !ok || at > now {
		k.next = 0
		k.wake(c)
		return false
	}
	k.by.Due(now, batch.MaxRows, &k.due)
	for _, key := range k.due.Keys {
		ref := k.used.Get(key, state.Write)
		if ref == state.None {
			continue
		}
		at := max(int64(k.used.Row(ref)[0]), since) + k.ttl
		if since < 0 {
			at = now + k.ttl
		}
		if at > now {
			k.by.Add(at, key, nil)
			continue
		}
		k.used.Delete(ref)
		k.used.Lapse(1)
		k.gone = append(k.gone, key)
	}
	return true
}
