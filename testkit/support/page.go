package support

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// PagePath is where the page lies below the root of the tree.
const PagePath = "docs/sql-support.md"

// namesMax is how many tests the page names for a row.
const namesMax = 3

const head = `<!-- Written by make gen; change testkit/support/rows.txt or the tests, not this page. -->

# What of Flink SQL works

Each row of the surface with the tests that show it: files of ` + "`testkit/sqltest/testdata`" + `, or Go tests with their folder. A test of
testkit/support checks that the tests are there and hold the row's syntax. ` + "`exception`" + ` is what only a JVM can do, ` + "`open`" + ` is
what has no test.
`

// Page is the text of docs/sql-support.md. Names of tests that an older page has are
// kept while they hold, so that the page changes only where something new works.
func (c *Coverage) Page(old string) string {
	before := named(old)
	var b strings.Builder
	b.WriteString(head)
	section := ""
	for _, r := range c.Rows {
		if r.Section != section {
			section = r.Section
			fmt.Fprintf(&b, "\n## %s\n\n| row | what | status | tests |\n| --- | --- | --- | --- |\n", section)
		}
		what := c.names(r, before[r.Mark])
		text := strings.Join(what, ", ")
		if r.Exception != "" {
			text = r.Exception
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", mark(r.Mark), cell(r.Text), c.Status(r), text)
	}
	return b.String()
}

// names picks tests of a row: those of an older page first.
func (c *Coverage) names(r *Row, old []string) []string {
	var all, out []string
	for _, t := range c.Tests[r.Mark] {
		if !slices.Contains(all, t.Name) {
			all = append(all, t.Name)
		}
	}
	for _, n := range append(slices.Clone(old), all...) {
		if len(out) < namesMax && slices.Contains(all, n) && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func mark(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

var rowForm = regexp.MustCompile("^\\| `(.+)` \\| (.*) \\| (works|exception|open) \\| (.*) \\|$")

// named are the tests that a page names, by mark.
func named(page string) map[string][]string {
	out := map[string][]string{}
	for _, line := range strings.Split(page, "\n") {
		m := rowForm.FindStringSubmatch(line)
		if m != nil && m[3] == string(Works) {
			out[strings.ReplaceAll(m[1], `\|`, "|")] = strings.Split(m[4], ", ")
		}
	}
	return out
}

// Stale says what of a page is no longer so: rows that are not there or have another
// status, tests that do not exist or no longer show their row.
func (c *Coverage) Stale(page string) []string {
	var bad []string
	have := map[string][]string{}
	for _, line := range strings.Split(page, "\n") {
		if m := rowForm.FindStringSubmatch(line); m != nil {
			have[strings.ReplaceAll(m[1], `\|`, "|")] = m
		}
	}
	for _, r := range c.Rows {
		m := have[r.Mark]
		delete(have, r.Mark)
		if m == nil {
			bad = append(bad, fmt.Sprintf("%s is not on the page", r.Mark))
			continue
		}
		if m[2] != cell(r.Text) {
			bad = append(bad, fmt.Sprintf("%s has another text on the page", r.Mark))
		}
		if m[3] != string(c.Status(r)) {
			bad = append(bad, fmt.Sprintf("%s is %s, the page says %s", r.Mark, c.Status(r), m[3]))
			continue
		}
		if r.Exception != "" {
			continue
		}
		for _, n := range strings.Split(m[4], ", ") {
			if n != "" && !slices.ContainsFunc(c.Tests[r.Mark], func(t *Test) bool { return t.Name == n }) {
				bad = append(bad, fmt.Sprintf("%s: %s does not exist or does not show the row", r.Mark, n))
			}
		}
	}
	for m := range have {
		bad = append(bad, m+" is on the page and no row")
	}
	slices.Sort(bad)
	return bad
}

// Short counts the sections of each statement, query form and function: want are how
// many, half of them over updating input, or one that refuses it where the row takes
// inserts alone. It returns a line for each that has fewer.
func (c *Coverage) Short(want int) []string {
	var out []string
	for _, r := range c.Rows {
		if r.Exception != "" || !r.Function() && !strings.ContainsAny(r.Mark[:1], "SQH") {
			continue
		}
		n, updating := 0, 0
		for _, t := range c.Tests[r.Mark] {
			n++
			if t.Updating {
				updating++
			}
		}
		// Only queries and functions of both modes have input that is updated.
		half := (r.Function() && !r.Batch || strings.HasPrefix(r.Mark, "Q")) && updating < (want+1)/2
		switch {
		case r.Inserts != "" && n >= want:
			if len(c.Refusing[r.Mark]) == 0 {
				out = append(out, fmt.Sprintf("%s: no section shows that updating input is refused", r.Mark))
			}
		case n < want:
			out = append(out, fmt.Sprintf("%s: %d of %d, %d over updating input", r.Mark, n, want, updating))
		case half:
			out = append(out, fmt.Sprintf("%s: %d over updating input", r.Mark, updating))
		}
	}
	return out
}
