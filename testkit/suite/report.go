package suite

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// Report is a form of telling what came of tests. Each is called in the order of the
// tests, End once.
type Report interface {
	Each(r *Result)
	End(s *Summary) error
}

// Forms are the names of reports beside the one for people.
var Forms = []string{"gh", "json", "junit", "md", "tap"}

// NewReport makes the report of a form; w takes it.
func NewReport(form string, w io.Writer) (Report, error) {
	switch form {
	case "text":
		return &Text{W: w}, nil
	case "junit":
		return &junit{w: w}, nil
	case "tap":
		return &tap{w: w}, nil
	case "json":
		return &jsonLines{w: w}, nil
	case "md":
		return &markdown{w: w}, nil
	case "gh":
		return &github{w: w}, nil
	}
	return nil, diag.New(diag.Config, "no report %q", form).WithHint("one of %s", strings.Join(Forms, ", "))
}

// line is where a failure, or else the test, stands.
func (r *Result) line() int {
	switch {
	case len(r.Errs) > 0:
		at := r.Errs[0]
		return 1 + strings.Count(at.Source.Text[:min(at.Err.Span.Start, len(at.Source.Text))], "\n")
	case r.Verdict != nil && len(r.Verdict.Failures) > 0:
		if p := r.Verdict.Failures[0].Place(); p.Name == r.File.Name && p.Line() > 0 {
			return p.Line()
		}
	}
	return max(1, r.File.Place(r.Test.At).Line())
}

// headline is the first line of what is wrong.
func (r *Result) headline() string {
	text, _, _ := strings.Cut(Describe(r), "\n")
	return text
}

func (r *Result) testName() string {
	if r.Test == nil {
		return "(file)"
	}
	return r.Test.Case.Name
}

func (r *Result) seconds() float64 {
	if r.Verdict == nil {
		return 0
	}
	return r.Verdict.Elapsed.Seconds()
}

// junit is the XML that CI servers read: a suite a file.
type junit struct {
	w    io.Writer
	list []*Result
}

type junitSuites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Time     string   `xml:"time,attr"`
	Suites   []*junitSuite
}

type junitSuite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Time     string   `xml:"time,attr"`
	Cases    []junitCase
	seconds  float64
}

type junitCase struct {
	XMLName xml.Name   `xml:"testcase"`
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	File    string     `xml:"file,attr"`
	Line    int        `xml:"line,attr"`
	Time    string     `xml:"time,attr"`
	Failure *junitText `xml:"failure"`
	Error   *junitText `xml:"error"`
	Skipped *junitText `xml:"skipped"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (j *junit) Each(r *Result) { j.list = append(j.list, r) }

func (j *junit) End(s *Summary) error {
	all := &junitSuites{Tests: s.Tests, Skipped: s.Skipped, Time: fmt.Sprintf("%.3f", s.Elapsed.Seconds())}
	var last *junitSuite
	for _, r := range j.list {
		if last == nil || last.Name != r.File.Name {
			last = &junitSuite{Name: r.File.Name}
			all.Suites = append(all.Suites, last)
		}
		c := junitCase{Class: strings.TrimSuffix(filepath.Base(r.File.Name), ".sql"), Name: r.testName(), File: r.File.Name, Line: r.line(), Time: fmt.Sprintf("%.3f", r.seconds())}
		last.Tests++
		last.seconds += r.seconds()
		switch {
		case r.Failed() && (len(r.Errs) > 0 || r.Internal != nil):
			c.Error = &junitText{r.headline(), clean(Describe(r))}
			last.Errors++
			all.Errors++
		case r.Failed():
			c.Failure = &junitText{r.headline(), clean(Describe(r))}
			last.Failures++
			all.Failures++
		case r.Skipped() != "":
			c.Skipped = &junitText{Message: r.Skipped()}
			last.Skipped++
		}
		last.Time = fmt.Sprintf("%.3f", last.seconds)
		last.Cases = append(last.Cases, c)
	}
	if _, err := io.WriteString(j.w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(j.w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(j.w, "\n")
	return err
}

// clean leaves out control characters, which XML cannot have.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// tap is the Test Anything Protocol, version 14.
type tap struct {
	w io.Writer
	n int
}

func (t *tap) Each(r *Result) {
	if t.n == 0 {
		fmt.Fprintln(t.w, "TAP version 14")
	}
	t.n++
	word, rest := "ok", ""
	switch {
	case r.Failed():
		word = "not ok"
	case r.Skipped() != "":
		rest = " # SKIP " + r.Skipped()
	}
	fmt.Fprintf(t.w, "%s %d - %s%s\n", word, t.n, strings.ReplaceAll(r.Name(), "#", `\#`), rest)
	if r.Failed() {
		fmt.Fprintf(t.w, "  ---\n  at: %s:%d\n  message: |\n%s  ...\n", r.File.Name, r.line(), indentLines(Describe(r), "    "))
	}
}

func (t *tap) End(*Summary) error {
	_, err := fmt.Fprintf(t.w, "1..%d\n", t.n)
	return err
}

// jsonLines is an object a test, and one for the sums.
type jsonLines struct{ w io.Writer }

func (j *jsonLines) write(v any) error {
	e := json.NewEncoder(j.w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (j *jsonLines) Each(r *Result) {
	out := map[string]any{"file": r.File.Name, "test": r.testName(), "line": r.line(), "status": status(r), "seconds": r.seconds()}
	if r.Verdict != nil {
		out["runs"], out["label"] = r.Verdict.Runs, r.Verdict.Label.String()
	}
	if r.Skipped() != "" {
		out["reason"] = r.Skipped()
	}
	if r.Failed() {
		out["message"] = Describe(r)
		if r.Verdict != nil && len(r.Verdict.Failures) > 0 {
			f := r.Verdict.Failures[0]
			out["seed"] = f.Schedule.Seed
			if m := f.Mismatch; m != nil && m.Position() != "" {
				out["first"] = m.Position()
			}
			if line := DebugLine(r, f); line != "" {
				out["debug"] = line
			}
			if m := f.Mismatch; m != nil && (m.Want != nil || m.Have != nil) {
				out["columns"], out["want"], out["have"] = m.Names, m.Want, m.Have
			}
		}
	}
	_ = j.write(out) // what cannot be written shows at the end
}

func (j *jsonLines) End(s *Summary) error {
	return j.write(map[string]any{
		"tests": s.Tests, "passed": s.Passed, "failed": s.Failed, "updated": s.Updated, "skipped": s.Skipped, "runs": s.Runs, "seconds": s.Elapsed.Seconds(),
	})
}

func status(r *Result) string {
	switch {
	case r.Updated:
		return "updated"
	case r.Failed():
		return "failed"
	case r.Skipped() != "":
		return "skipped"
	}
	return "passed"
}

// markdown is a page: the sums, and each failure folded away.
type markdown struct {
	w      io.Writer
	failed []*Result
}

func (m *markdown) Each(r *Result) {
	if r.Failed() {
		m.failed = append(m.failed, r)
	}
}

func (m *markdown) End(s *Summary) error {
	_, err := io.WriteString(m.w, page(s, m.failed, 1<<30))
	return err
}

// page writes at most some bytes.
func page(s *Summary, failed []*Result, most int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## mink test\n\n%s\n", s)
	for i, r := range failed {
		text := fmt.Sprintf("\n<details><summary><b>%s</b>: %s</summary>\n\n```text\n%s```\n\n</details>\n", r.Name(), r.headline(), strings.ReplaceAll(Describe(r), "```", "` ` `"))
		if b.Len()+len(text) > most-100 {
			fmt.Fprintf(&b, "\n%d more failures are in the log.\n", len(failed)-i)
			break
		}
		b.WriteString(text)
	}
	return b.String()
}

// github writes annotations for GitHub Actions, which shows ten of a kind in a step: nine
// failures and a line with the sums. All of them are in the summary of the step.
type github struct {
	w      io.Writer
	failed []*Result
}

// annotations is how many failures get one of their own, and summaryBytes what GitHub
// takes of a summary.
const (
	annotations  = 9
	summaryBytes = 1 << 20
)

func (g *github) Each(r *Result) {
	if !r.Failed() {
		return
	}
	if g.failed = append(g.failed, r); len(g.failed) <= annotations {
		g.error(r.File.Name, r.line(), r.Name(), Describe(r))
	}
}

func (g *github) error(file string, line int, title, text string) {
	fmt.Fprintf(g.w, "::error file=%s,line=%d,title=%s::%s\n", property(file), line, property(title), data(text))
}

func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(strings.TrimRight(s, "\n"))
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

func (g *github) End(s *Summary) error {
	if len(g.failed) > 0 {
		fmt.Fprintf(g.w, "::error title=mink test::%s\n", data(s.String()))
	} else {
		fmt.Fprintf(g.w, "::notice title=mink test::%s\n", data(s.String()))
	}
	name := os.Getenv("GITHUB_STEP_SUMMARY")
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot write the summary of the step")
	}
	_, err = f.WriteString(page(s, g.failed, summaryBytes))
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
