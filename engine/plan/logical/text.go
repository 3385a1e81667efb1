package logical

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
)

// String draws the tree in the layout of Flink's abstract syntax trees.
func String(n Node) string {
	var b strings.Builder
	draw(&b, n, "", "")
	return b.String()
}

func draw(b *strings.Builder, n Node, first, rest string) {
	b.WriteString(first + line(n) + "\n")
	in := n.Inputs()
	for i, k := range in {
		if i == len(in)-1 {
			draw(b, k, rest+"+- ", rest+"   ")
		} else {
			draw(b, k, rest+":- ", rest+":  ")
		}
	}
}

func line(n Node) string {
	switch n := n.(type) {
	case *Scan:
		p := n.Table.Path
		return "LogicalTableScan(table=[[" + p.Catalog + ", " + p.Database + ", " + p.Object + "]])"
	case *Values:
		var rows []string
		for _, r := range n.Rows {
			rows = append(rows, "{ "+list(r)+" }")
		}
		return "LogicalValues(tuples=[[" + strings.Join(rows, ", ") + "]])"
	case *Filter:
		return "LogicalFilter(condition=[" + text(n.Cond) + "])"
	case *Project:
		var parts []string
		for i, e := range n.Exprs {
			parts = append(parts, n.out[i].Name+"=["+text(e)+"]")
		}
		return "LogicalProject(" + strings.Join(parts, ", ") + ")"
	case *Join:
		c := "true"
		if n.Cond != nil {
			c = text(n.Cond)
		}
		s := "LogicalJoin(condition=[" + c + "], joinType=[" + joinWord(n.Type) + "]"
		if len(n.Ways) > 0 {
			s += ", joinHints=[[[" + strings.Join(n.Ways, "][") + "]]]"
		}
		return s + ")"
	case *Snapshot:
		return "LogicalSnapshot(period=[" + text(n.Time) + "])"
	case *LateralSnapshot:
		return "LogicalTableFunctionScan(invocation=[SNAPSHOT(" + n.Args() + ")])"
	case *Apply:
		k := [...]string{"semi", "anti", "scalar", "mark", "inner", "left"}[n.Kind]
		c := "true"
		if n.Cond != nil {
			c = text(n.Cond)
		}
		return "LogicalCorrelate(kind=[" + k + "], condition=[" + c + "])"
	case *Correlate:
		kind := map[bool]string{true: "left", false: "inner"}[n.Left]
		cond := ""
		if n.Cond != nil {
			cond = ", condition=[" + text(n.Cond) + "]"
		}
		return "LogicalCorrelate(invocation=[" + n.Call(nil) + "], joinType=[" + kind + "]" + cond + ")"
	case *Predict:
		return "LogicalTableFunctionScan(invocation=[" + n.Call(nil) + "])"
	case *ToChangelog:
		return "LogicalTableFunctionScan(invocation=[TO_CHANGELOG(op=" + n.Op + ")], uid=[" + n.UID + "])"
	case *FromChangelog:
		return "LogicalTableFunctionScan(invocation=[FROM_CHANGELOG(op=$" + strconv.Itoa(n.Op) + ")], uid=[" + n.UID + "])"
	case *Process:
		return "LogicalTableFunctionScan(invocation=[" + n.Call + "], uid=[" + n.UID + "])"
	case *Aggregate:
		var parts []string
		for _, a := range n.Aggs {
			parts = append(parts, a.Name+"=["+call(a)+"]")
		}
		s := "LogicalAggregate(group=[{" + ints(n.Keys) + "}]"
		if n.Window != nil {
			s += ", window=[" + n.Window.Kind.String() + "($" + strconv.Itoa(n.Window.TimeCol) + ")]"
		}
		if len(parts) > 0 {
			s += ", " + strings.Join(parts, ", ")
		}
		return s + ")"
	case *Window:
		return "LogicalTableFunctionScan(invocation=[" + n.Spec.Kind.String() + "(DESCRIPTOR($" + strconv.Itoa(n.Spec.TimeCol) + "), " +
			strconv.FormatInt(n.Spec.Size, 10) + " ms)])"
	case *Over:
		var parts []string
		for _, a := range n.Calls {
			parts = append(parts, a.Name+"=["+call(a)+"]")
		}
		return "LogicalWindow(partition=[{" + ints(n.PartitionBy) + "}], order=[" + order(n.OrderBy) + "], " + strings.Join(parts, ", ") + ")"
	case *Rank:
		return "LogicalRank(partition=[{" + ints(n.PartitionBy) + "}], order=[" + order(n.OrderBy) + "], range=[" +
			strconv.FormatInt(n.From, 10) + ", " + strconv.FormatInt(n.To, 10) + "])"
	case *Match:
		return n.line()
	case *Expand:
		return n.line()
	case *Union:
		return "LogicalUnion(all=[true])"
	case *Sort:
		var parts []string
		if len(n.Keys) > 0 {
			parts = append(parts, "sort=["+order(n.Keys)+"]")
		}
		if n.Offset > 0 {
			parts = append(parts, "offset=["+strconv.FormatInt(n.Offset, 10)+"]")
		}
		if n.Fetch != plan.NoLimit {
			parts = append(parts, "fetch=["+strconv.FormatInt(n.Fetch, 10)+"]")
		}
		return "LogicalSort(" + strings.Join(parts, ", ") + ")"
	}
	return "?"
}

func joinWord(t plan.JoinType) string {
	return [...]string{"inner", "left", "right", "full", "semi", "anti"}[t]
}

func call(a plan.AggCall) string {
	s := a.Func + "("
	if a.Distinct {
		s += "DISTINCT "
	}
	for i, c := range a.Args {
		if i > 0 {
			s += ", "
		}
		s += "$" + strconv.Itoa(c)
	}
	s += ")"
	if a.Filter >= 0 {
		s += " FILTER $" + strconv.Itoa(a.Filter)
	}
	return s
}

func order(keys []plan.SortKey) string {
	var parts []string
	for _, k := range keys {
		d := " ASC"
		if k.Desc {
			d = " DESC"
		}
		if k.NullsFirst == k.Desc {
			d += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[k.NullsFirst]
		}
		parts = append(parts, "$"+strconv.Itoa(k.Col)+d)
	}
	return strings.Join(parts, ", ")
}

func ints(l []int) string {
	s := make([]string, len(l))
	for i, x := range l {
		s[i] = strconv.Itoa(x)
	}
	return strings.Join(s, ", ")
}

func list(l []expr.Node) string {
	s := make([]string, len(l))
	for i, x := range l {
		s[i] = text(x)
	}
	return strings.Join(s, ", ")
}

// text writes an expression; references to an outer query are $cor0.$n.
func text(n expr.Node) string {
	s := expr.String(outerless(n), nil)
	return s
}

// outerless lowers references to outer rows to a readable form.
func outerless(n expr.Node) expr.Node {
	if !HasOuter(n) {
		return n
	}
	return expr.Replace(n, func(n expr.Node) (expr.Node, bool) {
		r, ok := n.(*expr.InputRef)
		if !ok || r.Index < Outer {
			return nil, false
		}
		level, col := OuterLevel(r.Index)
		c := *r
		c.Index = 0
		c.Path = []int{0}
		c.Names = []string{"outer" + strconv.Itoa(level) + ".$" + strconv.Itoa(col)}
		return &c, true
	})
}
