package catalog

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Statistics are what ANALYZE TABLE found: of a partition, or of a table without
// partitions. They are as old as the statement.
type Statistics struct {
	Rows int64
	// Columns are by name; those that were not looked at are missing.
	Columns map[string]ColumnStatistics
}

// ColumnStatistics are those of a column. What its type does not have is -1 or "".
type ColumnStatistics struct {
	Distinct, Nulls int64
	// AvgLen and MaxLen count the characters of text.
	AvgLen float64
	MaxLen int64
	// Min and Max are values of numbers and times, as CAST(... AS STRING) writes them.
	Min, Max string
	// True and False count the values of a BOOLEAN.
	True, False int64
}

// NoColumnStatistics has nothing.
func NoColumnStatistics() ColumnStatistics {
	return ColumnStatistics{Distinct: -1, Nulls: -1, AvgLen: -1, MaxLen: -1, True: -1, False: -1}
}

// String lists what is there, as DESCRIBE EXTENDED shows it.
func (c ColumnStatistics) String() string {
	var out []string
	add := func(key, value string, there bool) {
		if there {
			out = append(out, key+"="+value)
		}
	}
	num := func(n int64) string { return strconv.FormatInt(n, 10) }
	add("ndv", num(c.Distinct), c.Distinct >= 0)
	add("nullCount", num(c.Nulls), c.Nulls >= 0)
	add("avgLen", strconv.FormatFloat(c.AvgLen, 'g', 6, 64), c.AvgLen >= 0)
	add("maxLen", num(c.MaxLen), c.MaxLen >= 0)
	add("min", c.Min, c.Min != "")
	add("max", c.Max, c.Max != "")
	add("trueCount", num(c.True), c.True >= 0)
	add("falseCount", num(c.False), c.False >= 0)
	return strings.Join(out, ", ")
}

// TableStatistics are those of a table by partition, as k1=v1/k2=v2; the key of a table
// without partitions is "". A nil map has none.
type TableStatistics map[string]Statistics

// Total adds the partitions up. The number of distinct values is then an upper bound;
// Min and Max, which are text, are there only when there is one partition.
func (t TableStatistics) Total() (Statistics, bool) {
	if len(t) == 0 {
		return Statistics{}, false
	}
	total := Statistics{Columns: map[string]ColumnStatistics{}}
	for i, k := range slices.Sorted(maps.Keys(t)) {
		p := t[k]
		for name, c := range p.Columns {
			sum, ok := total.Columns[name]
			switch {
			case i == 0:
				sum = c
			case !ok:
				continue // one partition does not have it
			default:
				sum = sum.plus(c, total.Rows, p.Rows)
			}
			total.Columns[name] = sum
		}
		for name := range total.Columns {
			if _, ok := p.Columns[name]; !ok {
				delete(total.Columns, name)
			}
		}
		total.Rows += p.Rows
	}
	return total, true
}

func (c ColumnStatistics) plus(o ColumnStatistics, rows, oRows int64) ColumnStatistics {
	add := func(a, b int64) int64 {
		if a < 0 || b < 0 {
			return -1
		}
		return a + b
	}
	out := ColumnStatistics{
		Distinct: add(c.Distinct, o.Distinct), Nulls: add(c.Nulls, o.Nulls), AvgLen: -1,
		MaxLen: max(c.MaxLen, o.MaxLen), True: add(c.True, o.True), False: add(c.False, o.False),
	}
	if n := float64(rows + oRows); c.AvgLen >= 0 && o.AvgLen >= 0 && n > 0 {
		out.AvgLen = (float64(c.AvgLen*float64(rows)) + float64(o.AvgLen*float64(oRows))) / n
	}
	return out
}

// analyzed are statistics with the definition of the table that they are of.
type analyzed struct {
	ddl   string
	stats TableStatistics
}

// Statistics are what ANALYZE TABLE found of a table since the engine began; nil when it
// found nothing, or the table was made anew or altered since. They are never changed.
func (s *Store) Statistics(t *Table) TableStatistics {
	s.mu.RLock()
	a, ok := s.statistics[t.Path]
	s.mu.RUnlock()
	if !ok || a.ddl != t.DDL() {
		return nil
	}
	return a.stats
}

// SetStatistics keeps statistics of partitions of a table; those of other partitions
// stay, and those of other columns if the number of rows is the same.
func (s *Store) SetStatistics(t *Table, found TableStatistics) {
	all := maps.Clone(s.Statistics(t))
	if all == nil {
		all = TableStatistics{}
	}
	for k, p := range found {
		old := all[k]
		merged := Statistics{Rows: p.Rows, Columns: maps.Clone(old.Columns)}
		if old.Rows != p.Rows || merged.Columns == nil {
			merged.Columns = map[string]ColumnStatistics{} // those of other rows
		}
		maps.Copy(merged.Columns, p.Columns)
		all[k] = merged
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.statistics == nil {
		s.statistics = map[Path]analyzed{}
	}
	s.statistics[t.Path] = analyzed{t.DDL(), all}
}
