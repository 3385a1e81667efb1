// Package flink runs the sections of testkit/sqltest on Apache Flink and compares.
//
// Flink's published jars come from Maven Central once and stay in the user's cache.
// One JVM runs java/Judge.java: a section goes in as a line of JSON, its answer comes
// back as one. mink's own answer is the section's result, to which TestSQL of
// testkit/sqltest holds it in every way of running.
//
// `make test-flink` runs TestFlink, which writes docs/flink-comparison.md; a
// difference without a reason in differences.txt fails it.
//
// Begin with Run, then Compare in compare.go.
package flink

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/minkstream/mink/testkit/sqltest"
)

//go:embed java/Judge.java
var judgeSource []byte

//go:embed java/pom.xml
var pom []byte

// ErrNotHere says that Flink cannot be had on this machine: no Java, no Maven, or no
// registry to take the jars from.
var ErrNotHere = errors.New("no Apache Flink here")

// Job is a section to be run.
type Job struct {
	ID      string // file:line, with "/batch" behind it in batch
	File    string
	Section *sqltest.Section
	Batch   bool
}

// Answer is what Flink said to a job.
type Answer struct {
	ID    string      `json:"id"`
	Error string      `json:"error"`
	Phase string      `json:"phase"` // where the error came: "" in the statements themselves
	Info  bool        `json:"info"`
	Types []string    `json:"types"`
	Rows  [][]*string `json:"rows"`
	MS    int64       `json:"ms"`
	// Late: it did not end in time.
	Late bool `json:"late"`
}

type table struct {
	Name    string            `json:"name"`
	Columns string            `json:"columns"`
	Plain   string            `json:"plain"`
	Mode    string            `json:"mode"`
	Rows    []json.RawMessage `json:"rows"`
}

type request struct {
	ID         string            `json:"id"`
	Batch      bool              `json:"batch"`
	Settings   map[string]string `json:"settings"`
	Tables     []table           `json:"tables"`
	Sink       *table            `json:"sink,omitempty"`
	Setup      []string          `json:"setup"`
	Statements []string          `json:"statements"`
}

// settings of every section: those of sqltest, and watermarks on every row.
func settings() map[string]string {
	return map[string]string{
		"execution.target":                 "judge",
		"parallelism.default":              "1",
		"table.local-time-zone":            "UTC",
		"restart-strategy.type":            "none",
		"pipeline.auto-watermark-interval": "0 ms",
	}
}

func tableOf(g *sqltest.Given) table {
	t := table{Name: g.Name, Columns: g.Columns, Plain: g.Plain(), Mode: g.Mode, Rows: []json.RawMessage{}}
	if g.Watermark != "" {
		t.Columns += ", " + g.Watermark
	}
	for _, l := range g.Lines() {
		t.Rows = append(t.Rows, json.RawMessage(l))
	}
	return t
}

func (j Job) request(dir string) request {
	s := j.Section
	r := request{ID: j.ID, Batch: j.Batch, Settings: settings(), Tables: []table{}, Setup: []string{}}
	for _, kv := range s.Settings {
		key, value, _ := strings.Cut(kv, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case key == "execution.runtime-mode": // is fixed when Flink's environment is made
			r.Batch = strings.EqualFold(value, "batch")
		case !strings.HasPrefix(key, "mink."):
			r.Settings[key] = value
		}
	}
	for _, g := range s.Given {
		r.Tables = append(r.Tables, tableOf(g))
	}
	if s.Sink != nil {
		t := tableOf(s.Sink)
		r.Sink = &t
	}
	in := func(sql string) []string { return sqltest.Statements(strings.ReplaceAll(sql, "${dir}", dir)) }
	for _, sql := range s.Setup {
		r.Setup = append(r.Setup, in(sql)...)
	}
	r.Statements = in(s.SQL)
	return r
}

// Version is Flink's version: MINK_FLINK_VERSION, or the pom's.
func Version() string {
	if v := os.Getenv("MINK_FLINK_VERSION"); v != "" {
		return v
	}
	_, rest, _ := strings.Cut(string(pom), "<flink.version>")
	v, _, _ := strings.Cut(rest, "<")
	return v
}

// cacheDir is where the jars and answers of a version lie.
func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "mink", "flink-"+Version()), err
}

// prepare brings the jars and compiles the Java side; it returns the class path.
func prepare(ctx context.Context, scratch string) (string, error) {
	for _, tool := range []string{"java", "javac", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%w: there is no %s", ErrNotHere, tool)
		}
	}
	jars, err := cacheDir()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(jars, "complete")); err != nil {
		if err := os.WriteFile(filepath.Join(scratch, "pom.xml"), pom, 0o644); err != nil {
			return "", err
		}
		mvn := exec.CommandContext(ctx, "mvn", "-q", "-B", "-Dflink.version="+Version(), "dependency:copy-dependencies", "-DoutputDirectory="+jars)
		mvn.Dir = scratch
		if out, err := mvn.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %w: %s", ErrNotHere, err, out)
		}
		if err := os.WriteFile(filepath.Join(jars, "complete"), nil, 0o644); err != nil {
			return "", err
		}
	}
	classes := filepath.Join(scratch, "classes")
	services := filepath.Join(classes, "META-INF", "services")
	if err := os.MkdirAll(services, 0o755); err != nil {
		return "", err
	}
	for service, class := range map[string]string{
		"org.apache.flink.table.factories.Factory":                "Judge$Connector",
		"org.apache.flink.core.execution.PipelineExecutorFactory": "Judge$Executor",
	} {
		if err := os.WriteFile(filepath.Join(services, service), []byte(class+"\n"), 0o644); err != nil {
			return "", err
		}
	}
	source := filepath.Join(scratch, "Judge.java")
	if err := os.WriteFile(source, judgeSource, 0o644); err != nil {
		return "", err
	}
	javac := exec.CommandContext(ctx, "javac", "-nowarn", "-d", classes, "-cp", filepath.Join(jars, "*"), source)
	if out, err := javac.CombinedOutput(); err != nil {
		return "", fmt.Errorf("javac: %w: %s", err, out)
	}
	return classes + string(os.PathListSeparator) + filepath.Join(jars, "*"), nil
}

// Run gives the answers to jobs by id. Those that an earlier run has answered are taken
// from there, unless fresh; the others run in one JVM, in a scratch directory. Errors
// are of the machine, not of a statement.
func Run(ctx context.Context, scratch string, jobs []Job, fresh bool) (map[string]*Answer, error) {
	k, err := openKept(fresh)
	if err != nil {
		return nil, err
	}
	answers := map[string]*Answer{}
	var left []Job
	keys := map[string]string{}
	for _, j := range jobs {
		key, err := j.key()
		if err != nil {
			return nil, err
		}
		if a := k.answers[key]; a != nil {
			answers[j.ID] = a
			continue
		}
		left = append(left, j)
		keys[j.ID] = key
	}
	if len(left) > 0 {
		err = run(ctx, scratch, left, func(a *Answer) error {
			answers[a.ID] = a
			return k.add(keys[a.ID], a)
		})
	}
	return answers, errors.Join(err, k.close())
}

// run runs jobs and gives their answers one by one.
func run(ctx context.Context, scratch string, jobs []Job, answered func(*Answer) error) error {
	classPath, err := prepare(ctx, scratch)
	if err != nil {
		return err
	}
	args := []string{"-Xmx4g", "-Xss4m"}
	for _, p := range []string{"java.lang", "java.util", "java.util.concurrent", "java.net", "java.time"} {
		args = append(args, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	java := exec.CommandContext(ctx, "java", append(args, "-cp", classPath, "Judge", strconv.Itoa(runtime.NumCPU()))...)
	java.Dir = scratch
	log, err := os.Create(filepath.Join(scratch, "stderr"))
	if err != nil {
		return err
	}
	defer log.Close()
	java.Stderr = log
	in, err := java.StdinPipe()
	if err != nil {
		return err
	}
	out, err := java.StdoutPipe()
	if err != nil {
		return err
	}
	if err := java.Start(); err != nil {
		return err
	}
	var feeding sync.WaitGroup
	var fed error
	feeding.Go(func() { fed = feed(in, scratch, jobs) })
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		a := &Answer{}
		if err := json.Unmarshal(lines.Bytes(), a); err != nil {
			return fmt.Errorf("an answer is no JSON: %w: %s", err, lines.Text())
		}
		if err := answered(a); err != nil {
			return err
		}
	}
	feeding.Wait()
	if err := errors.Join(lines.Err(), fed, java.Wait()); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%w: %s", err, text[:min(len(text), 4000)])
	}
	return nil
}

func feed(in io.WriteCloser, scratch string, jobs []Job) error {
	defer in.Close()
	enc := json.NewEncoder(in)
	for i, j := range jobs {
		dir := filepath.Join(scratch, fmt.Sprint("run", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := enc.Encode(j.request(dir)); err != nil {
			return err
		}
	}
	return nil
}
