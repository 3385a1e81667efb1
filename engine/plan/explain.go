package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/connect"
)

// Explain writes a plan in Flink's sections. Details are CHANGELOG_MODE (each
// operator's change kinds), PLAN_ADVICE, ESTIMATED_COST and JSON_EXECUTION_PLAN.
func Explain(p *Physical, details ...string) string {
	var b strings.Builder
	b.WriteString("== Abstract Syntax Tree ==\n" + strings.TrimRight(p.Logical, "\n") + "\n\n")
	advice := slices.Contains(details, "PLAN_ADVICE")
	if advice {
		b.WriteString("== Optimized Physical Plan With Advice ==\n")
	} else {
		b.WriteString("== Optimized Physical Plan ==\n")
	}
	d := drawing{b: &b, changes: slices.Contains(details, "CHANGELOG_MODE")}
	if slices.Contains(details, "ESTIMATED_COST") {
		d.cost = Estimate(p)
	}
	if advice {
		d.advice = map[Node][]string{}
		for i, a := range p.Advice {
			if a.Node != nil {
				d.advice[a.Node] = append(d.advice[a.Node], strconv.Itoa(i+1))
			}
		}
	}
	for _, r := range p.Roots {
		d.draw(shown(r), "", "")
		b.WriteByte('\n')
	}
	if advice {
		writeAdvice(&b, p)
	}
	d.advice = nil
	b.WriteString("== Optimized Execution Plan ==\n")
	reuse := reused(p)
	d.reuse, d.drawn, d.cost = reuse, map[Node]bool{}, nil
	for _, r := range p.Roots {
		d.draw(shown(r), "", "")
		b.WriteByte('\n')
	}
	if slices.Contains(details, "JSON_EXECUTION_PLAN") {
		b.WriteString("== Physical Execution Plan ==\n" + JSON(p) + "\n")
	}
	if !advice && len(p.Advice) > 0 {
		b.WriteString("== Advice ==\n")
		for _, a := range p.Advice {
			b.WriteString(a.Text + "\n")
		}
	}
	return b.String()
}

// shown is the top of a plan as Flink shows it: a query has no sink.
func shown(r Node) Node {
	c, ok := r.(*Collect)
	if !ok {
		return r
	}
	if x, ok := c.In.(*Exchange); ok {
		return x.In
	}
	return c.In
}

// Tree draws the plan alone, with change kinds, shared parts once, and what mink
// adds to Flink's view: labels and fold mode. Text tests and the debugger use it.
func Tree(p *Physical) string {
	var b strings.Builder
	d := drawing{b: &b, changes: true, labels: true, reuse: reused(p), drawn: map[Node]bool{}}
	for _, r := range p.Roots {
		d.draw(r, "", "")
	}
	return b.String()
}

// reused numbers the nodes that have several readers, in the order they are drawn.
func reused(p *Physical) map[Node]int {
	readers := map[Node]int{}
	for _, n := range p.Nodes {
		for _, in := range n.Inputs() {
			readers[in]++
		}
	}
	out := map[Node]int{}
	var walk func(n Node)
	seen := map[Node]bool{}
	walk = func(n Node) {
		if readers[n] > 1 && out[n] == 0 {
			out[n] = len(out) + 1
		}
		if seen[n] {
			return
		}
		seen[n] = true
		for _, in := range n.Inputs() {
			walk(in)
		}
	}
	for _, r := range p.Roots {
		walk(r)
	}
	return out
}

type drawing struct {
	b               *strings.Builder
	changes, labels bool
	// advice are the numbers of the findings about a node.
	advice map[Node][]string
	reuse  map[Node]int
	drawn  map[Node]bool
	cost   map[Node]Cost // nil: not shown
}

func (d *drawing) draw(n Node, first, rest string) {
	if id := d.reuse[n]; id > 0 {
		if d.drawn[n] {
			d.b.WriteString(first + "Reused(reference_id=[" + strconv.Itoa(id) + "])\n")
			return
		}
		d.drawn[n] = true
	}
	d.b.WriteString(first + d.line(n) + "\n")
	in := n.Inputs()
	for i, k := range in {
		if i == len(in)-1 {
			d.draw(k, rest+"+- ", rest+"   ")
		} else {
			d.draw(k, rest+":- ", rest+":  ")
		}
	}
}

func (d *drawing) line(n Node) string {
	var parts []string
	if a := d.advice[n]; a != nil {
		parts = append(parts, "advice=["+strings.Join(a, ", ")+"]")
	}
	for _, a := range n.Attrs() {
		v := a.Value
		if !strings.HasPrefix(v, "[") {
			v = "[" + v + "]"
		}
		parts = append(parts, a.Key+"="+v)
	}
	t := n.Info()
	if d.changes {
		switch n.(type) {
		case *Sink, *Collect:
			parts = append(parts, "changelogMode=[NONE]")
		default:
			parts = append(parts, "changelogMode=["+ChangesText(t.Emits)+"]")
		}
	}
	if d.labels {
		if t.KeyDeletes {
			parts = append(parts, "deletes=[by key]")
		}
		for _, l := range t.Labels {
			parts = append(parts, l.Kind.String()+"=["+l.Reason+"]")
		}
	}
	s := n.Name() + "(" + strings.Join(parts, ", ") + ")"
	if id := d.reuse[n]; id > 0 {
		s += "(reuse_id=[" + strconv.Itoa(id) + "])"
	}
	if c, ok := d.cost[n]; ok {
		s += ": " + c.String()
	}
	return s
}

// ChangesText is a set of change kinds as plans write it: I,UB,UA,D.
func ChangesText(c connect.Changes) string {
	var out []string
	for _, k := range []struct {
		bit  connect.Changes
		name string
	}{{connect.HasInsert, "I"}, {connect.HasUpdateBefore, "UB"}, {connect.HasUpdateAfter, "UA"}, {connect.HasDelete, "D"}} {
		if c&k.bit != 0 {
			out = append(out, k.name)
		}
	}
	return strings.Join(out, ",")
}

// writeAdvice lists findings as Flink does, and below each its place and way out.
func writeAdvice(b *strings.Builder, p *Physical) {
	for i, a := range p.Advice {
		word := "ADVICE"
		if a.Warns {
			word = "WARNING"
		}
		b.WriteString("advice[" + strconv.Itoa(i+1) + "]: [" + word + "] " + a.Msg + ".\n")
		for line := range strings.SplitSeq(a.Text, "\n") {
			b.WriteString("  " + line + "\n")
		}
	}
	if len(p.Advice) == 0 {
		b.WriteString("No available advice...\n")
	}
	b.WriteByte('\n')
}

// Verdict says in words how far the plan's answer is fixed, naming the operators:
// "deterministic", or "order-dependent: Limit[3]: ...".
func Verdict(p *Physical) string {
	worst := p.Label()
	if worst == Deterministic {
		return worst.String()
	}
	var parts []string
	for _, n := range p.Nodes {
		for _, l := range n.Info().Labels {
			if l.Kind == worst {
				parts = append(parts, n.Name()+"["+strconv.Itoa(n.Info().ID)+"]: "+l.Reason)
			}
		}
	}
	return worst.String() + ": " + strings.Join(parts, "; ")
}
