package nexmark_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/fork"
	"github.com/minkstream/mink/testkit/nexmark"
)

// Every query leaves its tape somewhere, its state restored, and without a change comes to
// the tables that the recorded run came to; the same script keeps all state.
func TestForked(t *testing.T) {
	side, events := sideFile(t), int64(4_000)
	if all {
		events = 50_000
	}
	ctx := context.Background()
	queries(t, func(t *testing.T, q nexmark.Query) {
		config := map[string]string{"parallelism.default": "2", "mink.exec.batch-rows": "256", "execution.checkpointing.interval": "20 ms"}
		d := taped(t, q, events, side, config, engine.Record{})
		defer d.Close()
		j := d.Jobs[0]
		if _, err := j.Seek(ctx, debugger.AtEnd); err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(uint64(j.Ordinal()), 3))
		for range 2 {
			p, _ := j.At(2 + rng.Int64N(j.Ordinal()-2))
			if _, err := j.Seek(ctx, debugger.Target{At: &p}); err != nil {
				t.Fatal(err)
			}
			f, err := j.Fork("fork")
			if err != nil {
				t.Fatal(err)
			}
			differ, err := f.AgainstTape(ctx)
			if err != nil {
				t.Fatalf("from %s: %v", p, err)
			}
			// What these give depends on the clock.
			if !slices.Contains([]string{"q12"}, q.Name) {
				for _, x := range differ {
					if q.Name == "q19" {
						x.Changes = ranked(x.Changes)
					}
					if len(x.Changes) > 0 {
						t.Errorf("from %s %s differs: %d rows, and now %d: %v", p, x.Name, x.RowsA, x.RowsB, x.Changes[:min(4, len(x.Changes))])
					}
				}
			}
			u, err := f.Run(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range u.Mapping.Operators {
				if o.State != debugger.KeepsAll || o.Has != o.Had {
					t.Errorf("from %s %+v", p, o)
				}
			}
		}
	})
}

// ranked leaves changes out that are but other numbers of rows: bids of one price have them in the
// order in which they came, which is another in a fork.
func ranked(list []fork.Change) []fork.Change {
	sum := map[string]int{}
	bid := func(c fork.Change) string { return fmt.Sprint(c.Cells[:len(c.Cells)-1]) }
	for _, c := range list {
		if n := c.Times; c.Added {
			sum[bid(c)] += n
		} else {
			sum[bid(c)] -= n
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(c fork.Change) bool { return sum[bid(c)] == 0 })
}
