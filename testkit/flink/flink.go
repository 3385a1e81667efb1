// Package flink runs the sections of testkit/sqltest on Apache Flink and compares.
//
// Flink's published jars come from Maven Central once and stay in the user's cache, and so
// does its package for Python, from PyPI. One JVM runs java/Judge.java: a section goes in
// as a line of JSON, its answer comes back as one. mink's own answer is the section's
// result, to which TestSQL of testkit/sqltest holds it in every way of running.
//
// What a section has and Flink's jars have not stands in java: tables with rows of their
// own (Tables), tables whose rows change and the format changelog-json (Files), the
// connector and the model that tests register (Twins), their functions (Functions), a
// search for vectors (Vectors), a catalog that knows partitions by their folders
// (Partitions). Windows of processing time are shorter for Flink (lasting.go). Sections
// about jobs, statement sets and materialized tables go through Flink's SQL Gateway
// (Gateway). What exists in mink alone says so in its section:
// "mink only: reason".
//
// `make test-flink` runs TestFlink, which writes docs/flink-comparison.md; a
// difference without a reason in differences.txt fails it.
//
// Begin with Run, then Compare in compare.go.
package flink

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/testkit/sqltest"
)

//go:embed java/*.java
var sources embed.FS

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
	// Missing is what this machine lacks to run the section, or "".
	Missing string `json:"missing,omitempty"`
}

// slow tells whether an answer is one of a machine that had no time for it: there is none,
// or Flink took a process that stood still for one that is gone, and has no slots then for
// what comes after.
func (a *Answer) slow() bool {
	return a.Late || strings.Contains(a.Error, "Heartbeat of TaskManager with id") || strings.Contains(a.Error, "NoResourceAvailableException")
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
	Gateway    bool              `json:"gateway,omitempty"`
	Settings   map[string]string `json:"settings"`
	Functions  []javaFunction    `json:"functions,omitempty"`
	Tables     []table           `json:"tables"`
	Sink       *table            `json:"sink,omitempty"`
	Setup      []string          `json:"setup"`
	Statements []string          `json:"statements"`
	// Linger is how long the windows of processing time are that its tables wait for.
	Linger string `json:"linger,omitempty"`
	// Partitions: tables are in a catalog that knows their directories.
	Partitions bool `json:"partitions,omitempty"`
	// Files is a hash of the Python files that the section uses.
	Files string `json:"files,omitempty"`
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

// needsPython tells whether the section calls functions in Python.
func (j Job) needsPython() bool {
	return slices.ContainsFunc(j.Section.Needs, func(n string) bool { return n == "python3" || n == "pandas" })
}

func (j Job) request(dir string) request {
	s := j.Section
	r := request{ID: j.ID, Batch: j.Batch, Gateway: s.Has(ofGateway) || j.badSetting(), Functions: j.functions(), Settings: settings(), Tables: []table{}, Setup: []string{}}
	for _, kv := range s.Settings {
		key, value, _ := strings.Cut(kv, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case key == "execution.runtime-mode": // is fixed when Flink's environment is made
			r.Batch = strings.EqualFold(value, "batch")
		case key == "mink.flink-version": // 2.2, which asked for no ON CONFLICT
			r.Settings["table.exec.sink.require-on-conflict"] = "false"
		case !strings.HasPrefix(key, "mink."):
			r.Settings[key] = value
		}
	}
	if j.paced() {
		r.Settings["execution.buffer-timeout.interval"] = "0 ms"
	}
	for _, g := range s.Given {
		r.Tables = append(r.Tables, tableOf(g))
	}
	if s.Sink != nil {
		t := tableOf(s.Sink)
		r.Sink = &t
	}
	if j.lasts() {
		r.Linger = lasting
	}
	r.Partitions = !r.Gateway && s.Has(ofPartitions)
	changes := s.Has(changesRows)
	in := func(sql string) []string {
		if changes {
			sql = strings.ReplaceAll(sql, "'connector' = 'filesystem'", "'connector' = 'judge-files'")
		}
		return sqltest.Statements(inJava.Replace(strings.ReplaceAll(sql, "${dir}", dir)))
	}
	for _, sql := range s.Setup {
		r.Setup = append(r.Setup, in(sql)...)
	}
	r.Statements = in(s.SQL)
	if j.lasts() {
		r.Statements = in(shorter(s.SQL))
	}
	if j.needsPython() {
		r.Files = pythonFiles()
	}
	return r
}

// paced tells whether the rows of a section come one by one, each when all has come of
// the one before: its changes depend on it, since they meet again on several ways.
func (j Job) paced() bool {
	text := strings.ToUpper(all(j.Section))
	return !j.Batch && j.Section.Form == sqltest.Changes && (strings.Contains(text, "JOIN ") || strings.Contains(text, "EXISTS"))
}

// badSetting tells whether a section shows that SET refuses a value, which is for the
// SQL Gateway to do.
func (j Job) badSetting() bool {
	return j.Section.Form == sqltest.Error && strings.HasPrefix(j.Section.SQL, "SET ")
}

// changesRows are the statements that need a table whose rows can be changed, which
// Flink's own connectors do not have; Files.java does.
func changesRows(s ast.Statement) bool {
	switch s.(type) {
	case *ast.Update, *ast.Delete, *ast.TruncateTable:
		return true
	}
	return false
}

// ofGateway are the statements that a table environment does not do, and Flink's SQL
// Gateway does.
func ofGateway(s ast.Statement) bool {
	switch s := s.(type) {
	case *ast.BeginStatementSet, *ast.EndStatementSet, *ast.StopJob, *ast.RemoveJar,
		*ast.CreateMaterializedTable, *ast.AlterMaterializedTable, *ast.DropMaterializedTable:
		return true
	case *ast.Show:
		return s.What == "JOBS"
	case *ast.Describe:
		return s.What == "JOB"
	case *ast.Set: // the mode is fixed when a table environment is made
		mode := strings.EqualFold(s.Value.Value, "batch") || strings.EqualFold(s.Value.Value, "streaming")
		return !s.Key.Set || s.Key.Value == "execution.runtime-mode" && mode
	case *ast.Reset:
		return !s.Key.Set
	}
	return false
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
	if have, err := os.ReadFile(filepath.Join(jars, "complete")); err != nil || !bytes.Equal(have, pom) {
		if err := os.WriteFile(filepath.Join(scratch, "pom.xml"), pom, 0o644); err != nil {
			return "", err
		}
		mvn := exec.CommandContext(ctx, "mvn", "-q", "-B", "-Dflink.version="+Version(), "dependency:copy-dependencies", "-DoutputDirectory="+jars)
		mvn.Dir = scratch
		if out, err := mvn.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %w: %s", ErrNotHere, err, out)
		}
		if err := os.WriteFile(filepath.Join(jars, "complete"), pom, 0o644); err != nil {
			return "", err
		}
	}
	classes := filepath.Join(scratch, "classes")
	for service, names := range services {
		file := filepath.Join(classes, "META-INF", "services", service)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(strings.Join(names, "\n")+"\n"), 0o644); err != nil {
			return "", err
		}
	}
	if err := os.CopyFS(scratch, sources); err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(scratch, "java", "*.java"))
	if err != nil {
		return "", err
	}
	javac := exec.CommandContext(ctx, "javac", append([]string{"-nowarn", "-d", classes, "-cp", filepath.Join(jars, "*")}, files...)...)
	if out, err := javac.CombinedOutput(); err != nil {
		return "", fmt.Errorf("javac: %w: %s", err, out)
	}
	return classes + string(os.PathListSeparator) + filepath.Join(jars, "*"), nil
}

// services are the classes of the Java side that Flink finds by what they are.
var services = map[string][]string{
	"org.apache.flink.table.factories.Factory": {
		"Tables$Connector", "Files$Factory", "Files$Format", "Twins$Lookups", "Twins$Linear", "Gateway$Scheduler",
	},
	"org.apache.flink.core.execution.PipelineExecutorFactory": {"Judge$Executor"},
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
		if j.Section.MinkOnly != "" {
			continue
		}
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
	python := ""
	if slices.ContainsFunc(left, Job.needsPython) {
		slices.SortStableFunc(left, func(a, b Job) int { // starting processes takes longest
			return cmp.Compare(fmt.Sprint(a.needsPython()), fmt.Sprint(b.needsPython()))
		})
		var absent error
		if python, absent = preparePython(ctx); absent != nil {
			left = slices.DeleteFunc(left, func(j Job) bool {
				if j.needsPython() {
					answers[j.ID] = &Answer{ID: j.ID, Missing: "calls Python, which apache-flink of PyPI could not be set up for"}
				}
				return j.needsPython()
			})
		}
	}
	for again := range 2 { // what was too slow is asked once more
		if err != nil || len(left) == 0 {
			break
		}
		dir := filepath.Join(scratch, strconv.Itoa(again))
		if err = os.Mkdir(dir, 0o755); err != nil {
			break
		}
		err = run(ctx, dir, python, left, func(a *Answer) error {
			a.Late = a.slow()
			answers[a.ID] = a
			return k.add(keys[a.ID], a)
		})
		left = slices.DeleteFunc(left, func(j Job) bool { return answers[j.ID] == nil || !answers[j.ID].Late })
	}
	return answers, errors.Join(err, k.close())
}

// run runs jobs and gives their answers one by one.
func run(ctx context.Context, scratch, python string, jobs []Job, answered func(*Answer) error) error {
	classPath, err := prepare(ctx, scratch)
	if err != nil {
		return err
	}
	args := []string{"-Xmx4g", "-Xss4m"}
	for _, p := range []string{"java.lang", "java.util", "java.util.concurrent", "java.net", "java.nio", "java.time"} {
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
	feeding.Go(func() { fed = feed(in, scratch, python, jobs) })
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

func feed(in io.WriteCloser, scratch, python string, jobs []Job) error {
	defer in.Close()
	enc := json.NewEncoder(in)
	for i, j := range jobs {
		dir := filepath.Join(scratch, fmt.Sprint("run", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for _, g := range j.Section.Given { // some sections read a table's file by themselves
			if err := g.Write(dir); err != nil {
				return err
			}
		}
		r := j.request(dir)
		if j.needsPython() {
			if err := withPython(&r, python); err != nil {
				return err
			}
		}
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}
