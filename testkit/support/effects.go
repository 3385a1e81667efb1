package support

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/testkit/sqltest"
)

// Effects holds settings to what they say: each that has an effect needs a pair of
// sections that differ in nothing but the setting and in their results, or, where the
// effect is not on results (files, state, time), a Go test with a comment
// "// shows KEY" above it and the key in its text. It returns a line for each setting
// without either, and for each comment that names no setting or one that its test
// does not have.
func Effects(sections []*sqltest.Section, tests []*Test) []string {
	shown := pairs(sections)
	var bad []string
	for _, t := range tests {
		for _, key := range t.Settings {
			switch {
			case catalog.FindKey(key) == nil:
				bad = append(bad, fmt.Sprintf("%s: shows %s, which is no setting", t.At, key))
			case catalog.Idle(key) != "":
				bad = append(bad, fmt.Sprintf("%s: shows %s, which is said to have no effect", t.At, key))
			case !sets(t.Text, key):
				bad = append(bad, fmt.Sprintf("%s: shows %s, but the file does not set it", t.At, key))
			default:
				shown[key] = true
			}
		}
	}
	for _, key := range catalog.KeyNames() {
		if catalog.Idle(key) == "" && !shown[key] {
			bad = append(bad, key+": no two sections that differ in it alone have different results, and no Go test shows it")
		}
	}
	return bad
}

// sets tells whether a file has a setting, or the last part of its name, in a string:
// comments above tests do not count.
func sets(text, key string) bool {
	last := key[strings.LastIndexByte(key, '.')+1:]
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "//") {
			continue
		}
		for _, name := range []string{key, last} {
			for _, before := range []string{`"`, "'", ".", ";"} {
				if strings.Contains(line, before+name) {
					return true
				}
			}
		}
	}
	return false
}

// variant is a section apart from one of its settings.
type variant struct {
	value string // of the setting; its default where the section does not set it
	form  sqltest.Form
	want  string
}

// pairs are the settings that alone make a difference between two sections.
func pairs(sections []*sqltest.Section) map[string]bool {
	shown := map[string]bool{}
	setters := map[string][]*sqltest.Section{}
	bare := map[*sqltest.Section]stripped{}
	for _, s := range sections {
		b := strip(s)
		bare[s] = b
		for key := range b.settings {
			setters[key] = append(setters[key], s)
		}
	}
	alike := map[string][]*sqltest.Section{} // by all but the settings
	for _, s := range sections {
		alike[bare[s].rest] = append(alike[bare[s].rest], s)
	}
	for key, list := range setters {
		k := catalog.FindKey(key)
		if k == nil {
			continue
		}
		var all []*sqltest.Section
		for _, s := range list {
			all = append(all, alike[bare[s].rest]...)
		}
		seen := map[string][]variant{}
		for _, s := range all {
			b := bare[s]
			rest := b.without(key)
			value, ok := b.settings[key]
			if !ok {
				value = k.Default
			}
			v := variant{strings.ToUpper(value), s.Form, strings.Join(s.Want, "\n")}
			for _, o := range seen[rest] {
				if o.value != v.value && differs(o, v) {
					shown[key] = true
				}
			}
			seen[rest] = append(seen[rest], v)
		}
	}
	return shown
}

// differs tells whether results differ; other ways to write one do not count, but
// failing does.
func differs(a, b variant) bool {
	if (a.form == sqltest.Error) != (b.form == sqltest.Error) {
		return true
	}
	return a.form == b.form && a.want != b.want
}

// stripped is a section with its settings apart from the rest.
type stripped struct {
	settings map[string]string
	rest     string
}

// strip takes the settings out of a section, those of SET statements too. "only
// batch" is the setting execution.runtime-mode.
func strip(s *sqltest.Section) stripped {
	b := stripped{settings: map[string]string{}}
	for _, kv := range s.Settings {
		key, value, _ := strings.Cut(kv, "=")
		b.settings[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	var rest strings.Builder
	for _, g := range s.Given {
		fmt.Fprintf(&rest, "%+v\n", *g)
	}
	if s.Sink != nil {
		fmt.Fprintf(&rest, "sink %+v\n", *s.Sink)
	}
	for _, script := range append(slices.Clone(s.Setup), s.SQL) {
		for _, it := range parse.Script(script) {
			if set, ok := it.Stmt.(*ast.Set); ok && it.Err == nil && set.Key.Value != "" {
				b.settings[set.Key.Value] = set.Value.Value
				continue
			}
			rest.WriteString(strings.Join(strings.Fields(script[it.Span.Start:it.Span.End]), " ") + ";\n")
		}
	}
	if slices.Contains(s.Only, "batch") {
		b.settings["execution.runtime-mode"] = "BATCH"
	}
	b.rest = rest.String()
	return b
}

// without is everything of a section but one setting.
func (b stripped) without(key string) string {
	var all []string
	for k, v := range b.settings {
		if k != key {
			all = append(all, k+"="+v)
		}
	}
	slices.Sort(all)
	return b.rest + strings.Join(all, "\n")
}
