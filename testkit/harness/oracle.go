package harness

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// oracle runs the same SQL in batch mode over the rows that the case gives, and compares
// the tables at the end. It reports whether the case has failed by it.
func (k *checker) oracle(t *taken) (bool, error) {
	f, err := k.asBatch(k.c, t)
	if err != nil || f == nil {
		return false, err
	}
	k.verdict.Failures = []*Failure{f}
	if !k.plan.NoShrink {
		f.Small = k.shrink(f)
	}
	return true, nil
}

// asBatch gives a failure where the batch answer of a case is not that of a run.
func (k *checker) asBatch(c *Case, t *taken) (*Failure, error) {
	w, err := k.world(shape{parallelism: 1, batch: true})
	if err != nil {
		return nil, err
	}
	only := *c
	only.Steps = nil
	for _, s := range c.Steps {
		if _, ok := s.(*Give); ok {
			only.Steps = append(only.Steps, s)
		}
	}
	b, err := k.run(w, &only, plain)
	if err != nil {
		return nil, err
	}
	if f := first(b); f != nil {
		return f, nil
	}
	have, want := t.tables[len(t.tables)-1], b.tables[len(b.tables)-1]
	if slices.Equal(have, want) {
		return nil, nil
	}
	m := &Mismatch{Step: t.at[len(t.at)-1], Message: "another answer than in batch mode over the same rows", Want: want, Have: have}
	switch {
	case t.late > 0:
		m.Hint = "rows were late, and batch mode knows no lateness"
	case slices.ContainsFunc(w.inlets, func(in *inlet) bool { return !in.endsIn(c.Steps) }):
		m.Hint = "not all tables have ended, so that windows may hold rows back: put @end behind the last input"
	}
	return &Failure{Mismatch: m, Schedule: plain}, nil
}

// endsIn tells whether a table ends in a case. In batch mode every table is bounded, so
// what it is in production does not show here.
func (in *inlet) endsIn(steps []Step) bool {
	return slices.ContainsFunc(steps, func(s Step) bool {
		end, ok := s.(*End)
		return ok && (end.Table == "" || matches(in.path, end.Table))
	})
}

func contains(e *diag.Error, text string) bool {
	return strings.Contains(strings.ToLower(e.Error()), strings.ToLower(text))
}
