package build

import (
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

func windowSpec(w plan.WindowSpec) exec.WindowSpec {
	return exec.WindowSpec{
		Kind: [...]exec.WindowKind{
			plan.Tumble: exec.TumbleWindow, plan.Hop: exec.HopWindow, plan.Cumulate: exec.CumulateWindow, plan.Session: exec.SessionWindow,
		}[w.Kind],
		Size: w.Size, Slide: w.Slide, Offset: w.Offset, TimeCol: w.TimeCol,
		Local: w.TimeType.Kind == types.TimestampLTZ, Proctime: w.Proctime(),
	}
}

func windowProps(props []plan.WindowProp, out types.Schema) ([]exec.WindowProp, []types.Type) {
	var ps []exec.WindowProp
	var ts []types.Type
	for i, p := range props {
		ps = append(ps, [...]exec.WindowProp{
			plan.WindowStart: exec.PropStart, plan.WindowEnd: exec.PropEnd,
			plan.WindowRowtime: exec.PropRowtime, plan.WindowProctime: exec.PropProctime,
		}[p])
		ts = append(ts, out[len(out)-len(props)+i].Type)
	}
	return ps, ts
}

func (b *builder) windowTVF(n *plan.WindowTVF) (func() exec.Operator, int64, error) {
	k := len(n.Schema) - 3
	cfg := exec.WindowTVFConfig{
		Input: inputTypes(n.In), Window: windowSpec(n.Window), PartitionBy: n.Window.PartitionBy,
		StartType: n.Schema[k].Type, EndType: n.Schema[k+1].Type, TimeType: n.Schema[k+2].Type,
	}
	return func() exec.Operator { return exec.NewWindowTVF(cfg) }, 0, nil
}

func (b *builder) windowAggregate(n *plan.WindowAggregate) (func() exec.Operator, int64, error) {
	cfg := exec.WindowAggConfig{
		Input: inputTypes(n.In), Window: windowSpec(n.Window), Attached: n.Attached, StartCol: n.StartCol, EndCol: n.EndCol,
		Keys: n.Keys, Aggs: aggSpecs(n.Aggs), InputRetracts: n.InputRetracts,
	}
	cfg.Props, cfg.PropTypes = windowProps(n.Props, n.Schema)
	return func() exec.Operator { return exec.NewWindowAggregate(cfg) }, 0, nil
}

// groupWindow is the older form of the same: rows of HOP windows that are not a
// multiple of their slide, too, are added up by panes.
func (b *builder) groupWindow(n *plan.GroupWindowAggregate) (func() exec.Operator, int64, error) {
	cfg := exec.WindowAggConfig{
		Input: inputTypes(n.In), Window: windowSpec(n.Window), StartCol: -1, EndCol: -1,
		Keys: n.Keys, Aggs: aggSpecs(n.Aggs), InputRetracts: n.InputRetracts,
	}
	cfg.Props, cfg.PropTypes = windowProps(n.Props, n.Schema)
	if e := n.Emit; e != nil {
		emit := exec.WindowEmitConfig{
			WindowAggConfig: cfg, Early: e.Early, Late: e.Late, Lateness: e.Lateness, EmitUpdateBefore: n.EmitUpdateBefore(),
		}
		return func() exec.Operator { return exec.NewWindowEmit(emit) }, 0, nil
	}
	return func() exec.Operator { return exec.NewWindowAggregate(cfg) }, 0, nil
}
