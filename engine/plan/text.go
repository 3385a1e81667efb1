package plan

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

func join(s []string) string { return strings.Join(s, ", ") }

func names(s types.Schema) string { return join(s.Names()) }

func cols(c []int, s types.Schema) string {
	out := make([]string, len(c))
	for i, x := range c {
		out[i] = s[x].Name
	}
	return join(out)
}

func colsTight(c []int) string {
	out := make([]string, len(c))
	for i, x := range c {
		out[i] = strconv.Itoa(x)
	}
	return strings.Join(out, ",")
}

func exprText(n expr.Node, in []string) string { return expr.String(n, in) }

func exprList(nodes []expr.Node, in []string) string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = exprText(n, in)
	}
	return join(out)
}

// selectList writes expressions with their output names where these differ.
func selectList(nodes []expr.Node, in, out []string) string {
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		parts[i] = exprText(n, in)
		if i < len(out) && parts[i] != out[i] {
			parts[i] += " AS " + out[i]
		}
	}
	return join(parts)
}

func orderText(keys []SortKey, in types.Schema) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		s := in[k.Col].Name
		if k.Desc {
			s += " DESC"
		} else {
			s += " ASC"
		}
		switch {
		case k.NullsFirst && k.Desc:
			s += " NULLS FIRST"
		case !k.NullsFirst && !k.Desc:
			s += " NULLS LAST"
		}
		parts[i] = s
	}
	return join(parts)
}

func aggText(c AggCall, in types.Schema) string {
	args := "*"
	if len(c.Args) > 0 {
		args = cols(c.Args, in)
	} else if c.Func != "COUNT" {
		args = ""
	}
	if c.Distinct {
		args = "DISTINCT " + args
	}
	s := c.Func
	if c.Retract {
		s += "_RETRACT"
	}
	s += "(" + args + ")"
	if c.IgnoreNulls {
		s += " IGNORE NULLS"
	}
	if c.Filter >= 0 {
		s += " FILTER " + in[c.Filter].Name
	}
	return s
}

// groupAttrs lists group keys, then more, then the output.
func groupAttrs(keys []int, more []Attr, in types.Schema, aggs []AggCall, aggIn, out types.Schema) []Attr {
	var attrs []Attr
	var sel []string
	if len(keys) > 0 {
		attrs = append(attrs, Attr{"groupBy", "[" + cols(keys, in) + "]"})
	}
	attrs = append(attrs, more...)
	for _, k := range keys {
		sel = append(sel, in[k].Name)
	}
	for _, a := range aggs {
		sel = append(sel, aggText(a, aggIn)+" AS "+a.Name)
	}
	if out != nil {
		for _, f := range out[min(len(out), len(keys)+len(aggs)):] {
			sel = append(sel, f.Name)
		}
	}
	return append(attrs, Attr{"select", "[" + join(sel) + "]"})
}

// concatNames are the names of two schemas side by side; a name that is taken gets
// the first free number behind it.
func concatNames(left, right types.Schema) []string {
	return Unique(append(left.Names(), right.Names()...))
}

// Unique makes names different: a repeated one gets the first free number behind
// it (a, a0, a1). The slice is changed and returned.
func Unique(list []string) []string {
	used := make(map[string]bool, len(list))
	for _, n := range list {
		used[n] = true
	}
	seen := make(map[string]bool, len(list))
	for i, n := range list {
		if !seen[n] {
			seen[n] = true
			continue
		}
		for k := 0; ; k++ {
			c := n + strconv.Itoa(k)
			if !used[c] {
				list[i] = c
				used[c], seen[c] = true, true
				break
			}
		}
	}
	return list
}

func (n *Scan) fieldsText() string {
	if n.Projection == nil {
		return names(n.Schema)
	}
	var out []string
	last := -1
	for _, p := range n.Projection {
		if len(p) > 0 && p[0] != last {
			last = p[0]
			out = append(out, n.Schema[last].Name)
		}
	}
	return join(out)
}

func (n *Scan) projectText() string {
	var out []string
	for _, p := range n.Projection {
		if len(p) == 0 {
			continue
		}
		f := n.Schema[p[0]]
		s, t := f.Name, f.Type
		for _, i := range p[1:] {
			s += "." + t.Fields[i].Name
			t = t.Fields[i].Type
		}
		out = append(out, s)
	}
	return join(out)
}

func itoa(n int) string { return strconv.Itoa(n) }
