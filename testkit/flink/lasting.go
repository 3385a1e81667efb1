package flink

import (
	"regexp"
	"strings"

	"github.com/minkstream/mink/engine/sql/ast"
)

// What Flink is asked in another way than it stands in a section, so that what the section
// tests can be compared.

// days are the lengths of windows of processing time in sections, that no run of a test
// crosses the end of one. Flink forgets windows that are open when its input ends
// (FLINK-18647), so for it they last seconds and the tables stay until they have fired.
var days = regexp.MustCompile(`\((pt|\w+\.pt), (INTERVAL '\d+' DAY(\(\d\))?)(, INTERVAL '\d+' DAY(\(\d\))?)?\)`)

const (
	lasting = "4 s"
	brief   = "INTERVAL '4' SECOND"
)

// lasts tells whether a section has such windows.
func (j Job) lasts() bool { return !j.Batch && days.MatchString(j.Section.SQL) }

// shorter is a statement with windows that end while Flink waits.
func shorter(sql string) string {
	return days.ReplaceAllStringFunc(sql, func(m string) string {
		column, rest, _ := strings.Cut(m, ", ")
		return column + strings.Repeat(", "+brief, strings.Count(rest, "INTERVAL")) + ")"
	})
}

// ofPartitions are the statements about the partitions of a table, which Flink's catalog
// in memory does not look for in the folders of a table of files. Partitions.java does.
func ofPartitions(s ast.Statement) bool {
	switch s := s.(type) {
	case *ast.Show:
		return s.What == "PARTITIONS"
	case *ast.AlterTable:
		switch s.Action.(type) {
		case *ast.AddPartitions, *ast.DropPartitions:
			return true
		}
	}
	return false
}
