package sqltest

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
)

// createSink returns the CREATE TABLE of a sink below dir.
func (g *Given) createSink(dir string) string {
	return g.table(filepath.Join(dir, "sink-"+g.Name))
}

// written reads the changes that a job left in a sink, file by file in name order.
// Writers deal rows by the primary key, so that the changes of a key are in one file
// and in order.
func (g *Given) written(dir string) (*outcome, error) {
	names, err := filepath.Glob(filepath.Join(dir, "sink-"+g.Name, "*"))
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, data...)
	}
	return g.changes(all)
}

// writtenOn is written for a disk of a simulation.
func (g *Given) writtenOn(d env.Disk, dir string) (*outcome, error) {
	data, err := readFiles(d, path.Join(dir, "sink-"+g.Name))
	if err != nil {
		return nil, err
	}
	return g.changes(data)
}

// changes reads lines of changelog-json.
func (g *Given) changes(lines []byte) (*outcome, error) {
	out := &outcome{}
	if !strings.Contains(g.Mode, "UB") && strings.Contains(g.Mode, "UA") {
		out.key = g.primaryKey()
	}
	for line := range strings.Lines(string(lines)) {
		r, err := g.change(line)
		if err != nil {
			return nil, err
		}
		out.rows = append(out.rows, r)
	}
	return out, nil
}

// change reads a line of changelog-json.
func (g *Given) change(line string) (row, error) {
	var c struct {
		Op  string
		Row map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		return row{}, err
	}
	var r row
	for k := batch.Insert; k <= batch.Delete; k++ {
		if k.String() == c.Op {
			r.kind = k
		}
	}
	for _, f := range g.fields {
		var text string
		cell := string(c.Row[f.name])
		switch {
		case cell == "" || cell == "null":
			cell = null
		case json.Unmarshal([]byte(cell), &text) == nil:
			cell = text
			if strings.HasPrefix(f.kind, "STRING") || strings.HasPrefix(f.kind, "VARCHAR") || strings.HasPrefix(f.kind, "CHAR") {
				cell = quote(text)
			}
		}
		r.cells = append(r.cells, cell)
	}
	return r, nil
}

// primaryKey are the columns of PRIMARY KEY (...).
func (g *Given) primaryKey() []int {
	var key []int
	for _, c := range splitCells(g.Columns, ',') {
		if !strings.HasPrefix(c, "PRIMARY KEY") {
			continue
		}
		inside, _, err := balanced(c[strings.IndexByte(c, '('):])
		if err != nil {
			return nil
		}
		for _, name := range strings.Split(inside, ",") {
			name = strings.Trim(strings.TrimSpace(name), "`")
			key = append(key, slices.IndexFunc(g.fields, func(f field) bool { return f.name == name }))
		}
	}
	return key
}
