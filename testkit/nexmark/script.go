package nexmark

import (
	"embed"
	"slices"
	"strconv"
	"strings"
)

//go:embed sql/*.sql
var files embed.FS

// Options fill in what a script leaves open. Maps are the WITH clauses of tables,
// without quotes.
type Options struct {
	// Source are the options of the source table beyond its connector, such as
	// events.num and next-event.rate. 'connector' may be set to another one.
	Source map[string]string
	// Sink are the options of the sink; empty means blackhole.
	Sink map[string]string
	// Side are the options of q13's side input; see SideInput for its rows.
	Side map[string]string
}

// SQL is the query alone, an INSERT into Table.
func (q Query) SQL() string { return file(q.Name) }

// Table is the name of the query's sink.
func (q Query) Table() string { return "nexmark_" + q.Name }

// Statements are the statements of a run of the query: source, views, sink, query.
func (q Query) Statements(o Options) []string {
	source := map[string]string{"connector": "nexmark"}
	for k, v := range o.Source {
		source[k] = v
	}
	out := []string{strings.Replace(file("source"), "${source}", with(source), 1)}
	for _, name := range q.uses {
		out = append(out, strings.Replace(file(name), "${side}", with(o.Side), 1))
	}
	sink := o.Sink
	if len(sink) == 0 {
		sink = map[string]string{"connector": "blackhole"}
	}
	return append(out, q.sinkTable(sink), q.SQL())
}

// Script is Statements as one text.
func (q Query) Script(o Options) string { return strings.Join(q.Statements(o), "\n") }

func (q Query) sinkTable(o map[string]string) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + q.Table() + " (\n")
	for i, c := range q.Columns {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("  `" + c.Name + "` " + c.Type)
	}
	b.WriteString("\n)")
	if q.partitioned != "" && o["connector"] == "filesystem" {
		b.WriteString(" PARTITIONED BY (" + q.partitioned + ")")
	}
	return b.String() + " WITH (" + with(o) + ");\n"
}

// with writes options in order of their keys.
func with(o map[string]string) string {
	keys := make([]string, 0, len(o))
	for k := range o {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b strings.Builder
	for i, k := range keys {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("\n  " + quote(k) + " = " + quote(o[k]))
	}
	return strings.ReplaceAll(b.String(), ", \n", ",\n") + "\n"
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func file(name string) string {
	b, err := files.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic("nexmark: no statement " + name)
	}
	return string(b)
}

// FileSink are the sink options of q10: CSV files in folder dir, a partition
// committed with a success file a minute after its time.
func FileSink(dir string) map[string]string {
	return map[string]string{
		"connector": "filesystem",
		"path":      dir,
		"format":    "csv",
		"partition.time-extractor.timestamp-pattern": "$dt $hm:00",
		"sink.partition-commit.delay":                "1 min",
		"sink.partition-commit.trigger":              "partition-time",
		"sink.partition-commit.policy.kind":          "success-file",
		"sink.rolling-policy.rollover-interval":      "1 min",
		"sink.rolling-policy.check-interval":         "1 min",
	}
}

// SideTable are the table options of q13's side input in the file at path.
func SideTable(path string) map[string]string {
	return map[string]string{"connector": "filesystem", "path": path, "format": "csv"}
}

// SideInput is the content of q13's side input: 10,000 lines "i,i".
func SideInput() []byte {
	var b []byte
	for i := range int64(10_000) {
		b = strconv.AppendInt(b, i, 10)
		b = append(b, ',')
		b = strconv.AppendInt(b, i, 10)
		b = append(b, '\n')
	}
	return b
}
