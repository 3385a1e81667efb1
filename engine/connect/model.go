package connect

import (
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// ModelProvider is a kind of model, named by the option 'provider'.
type ModelProvider struct {
	Name    string
	Summary string
	Options []Option
	// Predict validates the model's options and plans its use in ML_PREDICT. It touches
	// nothing outside. nil where the model cannot be used so.
	Predict func(m *Model) (Prediction, error)
}

// Model is a model of a catalog as its provider sees it.
type Model struct {
	Name    string // `catalog`.`database`.`model`, for messages
	Input   types.Schema
	Output  types.Schema
	Options Options
	Deps    Deps
}

// Prediction plans calls of a model.
type Prediction interface {
	// Modes says how the model may be called: within a step, which waits for the
	// answer, and outside of steps, where several calls are under way at once.
	Modes() (sync, async bool)
	// Open makes what asks for one operator. Connections are made by the first call, since
	// a run that is repeated makes none.
	Open(c PredictorCtx) (Predictor, error)
}

// PredictorCtx is what a Predictor gets from its operator.
type PredictorCtx struct {
	Subtask, Parallelism int
	// Timeout is how long a call may take, attempts that are repeated included. A call
	// outside of a step is given up by the operator then; one within a step ends itself.
	Timeout time.Duration
}

// Predictor asks a model about rows.
type Predictor interface {
	// Predict asks about the rows of in, dense columns as Model.Input has them, which
	// are read-only. It appends the answers to out, dense columns as Model.Output has
	// them, and returns for each the row it belongs to, in their order. A row may have
	// no answer, one or several. What may pass is tried again here; an error fails the
	// job. Calls outside of steps come from several goroutines at once.
	Predict(in, out *batch.Batch) (lanes []uint16, err error)
	// Close is called once; calls may still be under way.
	Close() error
}

// flinkProviders are the providers that Flink has and mink does not.
var flinkProviders = []string{"openai", "triton"}

// FlinkProviders are the names of providers that Flink has and mink does not.
func FlinkProviders() []string { return slices.Clone(flinkProviders) }

// PickProvider returns the provider that a model's option 'provider' names, once all
// its options are known and have values of their types.
func PickProvider(list []*ModelProvider, o Options) (*ModelProvider, error) {
	name, ok := o["provider"]
	if !ok {
		return nil, Missing("provider", "a model needs to say who answers for it")
	}
	i := slices.IndexFunc(list, func(p *ModelProvider) bool { return strings.EqualFold(p.Name, name) })
	if i < 0 {
		if len(list) == 0 && !slices.Contains(flinkProviders, name) {
			return nil, keyed("provider", diag.New(diag.InvalidOption, "no model provider '%s'; there is none in this binary", name))
		}
		var names []string
		for _, p := range list {
			names = append(names, p.Name)
		}
		return nil, unknownName("provider", "model provider", name, names, flinkProviders)
	}
	p := list[i]
	for _, k := range o.Keys() {
		if k == "provider" {
			continue
		}
		d := find(p.Options, k)
		if d == nil {
			var keys []string
			for _, d := range p.Options {
				keys = append(keys, d.Key)
			}
			e := keyed(k, diag.New(diag.UnknownOption, "model provider '%s' has no option '%s'; options are: %s", p.Name, k, strings.Join(keys, ", ")))
			if s := diag.Suggest(k, keys); s != "" {
				e = e.WithHint("did you mean '%s'", s)
			}
			return nil, e
		}
		if err := checkOption(*d, k, o[k]); err != nil {
			return nil, err
		}
	}
	for _, d := range p.Options {
		if d.Required && !o.Has(d.Key) {
			return nil, keyed(d.Key, Missing(d.Key, "model provider '"+p.Name+"' needs it"))
		}
	}
	return p, nil
}
