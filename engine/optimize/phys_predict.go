package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
)

// predict asks a model about each row.
func (o *optimizer) predict(n *logical.Predict) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	for _, a := range n.Args {
		if logical.HasOuter(a) {
			return nil, unsupported(n.At, "ML_PREDICT over columns of an outer query is")
		}
	}
	t := in.Info()
	if !t.AppendOnly() {
		return nil, notAppended("ML_PREDICT", n.At)
	}
	p := &plan.Predict{
		Model: n.Model, Prediction: n.Prediction, Args: n.Args, Keep: n.Keep, Call: n.Call(t.Schema.Names()),
		Async: n.Async, Unordered: n.Unordered, Max: n.Max, TimeoutMS: n.TimeoutMS,
	}
	p.In, p.Span, p.Emits = in, n.At, connect.HasInsert
	for _, k := range n.Keep {
		p.Schema = append(p.Schema, t.Schema[k])
	}
	p.Schema = append(p.Schema, n.Out...)
	for i, name := range plan.Unique(p.Schema.Names()) {
		p.Schema[i].Name = name
	}
	p.Dist = mapDist(t.Dist, keptAt(n.Keep))
	if w := t.Windows; w != nil {
		m := *w
		pos := func(i int) int { return slices.Index(n.Keep, i) }
		m.Start, m.End, m.Time = pos(w.Start), pos(w.End), pos(w.Time)
		if m.End >= 0 || m.Start >= 0 {
			p.Windows = &m
		}
	}
	// A model may give another answer each time it is asked.
	o.ids[p] = len(o.ids)
	return p, nil
}

// pushPredict moves conditions on columns that are passed on below the model, which is
// then asked about fewer rows.
func (o *optimizer) pushPredict(conds []expr.Node, n *logical.Predict) logical.Node {
	down, stay := split(conds, func(c expr.Node) bool { return pure(c) && readsOnly(c, func(i int) bool { return i < len(n.Keep) }) })
	for i, c := range down {
		down[i] = expr.Remap(c, func(i int) int { return n.Keep[i] })
	}
	return filter(stay, n.With([]logical.Node{o.push(down, n.In)}))
}

// prunePredict drops columns of the input that nobody reads.
func prunePredict(n *logical.Predict, need []bool) (logical.Node, []int) {
	m := *n
	m.Keep = nil
	needIn := make([]bool, len(n.In.Schema()))
	want(needIn, n.Args...)
	at := make([]int, len(need))
	for i := range n.Keep {
		at[i] = -1
		if need[i] {
			at[i] = len(m.Keep)
			m.Keep = append(m.Keep, n.Keep[i])
			needIn[n.Keep[i]] = true
		}
	}
	for i := len(n.Keep); i < len(need); i++ {
		at[i] = len(m.Keep) + i - len(n.Keep)
	}
	in, to := narrow(n.In, needIn)
	m.In, m.Keep = in, remapInts(m.Keep, to)
	m.Args = make([]expr.Node, len(n.Args))
	for i, a := range n.Args {
		m.Args[i] = remap(a, to)
	}
	return &m, at
}
