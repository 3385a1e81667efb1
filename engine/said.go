package engine

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/trace"
)

// said is what functions in other languages said of themselves, which goes on tapes: where
// one is replayed their code need not be there.
type said struct {
	mu   sync.Mutex
	list []trace.Function
}

// describe asks a runtime what a function is, or the tape that is replayed.
func (e *Engine) describe(r function.Runtime, d *function.Definition) (*function.Declared, error) {
	language := r.Language()
	is := func(f trace.Function) bool { return f.Language == language && f.Identifier == d.Identifier }
	if t, ok := r.(function.ToldRuntime); ok && e.cfg.Replay != nil {
		list := e.cfg.Replay.Manifest.Functions
		if i := slices.IndexFunc(list, is); i >= 0 {
			out := &function.Declared{}
			if err := json.Unmarshal(list[i].Said, out); err == nil {
				t.Tell(d, out)
				return out, nil
			}
		}
	}
	out, err := r.Describe(d)
	if err != nil || e.rec == nil && e.cfg.Tapes == nil {
		return out, err
	}
	text, err := json.Marshal(out)
	if err != nil {
		return out, nil // the tape will ask the code
	}
	e.said.mu.Lock()
	at := slices.IndexFunc(e.said.list, is)
	fresh := at < 0
	if fresh {
		e.said.list = append(e.said.list, trace.Function{Language: language, Identifier: d.Identifier, Said: text})
	} else if string(e.said.list[at].Said) != string(text) {
		e.said.list[at].Said, fresh = text, true
	}
	all := slices.Clone(e.said.list)
	e.said.mu.Unlock()
	if fresh && e.rec != nil {
		e.rec.failed(e.rec.To.Edit(func(m *trace.Manifest) { m.Functions = all }))
	}
	return out, nil
}

// saidOf are those that a script names.
func (e *Engine) saidOf(script []trace.Statement) []trace.Function {
	e.said.mu.Lock()
	defer e.said.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(e.said.list), func(f trace.Function) bool {
		return !slices.ContainsFunc(script, func(s trace.Statement) bool { return strings.Contains(s.Text, f.Identifier) })
	})
}
