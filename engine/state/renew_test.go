package state

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

// TestChains runs programs with many snapshots in a row, of which only the first is
// complete, and which are given up now and then: whichever is the newest, its files hold
// the content, as many as there are.
func TestChains(t *testing.T) {
	orders := map[int]keyOrder{}
	for k := range multiKeys {
		orders[k] = keyKinds[0].order(k)
	}
	var keys []Key
	for k := range 15 {
		b, kv := keyKinds[3].batch([]int{k})
		keys = append(keys, MakeKey(b, kv, 0, nil))
	}
	steps := 250
	if os.Getenv("MINK_ALL") != "" {
		steps = 1000
	}
	drivers := []func() driver{
		func() driver {
			return &tableDriver{kk: keyKinds[3], rows: map[int]modelRow{}, orders: map[int]keyOrder{}}
		},
		func() driver {
			return &tableDriver{kk: keyKinds[0], ttl: 300, rows: map[int]modelRow{}, orders: map[int]keyOrder{}}
		},
		func() driver {
			return &multiDriver{kk: keyKinds[0], counts: true, rows: map[int][]multiRow{}, orders: orders}
		},
		func() driver {
			return &multiDriver{kk: keyKinds[0], ttl: 400, rows: map[int][]multiRow{}, orders: orders}
		},
		func() driver { return &queueDriver{spec: QueueSpec{}, keys: keys} },
		func() driver { return &queueDriver{spec: QueueSpec{Set: true}, keys: keys} },
		func() driver {
			return &panesDriver{kk: keyKinds[0], m: panesModel{panes: map[int64]map[int]uint64{}, counts: map[uint16]uint64{}}}
		},
		func() driver { return &sortedDriver{kk: keyKinds[0], keys: map[int]sortedKey{}} },
	}
	for _, seed := range seeds() {
		for i, make := range drivers {
			for _, c := range []struct {
				Config
				raw bool
			}{{Config{PageBytes: 256}, (seed+uint64(i))%2 == 0}, {Config{PageBytes: 256, Memory: 4 << 10}, true}} {
				t.Run(fmt.Sprintf("seed %d, %d, budget %d, raw %v", seed, i, c.Memory, c.raw), func(t *testing.T) {
					r := &rig{
						t: t, rnd: rand.New(rand.NewPCG(seed, 9)), looks: rand.New(rand.NewPCG(seed, 10)), raw: c.raw,
						cfg: c.Config, now: 1_000_000, drv: make(),
					}
					r.run(steps, 0, []int{2})
					if r.longest > chainMax {
						t.Errorf("a checkpoint needs %d files", r.longest)
					}
				})
			}
		}
	}
}
