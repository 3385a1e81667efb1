// Package advise looks at a planned statement and says what will hurt later:
// state that grows for ever, windows that never close, answers that differ from run
// to run.
//
// A rule is one file and one line in Rules. It looks at the finished plan, at the
// statement's tree, or at both, and reports findings with a place in the text. A rule
// that is silent promises nothing; one that speaks says what happens, and its hint
// is what to write instead. Every rule carries a script that gives it and the same
// script mended, and a test runs both.
//
// The setting 'mink.advice' turns rules off or makes them errors; see Levels. advise
// never changes a plan. It stands above optimize because it needs what is known only
// when a plan is finished: keys, change kinds, distributions, state.
//
// Begin with Rule, then Run; rules.go lists the rules.
package advise

import (
	"cmp"
	"slices"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
)

// Rule is one kind of advice.
type Rule struct {
	// Info documents the rule; its code names it in 'mink.advice' and for
	// `mink explain`. Example gives the advice, Better does not.
	diag.CodeInfo
	// Warns: what is found makes results wrong or late, so it is said when the
	// statement runs too, and not only when it is checked or explained.
	Warns bool
	check func(p *pass)
}

// Statement is what advice is asked about.
type Statement struct {
	// Tree is the statement as parsed, nil when it is not at hand; Bound and Plan are
	// what became of it.
	Tree    ast.Statement
	Bound   bind.Bound
	Plan    *plan.Physical
	Session *catalog.Session
	// Late tells what came late from a table in jobs of the session that ran before;
	// nil when nothing is known.
	Late func(table catalog.Path) (rows, mostMillis int64)
}

// Run asks all rules and returns what they find in the order of the text. What
// 'mink.advice' denies is marked so. The error is a bad value of that setting.
func Run(s Statement) ([]plan.Advice, error) {
	levels, err := ParseLevels(s.Session.Config.Get("mink.advice"))
	if err != nil {
		return nil, err
	}
	var out []plan.Advice
	for _, r := range Rules() {
		level := levels.Of(r.Code)
		if level == Off {
			continue
		}
		p := &pass{Statement: s, code: r.Code}
		r.check(p)
		for _, a := range p.found {
			a.Warns, a.Denied = r.Warns, level == Deny
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b plan.Advice) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Span.End, b.Span.End))
	})
	return out, nil
}

// pass is one rule at work on one statement.
type pass struct {
	Statement
	code  diag.Code
	found []plan.Advice
}

// report adds a finding about a node of the plan, at the node's place.
func (p *pass) report(n plan.Node, format string, args ...any) *diag.Error {
	return p.reportAt(n, n.Info().Span, format, args...)
}

// reportAt adds a finding at a place; n may be nil. Findings of one rule at one place
// are said once.
func (p *pass) reportAt(n plan.Node, at diag.Span, format string, args ...any) *diag.Error {
	e := diag.At(at, p.code, format, args...)
	for _, a := range p.found {
		if a.Span == at && a.Msg == e.Msg {
			return e
		}
	}
	p.found = append(p.found, plan.Advice{Error: e, Node: n})
	return e
}
