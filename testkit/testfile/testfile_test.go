package testfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/minkstream/mink/testkit/harness"
)

// TestMistakes: each has its code, its place and a way out.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "the file has no test"},
		{"SELECT 1;\n", "the file has no test"},
		{"@test\n", "t:1:1: syntax: it is written @test NAME"},
		{"@test a b\n", "t:1:1: syntax: it is written @test NAME"},
		{"@test a\n@test a\n", "t:2:7: duplicate-name: a test is called \"a\" already"},
		{"@given t\n  1\n", "t:1:1: syntax: @given stands before the first @test"},
		{"@test a\n@given t\n", "t:2:1: syntax: no row stands below"},
		{"@test a\n@given t split x\n  1\n", "t:2:10: syntax: it is written @given TABLE [split N]"},
		{"@test a\n@given t from x.mtape\n  1\n", "t:2:1: syntax: the rows are those of the tape, and some stand below"},
		{"@test a\n@given t\n  'x\n", "t:3:3: invalid-literal: a quote is not closed"},
		{"@test a\n@given t\n  1\n  + soon\n", "t:4:3: invalid-literal: \"soon\" is no length of time"},
		{"@test a\n  1 | 2\n", "t:2:3: syntax: no directive that takes rows stands above this line"},
		{"@test a\n@given t\n  @given u\n  1\n", "t:3:3: syntax: a directive begins at the left"},
		{"@test a\n@use nope.sql\n", "t:2:6: not-found: cannot read nope.sql: no such file"},
		{"@test a\n@set x y\n", "t:2:1: syntax: it is written @set KEY = VALUE"},
		{"@test a\n@watermark t\n", "t:2:1: syntax: it is written @watermark TABLE[/SPLIT] TIME"},
		{"@test a\n@watermark t/x 1\n", "t:2:12: syntax: a split is written TABLE/N"},
		{"@test a\n@clock +never\n", "t:2:1: invalid-literal: \"never\" is no length of time"},
		{"@clock noon\n@test a\n", "t:1:8: invalid-literal: \"noon\" is no time"},
		{"@test a\n@restore p=0\n", "t:2:10: syntax: it is written @restore p=N"},
		{"@test a\n@expect\n", "t:2:1: syntax: what is expected is not said"},
		{"@test a\n@expect late t\n", "t:2:1: syntax: neither a number nor rows are said"},
		{"@test a\n@expect no\n", "t:2:1: syntax: it is written @expect no rows, or @expect no advice"},
		{"@test a\n@expect no rows\n", "t:2:1: syntax: no query stands below"},
		{"@test a\n@expect state x y z w\n", "t:2:1: syntax: it is written @expect state"},
		{"@test a\n@forall schedules many\n", "t:2:19: syntax: schedules is a number"},
		{"@test a\n@forall parallelism 0\n", "t:2:21: syntax: parallelism is a list"},
		{"@test a\n@oracle truth\n", "t:2:9: invalid-argument: no oracle \"truth\""},
	} {
		_, errs := Parse("t", c.text, func(string) (string, error) { return "", errors.New("open nope.sql: no such file") })
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), c.want) && !strings.Contains(errs[0].Error(), c.want) {
			t.Errorf("%q\n  gives %v\n  want  %s", c.text, errs, c.want)
		}
	}
}

// TestSteps: what stands in a file is what the case has.
func TestSteps(t *testing.T) {
	f, errs := Parse("dir/t", `-- a file
@set a.b = 1 min
CREATE VIEW v AS
  SELECT '
  @no directive
', 1;

@test one      -- said
@tag x y
SELECT * FROM v
  WHERE a > 1;
@given t split 2
  op | a | `+"`b c`"+` | c
  -D | 1 | 'x | ''y' | NULL
     -- a comment

  +I | 2 | {"k": "a|b"} | 'NULL'
  + 3s
  +U | 3 | true | -1
@watermark t/2 '2024-01-01 00:00:00'
@expect table s
@expect changelog
  +I | x
@test two
@skip not yet, sorry -- really
`, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if len(f.Tests) != 2 || f.Tests[1].Skip != "not yet, sorry" {
		t.Fatalf("%+v", f.Tests)
	}
	c := f.Tests[0].Case
	if c.Settings["a.b"] != "1 min" || len(c.Scripts) != 2 || !strings.Contains(c.Scripts[0].Text[c.Scripts[0].From:c.Scripts[0].To], "@no") {
		t.Errorf("%+v", c)
	}
	if len(c.Steps) != 6 {
		t.Fatalf("%d steps", len(c.Steps))
	}
	g := c.Steps[0].(*harness.Give)
	if g.Split != 2 || len(g.Header) != 3 || g.Header[1].Text != "b c" || len(g.Rows) != 2 {
		t.Fatalf("%+v", g)
	}
	r := g.Rows[0]
	if r.Kind.String() != "-D" || r.Cells[1].Text != "x | 'y" || !r.Cells[2].Null {
		t.Errorf("%+v", r)
	}
	r = g.Rows[1]
	if r.Cells[1].Text != `{"k": "a|b"}` || r.Cells[2].Null || r.Cells[2].Text != "NULL" {
		t.Errorf("%+v", r)
	}
	if by := c.Steps[1].(*harness.Clock).By; by != 3e9 {
		t.Error(by)
	}
	if rows := c.Steps[2].(*harness.Give).Rows; len(rows) != 1 || rows[0].Cells[2].Text != "-1" {
		t.Errorf("%+v", rows)
	}
	w := c.Steps[3].(*harness.Watermark)
	if w.Split != 2 || w.Time.Text != "2024-01-01 00:00:00" {
		t.Errorf("%+v", w)
	}
	if x := c.Steps[4].(*harness.ExpectTable); x.Sink != "s" || x.Rows != nil || x.Block.Start != x.Block.End {
		t.Errorf("%+v", x)
	}
}
