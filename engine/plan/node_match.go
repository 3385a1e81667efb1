package plan

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// MatchRefKind is what a MatchRef reads.
type MatchRefKind uint8

// The kinds.
const (
	// MatchColumn reads a column of one row of the match.
	MatchColumn MatchRefKind = iota
	// MatchAggregate aggregates over the rows of a variable.
	MatchAggregate
	// MatchRowtime is the event time at which the match comes out.
	MatchRowtime
)

// MatchRef is a value that a condition or a measure reads from the rows matched so
// far.
type MatchRef struct {
	Kind MatchRefKind
	// Var is a variable of the pattern, or MatchAllRows.
	Var int
	// First counts Offset rows from the first row of the variable, else from the last
	// one back. No such row is NULL.
	First  bool
	Offset int
	Col    int
	// Agg has its arguments among the columns of the input.
	Agg  AggCall
	Type types.Type
}

// MatchAllRows stands for all rows of the match, whatever their variable.
const MatchAllRows = -1

// MatchVar is a variable of a pattern: Min to Max rows (Max -1: any number).
type MatchVar struct {
	Name     string
	Min, Max int
	// Quantified tells {1} and the like from a plain variable.
	Quantified bool
	Greedy     bool
	// Cond is over the current row, the columns of the input, and then Refs; nil is
	// TRUE.
	Cond expr.Node
}

// MatchSkip is where matching goes on after a match.
type MatchSkip uint8

// The places.
const (
	SkipToNextRow MatchSkip = iota
	SkipPastLastRow
	SkipToFirst
	SkipToLast
)

// MatchSpec is a MATCH_RECOGNIZE.
type MatchSpec struct {
	PartitionBy []int
	// OrderBy begins with the time.
	OrderBy []SortKey
	Vars    []MatchVar
	Refs    []MatchRef
	// Measures are over Refs, which stand behind the columns of the input.
	Measures []expr.Node
	Skip     MatchSkip
	SkipVar  int
	// Within is the time in milliseconds in which a match must end; 0 for no limit.
	Within int64
}

// Exprs are the conditions and measures.
func (s *MatchSpec) Exprs() []expr.Node {
	var out []expr.Node
	for _, v := range s.Vars {
		if v.Cond != nil {
			out = append(out, v.Cond)
		}
	}
	return append(out, s.Measures...)
}

// Rewrite is the spec with each condition and measure replaced by f of it.
func (s *MatchSpec) Rewrite(f func(expr.Node) (expr.Node, error)) (MatchSpec, error) {
	m := *s
	m.Vars = append([]MatchVar(nil), s.Vars...)
	m.Measures = append([]expr.Node(nil), s.Measures...)
	var err error
	for i := range m.Vars {
		if c := m.Vars[i].Cond; c != nil {
			if m.Vars[i].Cond, err = f(c); err != nil {
				return m, err
			}
		}
	}
	for i, e := range m.Measures {
		if m.Measures[i], err = f(e); err != nil {
			return m, err
		}
	}
	return m, nil
}

// Match finds the matches of a row pattern.
//
// Output: PartitionBy, then the measures: one row a match.
type Match struct {
	Traits
	in1
	MatchSpec
	// Time says by what rows are ordered: types.Rowtime rows wait for the watermark,
	// types.Proctime rows are taken as they come; types.NotTime is batch.
	Time types.TimeAttr
}

// Name is the operator's name.
func (*Match) Name() string { return "Match" }

// Attrs lists the clauses.
func (n *Match) Attrs() []Attr {
	in := n.In.Info().Schema
	var out []Attr
	if len(n.PartitionBy) > 0 {
		out = append(out, Attr{"partitionBy", "[" + cols(n.PartitionBy, in) + "]"})
	}
	out = append(out, Attr{"orderBy", "[" + orderText(n.OrderBy, in) + "]"})
	var parts []string
	for i, e := range n.Measures {
		parts = append(parts, "FINAL("+n.text(e, in)+") AS "+n.Schema[len(n.PartitionBy)+i].Name)
	}
	if len(parts) > 0 {
		out = append(out, Attr{"measures", "[" + strings.Join(parts, ", ") + "]"})
	}
	out = append(out, Attr{"rowsPerMatch", "[ONE ROW PER MATCH]"}, Attr{"after", "[" + n.skipText() + "]"}, Attr{"pattern", "[" + n.patternText() + "]"})
	if n.Within > 0 {
		out = append(out, Attr{"within", "[" + strconv.FormatInt(n.Within, 10) + " ms]"})
	}
	parts = nil
	for _, v := range n.Vars {
		if v.Cond != nil {
			parts = append(parts, v.Name+"="+n.text(v.Cond, in))
		}
	}
	return append(out, Attr{"define", "{" + strings.Join(parts, ", ") + "}"})
}

// text writes an expression with the names of what it reads.
func (n *Match) text(e expr.Node, in types.Schema) string {
	names := in.Names()
	for _, r := range n.Refs {
		names = append(names, n.refText(r, in))
	}
	return expr.String(e, names)
}

func (s *MatchSpec) refText(r MatchRef, in types.Schema) string {
	of := "*"
	if r.Var >= 0 {
		of = s.Vars[r.Var].Name
	}
	switch r.Kind {
	case MatchRowtime:
		return "MATCH_ROWTIME()"
	case MatchAggregate:
		var args []string
		for _, a := range r.Agg.Args {
			args = append(args, of+"."+in[a].Name)
		}
		return r.Agg.Func + "(" + strings.Join(args, ", ") + ")"
	}
	word := "LAST("
	if r.First {
		word = "FIRST("
	}
	return word + of + "." + in[r.Col].Name + ", " + strconv.Itoa(r.Offset) + ")"
}

func (s *MatchSpec) skipText() string {
	switch s.Skip {
	case SkipPastLastRow:
		return "SKIP PAST LAST ROW"
	case SkipToFirst:
		return "SKIP TO FIRST " + s.Vars[s.SkipVar].Name
	case SkipToLast:
		return "SKIP TO LAST " + s.Vars[s.SkipVar].Name
	}
	return "SKIP TO NEXT ROW"
}

func (s *MatchSpec) patternText() string {
	var parts []string
	for _, v := range s.Vars {
		q := ""
		switch {
		case !v.Quantified:
		case v.Min == 0 && v.Max < 0:
			q = "*"
		case v.Min == 1 && v.Max < 0:
			q = "+"
		case v.Min == 0 && v.Max == 1:
			q = "?"
		case v.Min == v.Max:
			q = "{" + strconv.Itoa(v.Min) + "}"
		case v.Max < 0:
			q = "{" + strconv.Itoa(v.Min) + ",}"
		default:
			q = "{" + strconv.Itoa(v.Min) + "," + strconv.Itoa(v.Max) + "}"
		}
		if v.Quantified && !v.Greedy && v.Min != v.Max {
			q += "?"
		}
		parts = append(parts, v.Name+q)
	}
	return strings.Join(parts, " ")
}
