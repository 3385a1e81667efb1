package bind

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// modelCall is what ML_PREDICT and ML_EVALUATE share: a table, a model and the columns
// that the model is asked about.
type modelCall struct {
	in    logical.Node
	sc    *scope
	model *catalog.Model
	args  []expr.Node
	run   *runConfig
}

func (b *Binder) modelCall(args map[string]ast.Expr, name string, outer *scope) (*modelCall, error) {
	m := &modelCall{}
	var part []int
	var err error
	if m.in, m.sc, part, err = b.tableArg(args["INPUT"], outer); err != nil {
		return nil, err
	}
	if len(part) > 0 {
		return nil, diag.At(args["INPUT"].Span(), diag.InvalidArgument, "%s asks about each row by itself: PARTITION BY has no meaning here", name)
	}
	if m.model, err = b.modelArg(args["MODEL"], name); err != nil {
		return nil, err
	}
	cols, err := descriptor(args["ARGS"], "ARGS", m.sc)
	if err != nil {
		return nil, err
	}
	at := args["ARGS"].Span()
	if len(cols) != len(m.model.Input) {
		return nil, diag.At(at, diag.InvalidArgument, "ARGS names %s, and the input of model %s has %d", counted(len(cols), "column"), m.model.Path.Object, len(m.model.Input)).
			WithHint("the input is: %s", columnsText(m.model.Input))
	}
	for i, c := range cols {
		f := m.model.Input[i]
		if !expr.CanCast(c.T, f.Type, false) {
			return nil, diag.At(c.Span(), diag.TypeMismatch, "column %s is %s, and the input %s of model %s is %s",
				m.sc.visible[c.Index].name, c.T.Plain().Nullable(true), f.Name, m.model.Path.Object, f.Type.Nullable(true)).
				WithHint("CAST it in a query: INPUT => (SELECT CAST(... AS %s) AS %s FROM ...)", f.Type.Nullable(true), f.Name)
		}
		v, err := expr.NewImplicitCast(c, f.Type.Nullable(c.T.IsNullable()), c.Span())
		if err != nil {
			return nil, err
		}
		m.args = append(m.args, v)
	}
	// Other keys are the provider's, as in Flink.
	if m.run, err = b.runConfig(args["CONFIG"], "table.exec.async-ml-predict"); err != nil {
		return nil, err
	}
	return m, nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return itoa(n) + " " + what + "s"
}

func columnsText(s types.Schema) string {
	var out []string
	for _, f := range s {
		out = append(out, f.Name+" "+f.Type.Nullable(true).String())
	}
	return strings.Join(out, ", ")
}

// mlPredict binds ML_PREDICT(INPUT, MODEL, ARGS, CONFIG).
func (b *Binder) mlPredict(e *ast.FuncCall, outer *scope) (logical.Node, *scope, error) {
	const name = "ML_PREDICT"
	args, err := callArgs(e, name, 3, "INPUT", "MODEL", "ARGS", "CONFIG")
	if err != nil {
		return nil, nil, err
	}
	m, err := b.modelCall(args, name, outer)
	if err != nil {
		return nil, nil, err
	}
	call, err := b.prediction(m, args)
	if err != nil {
		return nil, nil, err
	}
	names := make([]string, len(m.in.Schema()))
	all := slices.Clone(m.in.Schema())
	for i := range names {
		names[i] = m.sc.visible[i].name
		all[i].Name = names[i]
	}
	var out types.Schema
	for _, f := range m.model.Output {
		f.Name = uniqueName(f.Name, all)
		all, out = append(all, f), append(out, f)
	}
	n := logical.NewPredict(m.in, call, m.args, out, logical.Place{At: e.Span()})
	sc := newScope("", nil, all)
	for i := range names {
		sc.visible[i].unstarred, sc.rels[0].cols[i].unstarred = m.sc.visible[i].unstarred, m.sc.visible[i].unstarred
	}
	return n, sc, nil
}

// prediction finds the model's provider and chooses how it is called: outside of steps
// where the provider can and CONFIG does not say otherwise.
func (b *Binder) prediction(m *modelCall, args map[string]ast.Expr) (logical.PredictCall, error) {
	at := args["MODEL"].Span()
	h := b.Session.Host
	model := &connect.Model{
		Name: m.model.Path.String(), Input: m.model.Input, Output: m.model.Output, Options: m.model.Options, Deps: h.Deps,
	}
	call := logical.PredictCall{Model: model, Unordered: m.run.unordered, Max: m.run.max, TimeoutMS: m.run.timeout}
	p, err := connect.PickProvider(h.Providers, m.model.Options)
	if err == nil && p.Predict == nil {
		err = diag.New(diag.UnsupportedByFlink, "model provider '%s' cannot be asked by ML_PREDICT", p.Name)
	}
	if err == nil {
		call.Prediction, err = p.Predict(model)
	}
	if err != nil {
		d := diag.As(err)
		if d == nil {
			return call, err
		}
		if d.Span.IsZero() {
			d.Msg = "model " + m.model.Path.Object + ": " + d.Msg
		}
		return call, d.Or(at)
	}
	sync, async := call.Prediction.Modes()
	call.Async = async
	if want := m.run.async; want != nil {
		call.Async = *want
		if *want && !async || !*want && !sync {
			return call, diag.At(m.run.at["async"], diag.InvalidOption, "'async' is '%v', and model provider '%s' cannot be called so", *want, p.Name).
				WithHint("leave it out")
		}
	}
	return call, nil
}

// evaluations are the tasks that ML_EVALUATE knows.
var evaluations = []string{"regression", "clustering", "classification", "embedding", "text_generation"}

// mlEvaluate checks ML_EVALUATE(INPUT, MODEL, LABEL, ARGS, TASK, CONFIG) and refuses it,
// as Flink does, which has nothing to run it with.
func (b *Binder) mlEvaluate(e *ast.FuncCall, outer *scope) error {
	const name = "ML_EVALUATE"
	args, err := callArgs(e, name, 5, "INPUT", "MODEL", "LABEL", "ARGS", "TASK", "CONFIG")
	if err != nil {
		return err
	}
	m, err := b.modelCall(args, name, outer)
	if err != nil {
		return err
	}
	label, err := descriptor(args["LABEL"], "LABEL", m.sc)
	if err != nil {
		return err
	}
	if len(label) != 1 {
		return diag.At(args["LABEL"].Span(), diag.InvalidArgument, "LABEL names one column, not %d", len(label))
	}
	if len(m.model.Output) != 1 {
		return diag.At(args["MODEL"].Span(), diag.InvalidArgument, "%s takes a model with one output, and %s has %d", name, m.model.Path.Object, len(m.model.Output))
	}
	if from, to := label[0].T, m.model.Output[0].Type; !expr.CanCast(from, to, false) {
		return diag.At(label[0].Span(), diag.TypeMismatch, "column %s is %s, and the output of model %s is %s",
			m.sc.visible[label[0].Index].name, from.Plain().Nullable(true), m.model.Path.Object, to.Nullable(true))
	}
	task, ok := args["TASK"].(*ast.Literal)
	if !ok || task.Kind != ast.LitString {
		return diag.At(args["TASK"].Span(), diag.InvalidArgument, "TASK is a constant string; tasks are: %s", strings.Join(evaluations, ", "))
	}
	if find(evaluations, task.Text) < 0 {
		return suggest(diag.At(task.Span(), diag.InvalidArgument, "no task '%s'; tasks are: %s", task.Text, strings.Join(evaluations, ", ")), task.Text, evaluations)
	}
	return diag.At(e.Span(), diag.UnsupportedByFlink, "%s is checked and cannot be run", name).
		WithHint("compare the output of ML_PREDICT with the label: AVG(ABS(prediction - label))")
}
