package bind

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

// hints are the hints after SELECT.
type hints struct {
	// state is STATE_TTL in milliseconds by table name or alias.
	state map[string]int64
	// lookup is LOOKUP by table name or alias.
	lookup map[string]map[string]string
	// multi are the tables of MULTI_JOIN, by name or alias.
	multi map[string]bool
	// ways are BROADCAST and its like, in order.
	ways   []wayHint
	tables []hintTable
}

// wayHint asks for a way of joining in batch: a name, and tables by name or alias.
type wayHint struct {
	name   string
	tables []string
}

type hintTable struct {
	name string
	at   diag.Span
}

var listHints = map[string]bool{"BROADCAST": true, "SHUFFLE_HASH": true, "SHUFFLE_MERGE": true, "NEST_LOOP": true, "MULTI_JOIN": true}

// parseHints reads query hints. Names are taken in any case; of two hints of one
// name the first counts.
func (b *Binder) parseHints(list []ast.Hint) (hints, error) {
	h := hints{state: map[string]int64{}, lookup: map[string]map[string]string{}}
	for _, hint := range list {
		name := strings.ToUpper(hint.Name.Name)
		switch {
		case name == "STATE_TTL":
			if len(hint.Options) == 0 {
				return h, diag.At(hint.Name.Span, diag.InvalidArgument, "STATE_TTL takes 'table' = 'duration'")
			}
			before := maps.Clone(h.state) // what an earlier hint says counts
			for _, o := range hint.Options {
				d, ok := connect.ParseDuration(o.Value.Value)
				if !ok {
					return h, diag.At(o.Value.Span, diag.InvalidOption, "STATE_TTL takes a duration such as '1d', not '%s'", o.Value.Value)
				}
				h.tables = append(h.tables, hintTable{o.Key.Value, o.Key.Span})
				if _, said := before[o.Key.Value]; !said {
					h.state[o.Key.Value] = d.Milliseconds()
				}
			}
		case name == "LOOKUP":
			m := map[string]string{}
			var table ast.String
			for _, o := range hint.Options {
				k := strings.ToLower(o.Key.Value)
				if k == "table" {
					table = o.Value
				}
				if !lookupKeys[k] {
					return h, suggest(diag.At(o.Key.Span, diag.UnknownOption, "the LOOKUP hint has no option '%s'", o.Key.Value), k, keysOf(lookupKeys))
				}
				if err := lookupValue(k, o.Value); err != nil {
					return h, err
				}
				m[k] = o.Value.Value
			}
			if err := cmp.Or(lookupRetry(m, hint.Name.Span), lookupAsync(m, hint.Name.Span)); err != nil {
				return h, err
			}
			if !table.Set {
				return h, diag.At(hint.Name.Span, diag.MissingOption, "the LOOKUP hint needs 'table' = 'name'")
			}
			h.tables = append(h.tables, hintTable{table.Value, table.Span})
			if h.lookup[table.Value] == nil {
				h.lookup[table.Value] = m
			}
		case listHints[name]:
			if name == "MULTI_JOIN" && h.multi == nil {
				h.multi = map[string]bool{}
				for _, a := range hint.Args {
					if len(a.Name) > 0 {
						h.multi[a.Name.Last()] = true
					}
				}
			}
			w := wayHint{name: name}
			for _, a := range hint.Args {
				t := hintTable{}
				switch {
				case len(a.Name) > 1:
					return h, diag.At(hint.Name.Span, diag.InvalidArgument, "%s takes names or aliases of tables, without catalog and database", name).
						WithHint("/*+ %s(%s) */", name, a.Name.Last())
				case len(a.Name) == 1:
					t = hintTable{a.Name.Last(), a.Name.Span()}
				case a.Literal != nil && a.Literal.Kind == ast.LitString:
					t = hintTable{a.Literal.Text, a.Literal.Span()}
				default:
					return h, diag.At(hint.Name.Span, diag.InvalidArgument, "%s takes names of tables", name).WithHint("/*+ %s(t) */", name)
				}
				w.tables, h.tables = append(w.tables, t.name), append(h.tables, t)
			}
			if len(w.tables) == 0 {
				return h, diag.At(hint.Name.Span, diag.InvalidArgument, "%s needs the name of a table at least", name).WithHint("/*+ %s(t) */", name)
			}
			if name != "MULTI_JOIN" {
				h.ways = append(h.ways, w)
			}
		case name == "OPTIONS":
			return h, diag.At(hint.Name.Span, diag.InvalidQuery, "the OPTIONS hint stands after a table name")
		default:
			names := append(keysOf(listHints), "STATE_TTL", "LOOKUP")
			return h, suggest(diag.At(hint.Name.Span, diag.InvalidQuery, "no hint %s", hint.Name.Name), name, names)
		}
	}
	return h, nil
}

var lookupKeys = map[string]bool{
	"table": true, "async": true, "output-mode": true, "capacity": true, "timeout": true, "retry-predicate": true,
	"retry-strategy": true, "fixed-delay": true, "max-attempts": true, "shuffle": true,
}

// ttl is the TTL of a table's state, named by its alias or its path, or -1.
func (h hints) ttl(r *relation) int64 {
	for _, name := range []string{r.alias, strings.Join(r.path, ".")} {
		if t, ok := h.state[name]; ok {
			return t
		}
	}
	return -1
}

// joinsAll reports that a MULTI_JOIN hint names all tables of both sides of a join.
func (h hints) joinsAll(sides ...*scope) bool {
	for _, s := range sides {
		for _, r := range s.rels {
			if !h.multi[r.alias] {
				return false
			}
		}
	}
	return h.multi != nil
}

// joinWays are the hints for the way of a join that name the one table of a side.
func (h hints) joinWays(sides ...*scope) []string {
	var out []string
	for _, w := range h.ways {
		var named []string
		for _, s := range sides {
			if len(s.rels) == 1 && (slices.Contains(w.tables, s.rels[0].alias) || slices.Contains(w.tables, strings.Join(s.rels[0].path, "."))) {
				named = append(named, s.rels[0].alias)
			}
		}
		if named != nil {
			out = append(out, w.name+" options:["+strings.Join(named, ", ")+"]")
		}
	}
	return out
}

// aggTTL is the TTL of a group aggregation over the tables of a FROM: that of the one
// it has, or -1. Over a join the hint is the join's.
func (h hints) aggTTL(from []*relation) int64 {
	if len(from) == 1 {
		return h.ttl(from[0])
	}
	return -1
}

// checkHints refuses hints on tables that FROM does not have.
func (x *block) checkHints() error {
	for _, t := range x.hints.tables {
		ok := false
		var names []string
		for _, r := range x.sc.rels {
			names = append(names, r.alias)
			ok = ok || r.alias == t.name || len(r.path) > 0 && strings.Join(r.path, ".") == t.name
		}
		if !ok {
			return suggest(diag.At(t.at, diag.UnknownTable, "the hint names %s, which is no table of this FROM", t.name).
				WithNote(diag.Span{}, "tables are: %s", strings.Join(names, ", ")), t.name, names)
		}
	}
	return nil
}

// tableOptions reads the hints after a table name: OPTIONS only.
func (b *Binder) tableOptions(list []ast.Hint) (connect.Options, diag.Span, error) {
	out := connect.Options{}
	var at diag.Span
	for _, h := range list {
		if !strings.EqualFold(h.Name.Name, "OPTIONS") {
			return nil, at, diag.At(h.Name.Span, diag.InvalidQuery, "only the OPTIONS hint can stand after a table name, not %s", h.Name.Name)
		}
		if !b.Session.Config.Bool("table.dynamic-table-options.enabled") {
			return nil, at, diag.At(h.Name.Span, diag.InvalidOption, "the OPTIONS hint is switched off by 'table.dynamic-table-options.enabled' = 'false'")
		}
		at = h.Name.Span
		for _, o := range h.Options {
			out[o.Key.Value] = o.Value.Value
		}
	}
	return out, at, nil
}

func formatInt(v int64) string { return strconv.FormatInt(v, 10) }
