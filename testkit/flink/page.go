package flink

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minkstream/mink/testkit/sqltest"
)

// PagePath is where the table lies below the root of the tree.
const PagePath = "docs/flink-comparison.md"

// Count is what the outcomes add up to.
type Count struct {
	Run, Same, SameTable int
	// Planned: both have a plan, whose text is each engine's own.
	Planned int
	// Extended: Flink refuses what mink takes.
	Extended int
	// Refused: Flink fails where mink has an answer, for a reason that is known.
	// Explained: another answer, for a reason that is known.
	Refused, Explained, Open, NotRun int
}

// Add counts outcomes.
func Add(list []*Outcome) Count {
	var c Count
	for _, o := range list {
		switch {
		case o.NotRun != "":
			c.NotRun++
			continue
		case o.Planned:
			c.Planned++
			continue
		case o.Verdict == sqltest.Same:
			c.Same++
		case strings.HasPrefix(o.Why, extension):
			c.Extended++
		case o.Why != "" && o.Answer.Error != "":
			c.Refused++
		case o.Why != "":
			c.Explained++
		case o.Verdict == sqltest.SameTable:
			c.SameTable++
		default:
			c.Open++
		}
		c.Run++
	}
	return c
}

// Agreement is the share of sections with the same final table among those that both
// engines answer, in percent.
func (c Count) Agreement() float64 {
	both := c.Run - c.Refused - c.Extended
	if both == 0 {
		return 0
	}
	return 100 * float64(c.Same+c.SameTable) / float64(both)
}

// Page is docs/flink-comparison.md.
func Page(list []*Outcome) string {
	var b strings.Builder
	c := Add(list)
	fmt.Fprintf(&b, `<!-- Written by make test-flink; change the sections or testkit/flink/differences.txt, not this page. -->

# mink and Apache Flink %s, compared

`+"`make test-flink`"+` runs the sections of `+"`testkit/sqltest/testdata`"+` on Apache Flink, from its published jars in one process, at
parallelism 1 and with a watermark on every row, and compares with mink's answers: changes one by one where the section has
them, else final tables. A section that expects an error agrees where Flink fails, too.

%d sections ran on both. Flink fails on %d of them where mink has an answer, for a known reason, and refuses %d that show what mink
takes beyond it; of the others %.1f %% have the same answer. %d more show a plan: Flink plans the statement, too, and the text is each engine's own.

| file | run | the same | same table, other changes | Flink fails | mink takes more | another answer, with a reason | open | planned by both | not run on Flink |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
`, Version(), c.Run, c.Refused, c.Extended, c.Agreement(), c.Planned)
	var files []string
	by := map[string][]*Outcome{}
	for _, o := range list {
		if by[o.File] == nil {
			files = append(files, o.File)
		}
		by[o.File] = append(by[o.File], o)
	}
	slices.Sort(files)
	line := func(name string, c Count) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", name, c.Run, c.Same, c.SameTable, c.Refused, c.Extended, c.Explained, c.Open, c.Planned, c.NotRun)
	}
	for _, f := range files {
		line(f, Add(by[f]))
	}
	line("all", c)
	b.WriteString("\n## Differences\n\n| section | statement | reason |\n| --- | --- | --- |\n")
	for _, o := range list {
		if o.NotRun == "" && o.Verdict != sqltest.Same {
			why := o.Why
			switch {
			case why != "":
			case o.Verdict == sqltest.SameTable:
				why = "the final table is the same"
			default:
				why = "open"
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", o.ID, short(o.Section.SQL), why)
		}
	}
	b.WriteString("\n## Not run on Flink\n\n| sections | why |\n| ---: | --- |\n")
	why := map[string]int{}
	var reasons []string
	for _, o := range list {
		if o.NotRun != "" {
			if why[o.NotRun] == 0 {
				reasons = append(reasons, o.NotRun)
			}
			why[o.NotRun]++
		}
	}
	slices.Sort(reasons)
	for _, r := range reasons {
		fmt.Fprintf(&b, "| %d | %s |\n", why[r], r)
	}
	return b.String()
}

// short is a statement on one line of a table.
func short(sql string) string {
	s := strings.ReplaceAll(strings.Join(strings.Fields(sql), " "), "|", `\|`)
	if r := []rune(s); len(r) > 110 {
		s = string(r[:107]) + "..."
	}
	return strings.ReplaceAll(s, "`", "'")
}
