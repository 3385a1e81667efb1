package cover

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// Line is the number of an item's line, from 1.
func (i *Item) Line() int { return i.Place.source().Position(i.Place.Span.Start).Line }

// Text writes the share of each file, and below it what was not reached, by place.
func (p *Profile) Text(w io.Writer) error {
	var b strings.Builder
	files := p.Files()
	wide := len("total")
	for _, f := range files {
		wide = max(wide, len(f.Name))
	}
	covered, total := p.Total()
	fmt.Fprintf(&b, "coverage\n")
	for _, f := range files {
		fmt.Fprintf(&b, "  %-*s %6.1f %%  %d of %d\n", wide, f.Name, f.Percent(), f.Covered, f.Total)
		for _, g := range f.uncovered() {
			fmt.Fprintf(&b, "    %s  %s: %s\n", g.place, g.operator, strings.Join(g.missing, ", "))
		}
	}
	if len(files) != 1 {
		fmt.Fprintf(&b, "  %-*s %6.1f %%  %d of %d\n", wide, "total", p.Percent(), covered, total)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// gap is what was not reached of an operator or predicate.
type gap struct {
	line     int
	place    string
	operator string
	missing  []string
}

// uncovered are the gaps of a file in order of places.
func (f *File) uncovered() []gap {
	var out []gap
	for _, i := range f.Items {
		if i.Count > 0 {
			continue
		}
		at := i.Place.source().Position(i.Place.Span.Start)
		g := gap{line: at.Line, place: fmt.Sprintf("%d:%d", at.Line, at.Column), operator: i.Operator}
		if n := len(out); n == 0 || out[n-1].place != g.place || out[n-1].operator != g.operator {
			out = append(out, g)
		}
		last := &out[len(out)-1]
		last.missing = append(last.missing, i.Missing)
	}
	for i := range out {
		if len(out[i].operator) > 60 {
			out[i].operator = strings.ToValidUTF8(out[i].operator[:57], "") + "..."
		}
		if slices.Contains(out[i].missing, "it gave no row") { // kinds of changes say no more
			out[i].missing = slices.DeleteFunc(out[i].missing, func(m string) bool { return strings.HasPrefix(m, "it gave no ") && m != "it gave no row" })
		}
	}
	return out
}

// Write writes the profile to a file in the form of its name: NAME.json for programs,
// NAME.info as lcov has it, and NAME.sql or any other the SQL with what was reached beside
// its lines.
func (p *Profile) Write(name string, w io.Writer) error {
	switch filepath.Ext(name) {
	case ".json":
		return p.JSON(w)
	case ".info":
		return p.LCOV(w)
	}
	return p.Listing(w)
}

type jsonItem struct {
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
	Kind      Kind   `json:"kind"`
	Operator  string `json:"operator,omitempty"`
	Predicate string `json:"predicate,omitempty"`
	What      string `json:"what"`
	Count     int64  `json:"count"`
}

type jsonFile struct {
	Name    string     `json:"name"`
	Covered int        `json:"covered"`
	Total   int        `json:"total"`
	Percent float64    `json:"percent"`
	Items   []jsonItem `json:"items"`
}

// JSON writes all items: by file, with their places and how many times each was reached.
func (p *Profile) JSON(w io.Writer) error {
	covered, total := p.Total()
	out := struct {
		Covered int        `json:"covered"`
		Total   int        `json:"total"`
		Percent float64    `json:"percent"`
		Files   []jsonFile `json:"files"`
	}{covered, total, round(p.Percent()), []jsonFile{}}
	for _, f := range p.Files() {
		x := jsonFile{f.Name, f.Covered, f.Total, round(f.Percent()), nil}
		for _, i := range f.Items {
			src := i.Place.source()
			from, to := src.Position(i.Place.Span.Start), src.Position(i.Place.Span.End)
			k := jsonItem{from.Line, from.Column, to.Line, to.Column, i.Kind, i.Operator, "", i.What, i.Count}
			if i.Kind == Predicate {
				k.Operator, k.Predicate = "", i.Operator
			}
			x.Items = append(x.Items, k)
		}
		out.Files = append(out.Files, x)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func round(x float64) float64 { return float64(int64(x*10+0.5)) / 10 }

// lines are the items of a file by line.
func (f *File) lines() map[int][]*Item {
	out := map[int][]*Item{}
	for _, i := range f.Items {
		out[i.Line()] = append(out[i.Line()], i)
	}
	return out
}

// LCOV writes lines and branches in the form of lcov: a line counts as often as what stands
// there was reached, and each item is a branch of its line.
func (p *Profile) LCOV(w io.Writer) error {
	var b strings.Builder
	for _, f := range p.Files() {
		fmt.Fprintf(&b, "TN:\nSF:%s\n", f.Name)
		lines := f.lines()
		hit := 0
		for n := 1; n <= 1+strings.Count(f.Text, "\n"); n++ {
			items := lines[n]
			if items == nil {
				continue
			}
			most := int64(0)
			for k, i := range items {
				most = max(most, i.Count)
				fmt.Fprintf(&b, "BRDA:%d,0,%d,%d\n", n, k, i.Count)
			}
			fmt.Fprintf(&b, "DA:%d,%d\n", n, most)
			if most > 0 {
				hit++
			}
		}
		fmt.Fprintf(&b, "BRF:%d\nBRH:%d\nLF:%d\nLH:%d\nend_of_record\n", f.Total, f.Covered, len(lines), hit)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Listing writes the SQL, before each line how many of its items were reached, and below it
// what was not.
func (p *Profile) Listing(w io.Writer) error {
	var b strings.Builder
	for _, f := range p.Files() {
		fmt.Fprintf(&b, "-- %s: %.1f %%, %d of %d\n", f.Name, f.Percent(), f.Covered, f.Total)
		lines := f.lines()
		gaps := f.uncovered()
		for n, line := range strings.Split(strings.TrimRight(f.Text, "\n"), "\n") {
			share := ""
			if items := lines[n+1]; items != nil {
				reached := 0
				for _, i := range items {
					if i.Count > 0 {
						reached++
					}
				}
				share = fmt.Sprintf("%d/%d", reached, len(items))
				if reached < len(items) {
					share = "! " + share
				}
			}
			fmt.Fprintf(&b, "%9s | %s\n", share, strings.TrimRight(line, "\r"))
			for _, g := range gaps {
				if g.line == n+1 {
					fmt.Fprintf(&b, "%9s | -- ^ %s: %s\n", "", g.operator, strings.Join(g.missing, ", "))
				}
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Below is an error when less than a share is reached, in percent; 0 asks for nothing.
func (p *Profile) Below(least float64) error {
	if have := p.Percent(); have < least {
		return diag.New(diag.Coverage, "coverage is %.1f %%, below the %g %% asked for", have, least).WithHint("the items listed above were not reached; --cover-out FILE.sql shows them beside the lines")
	}
	return nil
}
