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
// for batch alone; ordered ones in both. match narrows them to files whose names begin
// so, or in one of several ways parted by commas.
func Jobs(dir, match string) ([]Job, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.test"))
	if err != nil {
		return nil, err
	}
	var out []Job
	for _, name := range names {
		base := filepath.Base(name)
		if !slices.ContainsFunc(strings.Split(match, ","), func(m string) bool { return strings.HasPrefix(base, m) }) {
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

func (a *Answer) outside() *sqltest.Outside {
	return &sqltest.Outside{Info: a.Info, Types: a.Types, Rows: a.Rows, Error: a.Error}
}

//go:embed differences.txt
var differencesText string

// Difference is a known difference: sections of a file whose statement contains a
// text, and why they differ. Why begins with its kind: "Flink:" for a defect of
// Flink, "documented:" for what Flink's pages say otherwise, "extension:" for what Flink
// refuses and mink takes, "version:" for what a release lacks, so that the section does
// not count, "form:" for text that each engine writes in its own way.
type Difference struct {
	File, Text, Why string
	used            bool
}

var kinds = []string{"Flink:", "documented:", extension, "version:", "form:"}

const extension = "extension:"

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
	text := all(j.Section)
	for _, d := range list {
		if (d.File == "*" || d.File == j.File) && strings.Contains(text, d.Text) {
			d.used = true
			return d
		}
	}
	return nil
}

// Outcome is a job with what came of it.
type Outcome struct {
	Job
	Verdict sqltest.Verdict
	Answer  *Answer
	Problem string
	// Planned: the result is a plan, and Flink has one, too.
	Planned bool
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
		switch {
		case a.Error != "" && a.Phase != "":
			o.Verdict, o.Problem = sqltest.Differs, "an error in preparing: "+a.Error
		case j.plan() && a.Error == "":
			o.Planned = true
		default:
			o.Verdict, o.Problem = j.Section.Judge(a.outside(), j.Batch)
		}
		if o.Verdict != sqltest.Same {
			switch d := find(known, j); {
			case d == nil:
			case strings.HasPrefix(d.Why, "version: "):
				o.NotRun = strings.TrimPrefix(d.Why, "version: ")
			case strings.HasPrefix(d.Why, extension) && a.Error == "": // Flink has taken it, and says something else
			default:
				o.Why = d.Why
			}
		}
	}
	return out, nil
}

func notRun(j Job, a *Answer) string {
	switch {
	case j.Section.MinkOnly != "":
		return j.Section.MinkOnly
	case a == nil, a.Late:
		return "has no answer in time"
	case a.Missing != "":
		return a.Missing
	}
	return ""
}

// plan tells whether a section's result is the text of a plan, which each engine writes
// in its own way: that Flink plans the statement is what is compared.
func (j Job) plan() bool {
	return j.Section.Form == sqltest.Text && strings.Contains(strings.ToUpper(j.Section.SQL), "EXPLAIN")
}
