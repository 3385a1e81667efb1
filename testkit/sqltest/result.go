package sqltest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var opKinds = []batch.Kind{batch.Insert, batch.UpdateBefore, batch.UpdateAfter, batch.Delete}

// row is a change as text.
type row struct {
	kind  batch.Kind
	cells []string
}

func (r row) String() string { return r.kind.String() + r.body() }
func (r row) body() string   { return "[" + strings.Join(r.cells, ", ") + "]" }

func rowOf(b *batch.Batch, lane int, s types.Schema, zone *time.Location) row {
	r := row{kind: b.Kind(lane), cells: make([]string, len(b.Cols))}
	for i := range b.Cols {
		c := &b.Cols[i]
		if c.IsNull(lane) {
			r.cells[i] = null
			continue
		}
		text := string(kernel.AppendText(nil, c, lane, zone))
		switch s[i].Type.Kind {
		case types.Char, types.VarChar:
			text = quote(text)
		case types.Binary, types.VarBinary:
			var s [12]byte
			text = fmt.Sprintf("x'%x'", c.Bytes(c.ValueLane(lane), &s))
		}
		r.cells[i] = escapes.Replace(text)
	}
	return r
}

// escapes keep a row on one line.
var escapes = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`)

// quote puts a string in quotes where it could be taken for something else.
func quote(s string) string {
	if s != "" && s != null && s[0] != '\'' && strings.TrimSpace(s) == s && !strings.Contains(s, ", ") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// final is the table that changes add up to. A row taken away that is not there is
// a mistake of the query's plan.
func (o *outcome) final() ([]string, error) {
	if o.key != nil && o.streaming {
		return o.keyed()
	}
	var out []string
	at := map[string]int{} // how many of each
	for _, r := range o.rows {
		b := r.body()
		if r.kind.Adds() {
			at[b]++
			out = append(out, b)
			continue
		}
		if at[b] == 0 {
			return nil, fmt.Errorf("%s takes away a row that is not there", r)
		}
		at[b]--
		out = slices.Delete(out, slices.Index(out, b), slices.Index(out, b)+1)
	}
	return out, nil
}

// keyed adds up changes in which +U replaces the row of its key.
func (o *outcome) keyed() ([]string, error) {
	var keys, out []string
	for _, r := range o.rows {
		var k []string
		for _, i := range o.key {
			k = append(k, r.cells[i])
		}
		key := strings.Join(k, "\x00")
		i := slices.Index(keys, key)
		switch {
		case r.kind == batch.UpdateBefore:
		case r.kind == batch.Delete && i < 0:
			return nil, fmt.Errorf("%s takes away a row that is not there", r)
		case r.kind == batch.Delete:
			keys, out = slices.Delete(keys, i, i+1), slices.Delete(out, i, i+1)
		case i >= 0:
			out[i] = r.body()
		default:
			keys, out = append(keys, key), append(out, r.body())
		}
	}
	return out, nil
}

func (o *outcome) changes() []string {
	out := make([]string, len(o.rows))
	for i, r := range o.rows {
		out[i] = r.String()
	}
	return out
}

// lines are the cells of a text result, a line each.
func (o *outcome) lines() []string {
	var out []string
	for _, r := range o.rows {
		text := strings.TrimRight(strings.ReplaceAll(strings.Join(r.cells, " | "), `\n`, "\n"), "\n")
		if len(r.cells) == 1 && len(text) >= 2 && text[0] == '\'' {
			text = strings.ReplaceAll(text[1:len(text)-1], "''", "'")
		}
		out = append(out, strings.Split(text, "\n")...)
	}
	return out
}

// failure is an error as a section writes it.
func (o *outcome) failure(place bool) string {
	code := string(diag.CodeOf(o.err))
	if place && o.place != "" {
		return code + " " + o.place
	}
	return code
}

// check compares an outcome with the section; "" is right.
func (s *Section) check(v variant, got *outcome) string {
	if s.Form == Error {
		if got.err == nil {
			return "no error, where " + s.Want[0] + " should come; rows:\n" + indent(strings.Join(got.changes(), "\n"))
		}
		if have := got.failure(strings.Contains(s.Want[0], " ")); have != s.Want[0] {
			return fmt.Sprintf("ERROR %s, should be ERROR %s (%v)", have, s.Want[0], got.err)
		}
		return ""
	}
	if got.err != nil {
		return fmt.Sprintf("ERROR %s: %v", got.failure(true), got.err)
	}
	switch {
	case s.Form == OK:
		return ""
	case s.Form == Text:
		return diff(got.lines(), s.Want)
	case s.Form == Changes && v.exact:
		return diff(got.changes(), s.Want)
	}
	want := s.Want
	if s.Form == Changes {
		w := outcome{rows: parseChanges(s.Want, got.key != nil), key: got.key, streaming: got.streaming}
		var err error
		if want, err = w.final(); err != nil {
			return "the expected changes do not add up: " + err.Error()
		}
	}
	have, err := got.final()
	if err != nil {
		return err.Error() + "; changes:\n" + indent(strings.Join(got.changes(), "\n"))
	}
	if s.Form != Ordered || !v.batch && !got.info {
		want, have = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(have))
	}
	problem := diff(have, want)
	if problem != "" && got.streaming {
		problem += "\n  changes:\n" + indent(indent(strings.Join(got.changes(), "\n")))
	}
	return problem
}

// parseChanges reads changes as a section writes them, cell by cell or each row as
// one cell.
func parseChanges(lines []string, cells bool) []row {
	var out []row
	for _, l := range lines {
		for k := batch.Insert; k <= batch.Delete; k++ {
			if len(l) <= 3 || !strings.HasPrefix(l, k.String()) {
				continue
			}
			r := row{kind: k, cells: []string{l[3 : len(l)-1]}}
			if cells {
				r.cells = splitCells(r.cells[0], ',')
			}
			out = append(out, r)
		}
	}
	return out
}

// accept takes an outcome for the result.
func (s *Section) accept(got *outcome) {
	if got.err != nil {
		s.Form, s.Want = Error, []string{got.failure(true)}
		return
	}
	switch s.Form {
	case OK:
	case Text:
		s.Want = got.lines()
	case Changes:
		s.Want = got.changes()
	default:
		rows, err := got.final()
		if err != nil {
			return
		}
		if s.Form != Ordered {
			slices.Sort(rows)
		}
		if s.Form == Error {
			s.Form = Table
		}
		s.Want = rows
	}
}

// diff shows two lists of lines side by side: what is missing has a '-', what is too
// much a '+'. Equal lists give "".
func diff(have, want []string) string {
	if slices.Equal(have, want) {
		return ""
	}
	// Length of the longest common run of lines from i and j on.
	n, m := len(have), len(want)
	common := make([][]int, n+1)
	for i := range common {
		common[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if have[i] == want[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	out := []string{"  (- is missing, + is too much)"}
	for i, j := 0, 0; i < n || j < m; {
		switch {
		case i < n && j < m && have[i] == want[j]:
			out = append(out, "    "+have[i])
			i, j = i+1, j+1
		case j < m && (i == n || common[i][j+1] >= common[i+1][j]):
			out = append(out, "  - "+want[j])
			j++
		default:
			out = append(out, "  + "+have[i])
			i++
		}
	}
	return strings.Join(out, "\n")
}
