package state

import (
	"testing"

	"github.com/minkstream/mink/engine/types"
)

// TestPool: stores of several jobs keep their own budgets while the pool has room for them,
// and share it when it has not, from the next step on; one that closes gives its part back.
func TestPool(t *testing.T) {
	const room = 512 << 10
	pool := NewPool(room)
	make1 := func() (*Store, func(from, n int)) {
		s := New(Config{Memory: room, Pool: pool, PageBytes: 4 << 10})
		tab := s.Table("t", TableSpec{Key: []types.Type{types.BigIntT}, Lanes: 4})
		return s, func(from, n int) {
			t.Helper()
			const most = 1000
			for ; n > 0; n, from = n-most, from+most {
				keys := make([]int, min(n, most))
				for i := range keys {
					keys[i] = from + i
				}
				b, kv := keyKinds[0].batch(keys)
				tab.Lookup(b, kv, nil, Upsert, make([]Ref, len(keys)), nil)
				if err := s.EndStep(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	a, fill := make1()
	fill(0, 40_000) // far more than the pool
	if got := a.MemBytes(); got > room || got < room/2 {
		t.Errorf("alone: %d bytes of %d", got, room)
	}
	b, fillB := make1()
	fillB(0, 40_000)
	fill(40_000, 1)
	if got := a.MemBytes() + b.MemBytes(); got > room || got < room/2 {
		t.Errorf("two: %d and %d bytes of %d", a.MemBytes(), b.MemBytes(), room)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	fill(80_000, 40_000)
	if got := a.MemBytes(); got > room || got < room*5/8 {
		t.Errorf("alone again: %d bytes of %d", got, room)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if left := pool.promised.Load(); left != 0 {
		t.Errorf("%d bytes are promised to nobody", left)
	}
	if n := (*Pool)(nil).share(7); n != 7 {
		t.Errorf("no pool gives %d", n)
	}
}
