package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// ExpandConfig describes the rows of grouping sets: Output is the columns Pass, then
// each of Keys, NULL where a set lacks it, then the number of the set.
type ExpandConfig struct {
	Pass, Keys []int
	// Sets are places in Keys.
	Sets    [][]int
	Numbers []int64
	// KeyTypes are those of the output.
	KeyTypes []types.Type
}

// NewExpand makes the operator that gives each row once for each grouping set. Columns
// are shared: a batch comes out once for each set.
func NewExpand(cfg ExpandConfig) Operator { return &expand{cfg: cfg} }

type expand struct {
	Stateless
	cfg ExpandConfig
	out batch.Batch
}

// Draw names the operator.
func (o *expand) Draw() Drawing { return Drawing{Name: "Expand"} }

// Process emits the batch for each set. Its marks go with the last one: by then all
// rows before them have come out.
func (o *expand) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 && len(b.Marks) == 0 {
		return nil
	}
	cfg := &o.cfg
	for i, set := range cfg.Sets {
		cols := make([]batch.Col, 0, len(cfg.Pass)+len(cfg.Keys)+1)
		for _, p := range cfg.Pass {
			cols = append(cols, b.Cols[p])
		}
		for k, key := range cfg.Keys {
			if slices.Contains(set, k) {
				cols = append(cols, b.Cols[key])
			} else {
				cols = append(cols, batch.ConstNull(cfg.KeyTypes[k]))
			}
		}
		cols = append(cols, batch.ConstInt(types.BigIntT.Nullable(false), cfg.Numbers[i]))
		o.out = batch.Batch{Cols: cols, N: b.N, Sel: b.Sel, Kinds: b.Kinds}
		if i == len(cfg.Sets)-1 {
			o.out.Marks = b.Marks
		}
		if err := c.Emit(&o.out); err != nil {
			return err
		}
	}
	return nil
}
