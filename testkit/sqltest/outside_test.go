package sqltest

import (
	"strings"
	"testing"
)

// TestJudgeMaps: the entries of a map, and those of a multiset, have no order; elements of
// an array have one, and a map with another entry is another one.
func TestJudgeMaps(t *testing.T) {
	f, err := Parse(`SELECT k, m, a FROM t
----
+I[a, {x=1, y=[2, 3], z='p, q'}, [1, 2]]
+I[b, {b=1}, [1, 2]]
`)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(m, a string) *Outside {
		o := &Outside{Types: []string{"VARCHAR", "MAP", "ARRAY"}}
		for _, r := range [][]string{{"+I", "a", m, a}, {"+I", "b", "{b=1}", a}} {
			cells := make([]*string, len(r))
			for i := range r {
				cells[i] = &r[i]
			}
			o.Rows = append(o.Rows, cells)
		}
		return o
	}
	for _, c := range []struct {
		m, a string
		want Verdict
	}{
		{"{x=1, y=[2, 3], z='p, q'}", "[1, 2]", Same},
		{"{z='p, q', x=1, y=[2, 3]}", "[1, 2]", Same},
		{"{z='p, q', x=1, y=[3, 2]}", "[1, 2]", Differs},
		{"{z='p, q', x=1}", "[1, 2]", Differs},
		{"{x=1, y=[2, 3], z='p, q'}", "[2, 1]", Differs},
	} {
		if got, problem := f.Sections[0].Judge(answer(c.m, c.a), false); got != c.want {
			t.Errorf("%s %s: verdict %d, want %d\n%s", c.m, c.a, got, c.want, problem)
		}
	}
	if !strings.Contains(f.Sections[0].Want[0], "{x=1, y") {
		t.Errorf("the section itself changed: %s", f.Sections[0].Want[0])
	}
}
