package expr

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// String writes n as plans show it: operators in brackets, functions by name,
// input columns by names[index] (or $index beyond the list).
func String(n Node, names []string) string {
	var b strings.Builder
	p := printer{&b, names}
	p.node(n)
	return b.String()
}

type printer struct {
	*strings.Builder
	names []string
}

func (p printer) node(n Node) {
	switch n := n.(type) {
	case *InputRef:
		if n.Index >= 0 && n.Index < len(p.names) {
			p.WriteString(p.names[n.Index])
		} else {
			p.WriteString("$" + strconv.Itoa(n.Index))
		}
		for i := range n.Path {
			if i < len(n.Names) {
				p.WriteString("." + n.Names[i])
			} else {
				p.WriteString("." + strconv.Itoa(n.Path[i]))
			}
		}
	case *Literal:
		p.literal(n)
	case *Call:
		p.call(n)
	case *Cast:
		if n.Try {
			p.WriteString("TRY_")
		}
		p.WriteString("CAST(")
		p.node(n.Arg)
		p.WriteString(" AS " + n.To.Nullable(true).String() + ")")
	case *Case:
		p.list("CASE(", n.kids(), ", ", ")")
	case *Coalesce:
		p.list("COALESCE(", n.Args, ", ", ")")
	case *Logic:
		if n.Or {
			p.list("(", n.Args, " OR ", ")")
		} else {
			p.list("(", n.Args, " AND ", ")")
		}
	case *Not:
		p.WriteString("NOT ")
		p.node(n.Arg)
	case *Is:
		p.node(n.Arg)
		p.WriteString(" IS ")
		if n.Negated {
			p.WriteString("NOT ")
		}
		p.WriteString([...]string{"NULL", "TRUE", "FALSE"}[n.What])
	case *Compare:
		p.list("(", []Node{n.L, n.R}, " "+n.Op.String()+" ", ")")
	case *In:
		p.node(n.Arg)
		if n.Negated {
			p.WriteString(" NOT")
		}
		p.list(" IN (", n.List, ", ", ")")
	case *Field:
		p.node(n.Arg)
		p.WriteString("." + n.Arg.Type().Fields[n.Index].Name)
	case *Item:
		p.node(n.Arg)
		p.WriteString("[")
		p.node(n.Key)
		p.WriteString("]")
	case *Make:
		p.make(n)
	}
}

func (p printer) list(open string, nodes []Node, sep, end string) {
	p.WriteString(open)
	for i, k := range nodes {
		if i > 0 {
			p.WriteString(sep)
		}
		p.node(k)
	}
	p.WriteString(end)
}

// call writes operators between their operands and functions before them.
func (p printer) call(n *Call) {
	name := n.Func.Name
	switch {
	case name == "NEG" && len(n.Args) == 1:
		p.WriteString("-")
		p.node(n.Args[0])
	case n.Func.Category == function.Operators && len(n.Args) == 2:
		p.list("(", n.Args, " "+name+" ", ")")
	default:
		p.list(name+"(", n.Args, ", ", ")")
	}
}

func (p printer) make(n *Make) {
	switch n.T.Kind {
	case types.Array:
		p.list("ARRAY(", n.Args, ", ", ")")
	case types.Map:
		p.list("MAP(", n.Args, ", ", ")")
	default:
		p.list("ROW(", n.Args, ", ", ")")
	}
}

func (p printer) literal(n *Literal) {
	t := n.Col.Type
	if n.Col.IsNull(0) {
		p.WriteString("null:" + t.Nullable(true).String())
		return
	}
	text := string(kernel.AppendText(nil, n.Col, 0, nil))
	switch {
	case t.IsString():
		p.WriteString("'" + strings.ReplaceAll(text, "'", "''") + "'")
	case t.IsBinary():
		p.WriteString("x'" + hex.EncodeToString([]byte(text)) + "'")
	case t.Kind == types.Boolean:
		p.WriteString(strings.ToLower(text))
	case t.Kind == types.IntervalDT:
		p.WriteString(strconv.FormatInt(n.Col.I64[0], 10) + ":" + t.Nullable(true).String())
	case t.Kind == types.IntervalYM:
		p.WriteString(strconv.Itoa(int(n.Col.I32[0])) + ":" + t.Nullable(true).String())
	default:
		p.WriteString(text)
	}
}
