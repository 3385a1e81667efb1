package testfile

import (
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/harness"
)

const genForm = "@gen TABLE [rows=N] [seed=N] [every=1s] [lateness=5s] [keys=N] [skew=zipf] [nulls=5%] [edges=5%]"

// genOptions are what may stand behind the table; each tells whether the value can be
// read.
var genOptions = []struct {
	name string
	set  func(g *harness.Generate, value string) bool
}{
	{"rows", func(g *harness.Generate, v string) (ok bool) {
		g.Rows, ok = amount(v, 1, 1_000_000)
		return ok
	}},
	{"seed", func(g *harness.Generate, v string) bool {
		n, err := strconv.ParseUint(v, 10, 32)
		g.Seed = n
		return err == nil && n > 0
	}},
	{"every", func(g *harness.Generate, v string) bool { return length(&g.Every, v) }},
	{"lateness", func(g *harness.Generate, v string) bool { return length(&g.Lateness, v) }},
	{"keys", func(g *harness.Generate, v string) (ok bool) {
		g.Keys, ok = amount(v, 1, 1_000_000)
		return ok
	}},
	{"skew", func(g *harness.Generate, v string) bool {
		g.Zipf = v == "zipf"
		return g.Zipf || v == "none"
	}},
	{"nulls", func(g *harness.Generate, v string) bool { return percent(&g.Nulls, v) }},
	{"edges", func(g *harness.Generate, v string) bool { return percent(&g.Edges, v) }},
}

// amount reads 200 or 1k.
func amount(text string, least, most int) (int, bool) {
	times := 1
	if t, ok := strings.CutSuffix(text, "k"); ok {
		text, times = t, 1000
	}
	n, err := strconv.Atoi(text)
	n *= times
	return n, err == nil && n >= least && n <= most
}

func length(to *time.Duration, text string) bool {
	d, err := time.ParseDuration(text)
	*to = d
	return err == nil && d >= 0
}

func percent(to *int, text string) (ok bool) {
	*to, ok = amount(strings.TrimSuffix(text, "%"), 0, 100)
	return ok
}

// readGenerate takes rows that are drawn from a seed. Lines below say what a column is
// drawn from: COLUMN | VALUE | VALUE, COLUMN | LOW .. HIGH, or COLUMN | time.
func readGenerate(r *reader, at diag.Span, w []harness.Cell) {
	r.block = &block{end: func(*block) {}}
	if !r.want(at, w, 1, -1, genForm) {
		return
	}
	g := &harness.Generate{
		At: r.at(span(at, w)), Table: w[0].Text, Rows: harness.DefaultGenerateRows, Every: time.Second,
		Keys: harness.DefaultGenerateKeys, Nulls: harness.DefaultGenerateShare, Edges: harness.DefaultGenerateShare,
	}
	for _, c := range w[1:] {
		r.genOption(g, c)
	}
	r.step(g)
	r.block.end = func(b *block) {
		for _, l := range b.lines {
			r.genColumn(g, l)
		}
	}
}

func (r *reader) genOption(g *harness.Generate, c harness.Cell) {
	name, value, _ := strings.Cut(c.Text, "=")
	var names []string
	for _, o := range genOptions {
		names = append(names, o.name)
		if o.name != name {
			continue
		}
		if !o.set(g, value) {
			r.fail(c.Span, diag.InvalidArgument, "%q is nothing that %s can be", value, name).WithHint("it is written %s", genForm)
		}
		return
	}
	e := r.fail(c.Span, diag.Syntax, "@gen has no option %q", name)
	if s := diag.Suggest(name, names); s != "" {
		e.WithHint("did you mean %s", s)
		return
	}
	e.WithHint("it is written %s", genForm)
}

func (r *reader) genColumn(g *harness.Generate, l line) {
	cells := r.cells(l)
	if len(cells) < 2 {
		r.fail(l.span(), diag.Syntax, "it is not said what the column is drawn from").
			WithHint("write COLUMN | VALUE | VALUE, COLUMN | 1 .. 100, or COLUMN | time")
		return
	}
	cells[0].Text = strings.Trim(cells[0].Text, "`")
	c := harness.GenerateColumn{Name: cells[0]}
	only := cells[1]
	low, high, between := strings.Cut(only.Text, "..")
	switch {
	case len(cells) == 2 && between && !only.Quoted:
		c.Low, c.High = only, only
		c.Low.Text, c.High.Text = strings.TrimSpace(low), strings.TrimSpace(high)
	case len(cells) == 2 && only.Text == "time" && !only.Quoted:
		c.Time = true
	default:
		c.Values = cells[1:]
	}
	g.Columns = append(g.Columns, c)
}
