package debugger

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/flow"
	state "github.com/minkstream/mink/engine/state"
)

// Keeps says what of an operator's state a changed job would keep.
type Keeps string

// What becomes of state.
const (
	KeepsAll  Keeps = "kept"    // every entry, and it means what it did
	KeepsPart Keeps = "partial" // some structures or entries, or it means something else now
	KeepsNone Keeps = "lost"    // nothing
	KeepsNew  Keeps = "new"     // the operator had no state before
)

// Mapping is the operators of a changed job with those whose state they go on from.
type Mapping struct {
	Operators []Mapped `json:"operators"`

	of, names map[string]string
}

// Mapped is an operator that keeps state, of the changed job or, if it is lost, of the
// old one.
type Mapped struct {
	// Operator of the changed job, From that of the old one; "" for none.
	Operator string `json:"operator"`
	From     string `json:"from"`
	State    Keeps  `json:"state"`
	// Had is how many entries there were, Has how many were restored.
	Had int64 `json:"had"`
	Has int64 `json:"has"`
	// Why it is not kept whole.
	Why string `json:"why,omitempty"`

	uid     string
	renamed []string // structures
}

// meaning is what an operator does, in words that two plans have in common.
func meaning(o *Operator) string {
	var parts []string
	for _, a := range o.Node.Attrs() {
		parts = append(parts, a.Key+"="+a.Value)
	}
	return strings.Join(parts, ", ")
}

// structuresOf are an operator's structures that hold what people mean by state.
func structuresOf(list []state.Description) (out []state.Description) {
	for _, d := range list {
		if d.Kind != "value" && d.Kind != "counters" {
			out = append(out, d)
		}
	}
	return out
}

// shapes says what of two lists of structures is alike: by the name behind the
// operator's, kind and shape.
func shapes(old, now []state.Description) (same [][2]string, all bool) {
	short := func(d state.Description) string {
		_, name, _ := strings.Cut(d.Name, ".")
		return name
	}
	for _, n := range now {
		for _, o := range old {
			if short(o) == short(n) && o.Kind == n.Kind && o.Shape == n.Shape {
				same = append(same, [2]string{n.Name, o.Name})
			}
		}
	}
	return same, len(same) == len(old) && len(same) == len(now)
}

// mapping finds for each operator of a job the one of the old job whose state it goes on
// from. Operators come in the order of their plans, so the longest rows of pairs in order
// are taken: first those that do the same, then those whose state has the same form.
func (f *Fork) mapping(b *base, p *planned) (*Mapping, error) {
	m := &Mapping{of: map[string]string{}, names: map[string]string{}}
	old := f.j.Operators
	probe, err := f.j.Tape.Branch(b.saved, flow.Branching{Graph: p.graph, Splits: noSplits})
	if err != nil {
		return nil, err
	}
	now := map[string][]state.Description{}
	for _, d := range probe.Structures() {
		now[flow.OwnerOf(d.Name)] = append(now[flow.OwnerOf(d.Name)], d)
	}
	probe.Close()
	score := func(a, c *Operator) int {
		x, y := structuresOf(b.saved.Structures[a.uid]), structuresOf(now[c.uid])
		same, all := shapes(x, y)
		switch {
		case a.Node.Name() != c.Node.Name() || a.source != c.source || a.sink != c.sink:
			return 0
		case a.source || a.sink:
			if a.Table == c.Table {
				return 100
			}
			return 0
		case meaning(a) == meaning(c) && all:
			return 100
		case all && len(same) > 0:
			return 50
		case len(same) > 0:
			return 10
		case len(x) > 0 && len(y) > 0:
			return 2 // of the same kind, so one took the other's place
		case len(x) == 0 && len(y) == 0:
			return 1
		}
		return 0
	}
	// The best pairs in order.
	best := make([][]int, len(old)+1)
	for i := range best {
		best[i] = make([]int, len(p.ops)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for k := len(p.ops) - 1; k >= 0; k-- {
			best[i][k] = max(best[i+1][k], best[i][k+1])
			if s := score(old[i], p.ops[k]); s > 0 {
				best[i][k] = max(best[i][k], best[i+1][k+1]+s)
			}
		}
	}
	pair := map[*Operator]*Operator{}
	for i, k := 0, 0; i < len(old) && k < len(p.ops); {
		s := score(old[i], p.ops[k])
		switch {
		case s > 0 && best[i][k] == best[i+1][k+1]+s:
			pair[p.ops[k]] = old[i]
			i, k = i+1, k+1
		case best[i][k] == best[i+1][k]:
			i++
		default:
			k++
		}
	}
	taken := map[*Operator]bool{}
	for _, o := range p.ops {
		was := pair[o]
		list := structuresOf(now[o.uid])
		if was == nil {
			if len(list) > 0 {
				m.Operators = append(m.Operators, Mapped{Operator: o.Name, State: KeepsNew, Why: "no operator of the old job is like it", uid: o.uid})
			}
			continue
		}
		taken[was] = true
		m.of[o.uid] = was.uid
		m.guards(p.graph, f.j.Tape.Graph(), o.uid, was.uid)
		had := b.saved.Structures[was.uid]
		same, all := shapes(had, now[o.uid])
		counted, _ := shapes(structuresOf(had), list)
		x := Mapped{Operator: o.Name, From: was.Name, uid: o.uid}
		for _, s := range same {
			m.names[s[0]] = s[1]
		}
		for _, s := range counted {
			x.renamed = append(x.renamed, s[0])
		}
		for _, d := range structuresOf(had) {
			x.Had += d.Entries
		}
		if len(structuresOf(had)) == 0 && len(list) == 0 {
			continue
		}
		switch {
		case len(counted) == 0:
			x.Why = "its state has another form: " + forms(had) + " was, " + forms(now[o.uid]) + " is"
		case !all:
			x.Why = "a part of its state has another form: " + forms(had) + " was, " + forms(now[o.uid]) + " is"
		case meaning(was) != meaning(o):
			x.Why = differs(was, o)
		}
		m.Operators = append(m.Operators, x)
	}
	for _, o := range old {
		list := structuresOf(b.saved.Structures[o.uid])
		if taken[o] || len(list) == 0 {
			continue
		}
		x := Mapped{From: o.Name, State: KeepsNone, Why: "no operator of the new job goes on from it"}
		for _, d := range list {
			x.Had += d.Entries
		}
		m.Operators = append(m.Operators, x)
	}
	return m, nil
}

// guards pairs what stands before a sink with what stood there.
func (m *Mapping) guards(now, old *flow.Graph, uid, was string) {
	for _, v := range now.Vertices {
		if v.UID == uid {
			m.of[v.UID] = was
		}
		for i := range v.Nodes {
			if rest, ok := strings.CutPrefix(v.Nodes[i].UID, uid+"/"); ok {
				m.of[v.Nodes[i].UID] = was + "/" + rest
			}
		}
	}
}

func forms(list []state.Description) string {
	var out []string
	for _, d := range structuresOf(list) {
		out = append(out, d.Kind+" "+d.Shape)
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, " and ")
}

// differs says in which properties two operators differ.
func differs(was, now *Operator) string {
	old := map[string]string{}
	for _, a := range was.Node.Attrs() {
		old[a.Key] = a.Value
	}
	var out []string
	for _, a := range now.Node.Attrs() {
		if old[a.Key] != a.Value {
			out = append(out, a.Key+" was "+old[a.Key]+" and is "+a.Value)
		}
		delete(old, a.Key)
	}
	for _, k := range sortedKeys(old) {
		out = append(out, k+" was "+old[k])
	}
	slices.Sort(out)
	return "what is kept was computed otherwise: " + strings.Join(out, "; ")
}

// found takes what the structures hold once they were restored.
func (m *Mapping) found(list []state.Description) {
	for i := range m.Operators {
		x := &m.Operators[i]
		if x.State != "" {
			continue
		}
		for _, d := range structuresOf(list) {
			if slices.Contains(x.renamed, d.Name) {
				x.Has += d.Entries
			}
		}
		switch {
		case len(x.renamed) == 0:
			x.State = KeepsNone
		case x.Has < x.Had:
			x.State = KeepsPart
			if x.Why == "" {
				x.Why = "some of it has expired"
			}
		case x.Why != "":
			x.State = KeepsPart
		default:
			x.State = KeepsAll
		}
	}
}
