package flink

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minkstream/mink/testkit/sqltest"
)

// Jobs are the sections of a directory: each in streaming, or in batch where it is
// for batch alone; ordered ones in both. match narrows them to files.
func Jobs(dir, match string) ([]Job, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.test"))
	if err != nil {
		return nil, err
	}
	var out []Job
	for _, name := range names {
		base := filepath.Base(name)
		if match != "" && !strings.HasPrefix(base, match) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		f, err := sqltest.Parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, s := range f.Sections {
			if s.Skip != "" {
				continue
			}
			id := fmt.Sprintf("%s:%d", base, s.Line)
			can, only := s.InBatch()
			if !only {
				out = append(out, Job{id, base, s, false})
			}
			if only || can && s.Form == sqltest.Ordered {
				out = append(out, Job{id + "/batch", base, s, true})
			}
		}
	}
	return out, nil
}

// Fill writes Flink's answers below the dashes of sections that have a "?" there, and
// returns those that it has no answer for, with the error.
func Fill(dir string, answers map[string]*Answer) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.test"))
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		f, err := sqltest.Parse(string(text))
		if err != nil {
			return nil, err
		}
		filled := false
		for _, s := range f.Sections {
			if !s.Open() {
				continue
			}
			id := fmt.Sprintf("%s:%d", filepath.Base(name), s.Line)
			_, inBatch := s.InBatch()
			if inBatch {
				id += "/batch"
			}
			switch a := answers[id]; {
			case a == nil:
			case s.Fill(a.outside(), inBatch):
				filled = true
			default:
				missing = append(missing, fmt.Sprintf("%s: %s\n%s", id, s.SQL, a.Error))
			}
		}
		if filled {
			if err := os.WriteFile(name, []byte(f.Text()), 0o644); err != nil {
				return nil, err
			}
		}
	}
	return missing, nil
}

// nested tells whether a column is a row, an array or a map.
func (a *Answer) nested() bool {
	return slices.ContainsFunc(a.Types, func(t string) bool { return t == "ROW" || t == "ARRAY" || t == "MAP" || t == "MULTISET" })
}

func (a *Answer) outside() *sqltest.Outside {
	return &sqltest.Outside{Info: a.Info, Types: a.Types, Rows: a.Rows, Error: a.Error}
}

//go:embed differences.txt
var differencesText string

// Difference is a known difference: sections of a file whose statement contains a
// text, and why they differ. Why begins with its kind: "Flink:" for a defect of
// Flink, "documented:" for what Flink's pages say otherwise, "version:" for what a release
// lacks, so that the section does not count, "mink:" for a choice in docs/flink-differences.md, "form:" for text
// that each engine writes in its own way.
type Difference struct {
	File, Text, Why string
	used            bool
}

var kinds = []string{"Flink:", "documented:", "version:", "mink:", "form:"}

// differences reads "file | text | why".
func differences(text string) ([]*Difference, error) {
	var out []*Difference
	for i, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		part := strings.Split(line, " | ")
		if len(part) != 3 || !slices.ContainsFunc(kinds, func(k string) bool { return strings.HasPrefix(part[2], k) }) {
			return nil, fmt.Errorf("differences.txt:%d: want: file | text | kind: why, the kind one of %s", i+1, strings.Join(kinds, " "))
		}
		out = append(out, &Difference{File: part[0], Text: part[1], Why: part[2]})
	}
	return out, nil
}

func find(list []*Difference, j Job) *Difference {
	all := strings.Join(append(slices.Clone(j.Section.Setup), j.Section.SQL), "\n")
	for _, d := range list {
		if (d.File == "*" || d.File == j.File) && strings.Contains(all, d.Text) {
			d.used = true
			return d
		}
	}
	return nil
}

const gateway = "is a statement of Flink's SQL Gateway, which does not run here"

const rowLevel = "changes rows of files, which no connector of Flink's own does"

// elsewhere are words of errors that say that a section cannot be put to Flink in
// one process, with the reason for the table.
var elsewhere = []struct{ words, why string }{
	{"identifier 'changelog-json'", "uses the format changelog-json, which is mink's own"},
	{"identifier 'nexmark'", "uses the connector nexmark, which is mink's own"},
	{"doesn't support ExecutableOperation", gateway},
	{"only accepts a single SQL statement of type", gateway},
	{"Unable to create catalog", "keeps its catalog on disk, in a format of mink's own"},
	{"Unable to restore the RAW type", "needs a class of the JVM"},
	{"Cannot instantiate user-defined function", "calls Python, which is not set up here"},
	{"Object 'information_schema' not found", "reads the information schema, which is mink's own"},
	{"name [information_schema] does not exist", "reads the information schema, which is mink's own"},
	{"'mink' doesn't exist", "reads a table of mink's own"},
	{"Could not find any factory for identifier", "uses a connector or format that is not in Flink's jars"},
	{"format factory for identifier", "uses a connector or format that is not in Flink's jars"},
	{"Unable to create a model provider", "uses a model provider of mink's own"},
	{"AlterMaterializedTable", gateway},
	{"Cannot obtain metadata information from Catalog", "asks for the description of a catalog that Flink keeps for itself alone"},
	{"Unrecognized function language", "uses functions in a language that Flink does not run"},
	{"org.apache.flink.table.connector.sink.abilities.", rowLevel},
	{"implemented the interface org.apache.flink.table.connector", rowLevel},
}

// own are texts of statements that only mink has.
var own = []struct{ words, why string }{
	{"'changelog-json'", "uses the format changelog-json, which is mink's own"},
	{"'nexmark'", "uses the connector nexmark, which is mink's own"},
	{"mink.", "uses a setting or table of mink's own"},
	{"information_schema", "reads the information schema, which is mink's own"},
	{"MATERIALIZED TABLE", gateway},
	{"VECTOR_SEARCH(", "searches vectors, which no connector of Flink's own does"},
	{"LANGUAGE PYTHON", "calls Python, which is not set up here"},
	{"GO_WAVG", "calls a function in Go"}, {"GO_TRAIL", "calls a function in Go"}, {"LANGUAGE GO", "calls a function in Go"},
	{"ANALYZE TABLE", "shows statistics, which Flink shows nowhere"},
	{"UPDATE t SET", rowLevel}, {"UPDATE p SET", rowLevel}, {"UPDATE typed SET", rowLevel}, {"DELETE FROM", rowLevel}, {"TRUNCATE TABLE", rowLevel},
}

// Outcome is a job with what came of it.
type Outcome struct {
	Job
	Verdict sqltest.Verdict
	Answer  *Answer
	Problem string
	// NotRun says why the section says nothing of Flink, or "".
	NotRun string
	// Why is the reason of a difference, or "" where none is known.
	Why string
}

// Compare judges the answers.
func Compare(jobs []Job, answers map[string]*Answer) ([]*Outcome, error) {
	known, err := differences(differencesText)
	if err != nil {
		return nil, err
	}
	var out []*Outcome
	for _, j := range jobs {
		o := &Outcome{Job: j, Answer: answers[j.ID]}
		out = append(out, o)
		if o.NotRun = notRun(j, o.Answer); o.NotRun != "" {
			continue
		}
		a := o.Answer
		o.Verdict, o.Problem = j.Section.Judge(a.outside(), j.Batch)
		if o.Verdict == sqltest.Same && a.Phase != "" {
			o.Verdict, o.Problem = sqltest.Differs, "an error in preparing: "+a.Error
		}
		if o.Verdict != sqltest.Same {
			switch d := find(known, j); {
			case d == nil:
			case strings.HasPrefix(d.Why, "version: "):
				o.NotRun = strings.TrimPrefix(d.Why, "version: ")
			default:
				o.Why = d.Why
			}
		}
	}
	return out, nil
}

func notRun(j Job, a *Answer) string {
	s := j.Section
	all := strings.Join(append(append(slices.Clone(s.Setup), s.SQL), s.Settings...), "\n")
	for _, w := range own {
		if strings.Contains(all, w.words) {
			return w.why
		}
	}
	switch {
	case a == nil, a.Late:
		return "has no answer in time"
	case s.Form == sqltest.Text && strings.Contains(strings.ToUpper(s.SQL), "EXPLAIN"):
		return "is a plan, which each engine writes in its own way"
	case s.Form == sqltest.Error && strings.Contains(s.SQL, "BEGIN STATEMENT SET"):
		return gateway
	case s.Form == sqltest.Error && (s.Want[0] == "unsupported" || strings.HasPrefix(s.Want[0], "unsupported ")):
		return "is refused by mink as not supported yet"
	}
	if s.Sink != nil && a.nested() {
		return "writes nested values, whose text is each engine's own"
	}
	for _, w := range elsewhere {
		if strings.Contains(a.Error, w.words) {
			return w.why
		}
	}
	return ""
}
