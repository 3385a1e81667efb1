package bind

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

// Compile is COMPILE PLAN, and with Run COMPILE AND EXECUTE PLAN.
type Compile struct {
	// Of is an *Insert or *Inserts, Texts the INSERT statements as written.
	Of          Bound
	Texts       []string
	File        string
	IfNotExists bool
	Run         bool
	// At is the place of the file's name.
	At diag.Span
}

// RunPlan is EXECUTE PLAN.
type RunPlan struct {
	File string
	At   diag.Span
}

func (*Compile) bound() {}
func (*RunPlan) bound() {}

func (b *Binder) compile(s *ast.CompilePlan) (Bound, error) {
	of, err := b.Statement(s.Statement)
	if err != nil {
		return nil, err
	}
	c := &Compile{Of: of, File: s.File.Value, IfNotExists: s.IfNotExists || s.Execute, Run: s.Execute, At: s.File.Span}
	text := func(at diag.Span) string { return b.Text[at.Start:at.End] }
	switch i := s.Statement.(type) {
	case *ast.StatementSet:
		for _, i := range i.Inserts {
			c.Texts = append(c.Texts, text(i.Span()))
		}
	default:
		c.Texts = []string{text(i.Span())}
	}
	return c, nil
}
