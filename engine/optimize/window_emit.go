package optimize

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
)

// windowEmit reads the options by which windows of the older form fire early or late;
// nil when they fire at their end alone.
func (o *optimizer) windowEmit(n *logical.Aggregate) (*plan.WindowEmit, error) {
	c := o.s.Config
	early, late := o.firing()
	if !early && !late {
		return nil, nil
	}
	e := &plan.WindowEmit{Early: -1, Late: -1}
	if late { // without late firing no late row is taken, whatever the lateness
		e.Lateness = c.Duration("table.exec.emit.allow-lateness").Milliseconds()
	}
	if n.Window.Kind == plan.Session {
		return nil, diag.At(n.At, diag.UnsupportedByFlink, "SESSION windows cannot fire early or late: they may still merge").
			WithHint("%s", resetEmit)
	}
	for _, d := range []struct {
		on   bool
		key  string
		into *int64
	}{{early, "table.exec.emit.early-fire.delay", &e.Early}, {late, "table.exec.emit.late-fire.delay", &e.Late}} {
		if !d.on {
			continue
		}
		if *d.into = c.Duration(d.key).Milliseconds(); *d.into < 0 {
			return nil, diag.At(n.At, diag.Config, "%s cannot be negative", d.key)
		}
	}
	if n.Window.Proctime() {
		if e.Late, e.Lateness = -1, 0; !early {
			return nil, nil
		}
	}
	if e.Late >= 0 && e.Lateness <= 0 {
		return nil, diag.At(n.At, diag.Config, "late firing needs table.exec.emit.allow-lateness above 0: without it no late row is taken").
			WithHint("SET 'table.exec.emit.allow-lateness' = '1 h'")
	}
	if e.Late > e.Lateness {
		return nil, diag.At(n.At, diag.Config, "table.exec.emit.late-fire.delay is longer than table.exec.emit.allow-lateness: the window is gone when it would fire").
			WithHint("SET 'table.exec.emit.late-fire.delay' = '%d ms' or less", e.Lateness)
	}
	return e, nil
}

const resetEmit = "RESET 'table.exec.emit.early-fire.enabled' and 'table.exec.emit.late-fire.enabled'"

// firing says whether windows are to fire early and late. Batch has nothing to wait for.
func (o *optimizer) firing() (early, late bool) {
	c := o.s.Config
	return !o.batch && c.Bool("table.exec.emit.early-fire.enabled"), !o.batch && c.Bool("table.exec.emit.late-fire.enabled")
}
