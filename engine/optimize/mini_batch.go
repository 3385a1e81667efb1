package optimize

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
)

// checkMiniBatch refuses mini-batches of which nobody said how large they are and how
// long they may wait, as Flink does: without a bound rows would never come out.
func checkMiniBatch(c *catalog.Config) error {
	if c.Batch() || !c.Bool("table.exec.mini-batch.enabled") {
		return nil
	}
	missing := func(key, example string) error {
		return diag.New(diag.MissingOption, "'table.exec.mini-batch.enabled' = 'true' needs '%s' above 0", key).WithHint("SET '%s' = '%s'", key, example)
	}
	if c.Duration("table.exec.mini-batch.allow-latency") <= 0 {
		return missing("table.exec.mini-batch.allow-latency", "1 s")
	}
	if c.Int("table.exec.mini-batch.size") <= 0 {
		return missing("table.exec.mini-batch.size", "5000")
	}
	return nil
}
