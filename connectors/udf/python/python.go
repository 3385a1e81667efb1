// Package python runs user functions written in Python, in worker processes that need
// python3 and nothing else.
//
// CREATE FUNCTION f AS 'module.name' LANGUAGE PYTHON names a function that was made
// with PyFlink's decorators. The worker brings a module pyflink of mink's own, which
// has what such functions use, so the same file runs on Flink. Rows go to the worker a
// batch at a time, as columns; a call waits for its answer within the step, and the
// answer is part of the step's record, so that a run is repeated without Python.
//
// A worker that ends, fails, or does not answer within 'mink.udf.timeout' is an error
// with Python's traceback, and the next attempt starts a new one. Workers stop when the
// last job that may use them has ended, and end by themselves when mink does.
//
// Begin with Runtime here, then worker.go for a process, frame.go for columns, and
// lib/worker.py for the other side.
package python

import (
	"encoding/json"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/minkstream/mink/connectors/udf"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// Runtime runs the functions of LANGUAGE PYTHON. It may be used from several
// goroutines.
type Runtime struct {
	function.Lease
	env *env.Env

	mu      sync.Mutex
	workers map[string][]*worker // by settings
	next    int                  // kernels made, which are dealt to workers in turn
	known   map[string]*described
	told    map[string]*described // by identifier: what a tape says
}

// slots is how many processes of one kind there are at most: no more steps run at
// once. Python runs one call at a time in each.
var slots = min(runtime.NumCPU(), 16)

// New makes the runtime; e starts its processes.
func New(e *env.Env) function.Runtime {
	r := &Runtime{env: e, workers: map[string][]*worker{}, known: map[string]*described{}, told: map[string]*described{}}
	r.Idle = func() { r.stop(false) }
	return r
}

// Language is PYTHON.
func (r *Runtime) Language() string { return "PYTHON" }

// Options: a Python function has none.
func (r *Runtime) Options() []string { return nil }

// setup is what a worker is started with, and what it is told with each function.
type setup struct {
	executable   string
	path         []string
	archives     []string
	requirements string
	timeout      int64 // milliseconds
	rows, series int   // most rows a call, and a call with Series
	zone         string
	arrow        bool
	together     int
	parameters   map[string]string
}

// key tells workers apart.
func (s *setup) key() string {
	return strings.Join(append(append([]string{s.executable, s.requirements}, s.archives...), s.path...), "\x00")
}

func setupOf(d *function.Definition) (*setup, error) {
	s := &setup{executable: d.Setting("python.executable"), zone: d.Zone, parameters: pairs(d.Setting("pipeline.global-job-parameters"))}
	if s.executable == "" {
		s.executable = "python3"
	}
	if dir := d.Setting("mink.script.dir"); strings.ContainsRune(s.executable, filepath.Separator) && !filepath.IsAbs(s.executable) && dir != "" {
		s.executable = filepath.Join(dir, s.executable)
	}
	s.path = append(s.path, absolute(d.Setting("mink.script.dir")))
	for _, key := range []string{"python.files", "python.pythonpath"} {
		for _, p := range strings.FieldsFunc(d.Setting(key), func(r rune) bool { return r == ',' || key != "python.files" && r == filepath.ListSeparator }) {
			p, err := localFile(key, p)
			if err != nil {
				return nil, err
			}
			if strings.HasSuffix(p, ".py") {
				p = filepath.Dir(p)
			}
			s.path = append(s.path, p)
		}
	}
	for _, a := range strings.Split(d.Setting("python.archives"), ",") {
		if strings.TrimSpace(a) == "" {
			continue
		}
		p, err := localFile("python.archives", a)
		if err != nil {
			return nil, err
		}
		s.archives = append(s.archives, p)
	}
	if r := d.Setting("python.requirements"); r != "" {
		var err error
		if s.requirements, err = localFile("python.requirements", r); err != nil {
			return nil, err
		}
	}
	timeout, err := udf.Timeout(d)
	if err != nil {
		return nil, err
	}
	s.timeout = timeout.Milliseconds()
	s.rows = number(d.Setting("python.fn-execution.bundle.size"), batch.MaxRows)
	s.series = min(s.rows, number(d.Setting("python.fn-execution.arrow.batch.size"), batch.MaxRows))
	s.together = number(d.Setting("table.exec.async-scalar.max-concurrent-operations"), 10)
	s.arrow = !strings.EqualFold(d.Setting("mink.udf.arrow"), "false")
	return s, nil
}

// localFile is the absolute path that a setting names, which may be a URI of one.
func localFile(key, p string) (string, error) {
	p = strings.TrimSpace(p)
	if scheme, rest, ok := strings.Cut(p, "://"); ok {
		if !strings.EqualFold(scheme, "file") {
			return "", diag.New(diag.InvalidOption, "setting '%s' takes files and folders of this machine, not '%s'", key, p).WithHint("copy it, and name the copy")
		}
		p = rest
	}
	return absolute(p), nil
}

func absolute(p string) string {
	if p == "" {
		p = "."
	}
	if abs, err := filepath.Abs(p); err == nil {
		p = abs
	}
	return p
}

// number is the value of a setting, or another one when it is none above 0.
func number(text string, or int) int {
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && n > 0 {
		return n
	}
	return or
}

// pairs reads 'k1:v1,k2:v2', where keys and values may stand in quotes.
func pairs(text string) map[string]string {
	out := map[string]string{}
	var word strings.Builder
	key, quote, has := "", rune(0), false
	end := func() {
		if has {
			out[key] = strings.TrimSpace(word.String())
		}
		key, has = "", false
		word.Reset()
	}
	for _, r := range strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "{"), "}") {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote = r
		case r == ':' && !has:
			key, has = strings.TrimSpace(word.String()), true
			word.Reset()
		case r == ',':
			end()
		default:
			word.WriteRune(r)
		}
	}
	end()
	return out
}

// request is what is said in JSON.
type request struct {
	Op           string            `json:"op"`
	ID           uint32            `json:"id"`
	Function     string            `json:"function"`
	Name         string            `json:"name"`
	Path         []string          `json:"path"`
	Archives     []string          `json:"archives,omitempty"`
	Requirements string            `json:"requirements,omitempty"`
	Zone         string            `json:"zone"`
	Params       []*wireType       `json:"params"`
	Results      []*wireType       `json:"results"`
	Arrow        bool              `json:"arrow"`
	Together     int               `json:"together"`
	Parameters   map[string]string `json:"parameters,omitempty"`
}

func (s *setup) request(op string, d *function.Definition) request {
	return request{
		Op: op, Function: d.Identifier, Name: d.Name, Path: s.path, Archives: s.archives, Requirements: s.requirements,
		Zone: s.zone, Arrow: s.arrow, Together: s.together, Parameters: s.parameters,
	}
}

// described is what a function is found to be.
type described struct {
	function.Declared
	pandas bool
}

// Describe imports the module and asks it.
func (r *Runtime) Describe(d *function.Definition) (*function.Declared, error) {
	s, err := setupOf(d)
	if err != nil {
		return nil, err
	}
	out, err := r.describe(s, d)
	if err != nil {
		return nil, err
	}
	return &out.Declared, nil
}

// pandasForm is Declared.Form of a function over Series.
const pandasForm = "pandas"

var _ function.ToldRuntime = (*Runtime)(nil)

// Tell says what a function is, so that no worker is asked.
func (r *Runtime) Tell(d *function.Definition, said *function.Declared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told[d.Identifier] = &described{Declared: *said, pandas: said.Form == pandasForm}
}

// describe asks a worker, once.
func (r *Runtime) describe(s *setup, d *function.Definition) (*described, error) {
	key := s.key() + "\x00" + d.Identifier
	r.mu.Lock()
	known := r.known[key]
	if t := r.told[d.Identifier]; t != nil {
		known = t
	}
	r.mu.Unlock()
	if known != nil {
		return known, nil
	}
	w, err := r.worker(s, 0)
	if err != nil {
		return nil, err
	}
	ask := s.request("describe", d)
	body, err := w.json(s, &ask)
	if err != nil {
		return nil, err
	}
	var a struct {
		Kind          string   `json:"kind"`
		Deterministic bool     `json:"deterministic"`
		FuncType      string   `json:"func_type"`
		Results       []string `json:"result"`
		Columns       []string `json:"columns"`
		Inputs        []string `json:"inputs"`
		Names         []string `json:"names"`
		Least         int      `json:"least"`
		Most          int      `json:"most"`
		Retracts      bool     `json:"retracts"`
		Merges        bool     `json:"merges"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, errFrame
	}
	out := &described{pandas: a.FuncType == "pandas"}
	out.Declared = function.Declared{Results: a.Results, Columns: a.Columns, Params: a.Inputs, Names: a.Names, Least: a.Least, Most: a.Most}
	out.Retracts, out.Merges = a.Retracts, a.Merges
	if out.pandas {
		out.Form = pandasForm
	}
	switch a.Kind {
	case "TABLE":
		out.Kind = function.TableKind
	case "AGGREGATE":
		out.Kind = function.AggregateKind
	}
	if a.Most < 0 {
		out.Names = nil
	}
	if !a.Deterministic {
		out.Det = function.PerCall
	}
	r.mu.Lock()
	r.known[key] = out
	r.mu.Unlock()
	return out, nil
}

// Scalar makes kernels that call the function a batch at a time.
func (r *Runtime) Scalar(d *function.Definition, params []types.Type, result types.Type) (func() function.Kernel, error) {
	c, _, err := r.caller(d, params, []types.Type{result})
	if err != nil {
		return nil, err
	}
	return func() function.Kernel { return c.instance().scalar }, nil
}

// Table makes kernels that call a table function a batch at a time.
func (r *Runtime) Table(d *function.Definition, params, results []types.Type) (func() function.TableKernel, error) {
	c, _, err := r.caller(d, params, results)
	if err != nil {
		return nil, err
	}
	return func() function.TableKernel { return c.instance().table }, nil
}

// Close stops all workers.
func (r *Runtime) Close() { r.stop(true) }

// stop stops the workers that are idle, or all of them. What was found out about
// functions is forgotten, so that changed files are read again.
func (r *Runtime) stop(all bool) {
	r.mu.Lock()
	old := r.workers
	r.workers, r.known = map[string][]*worker{}, map[string]*described{}
	r.mu.Unlock()
	for _, list := range old {
		for _, w := range list {
			if w != nil {
				w.stop(all)
			}
		}
	}
}
