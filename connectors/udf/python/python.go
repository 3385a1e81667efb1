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

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
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
	known   map[string]*function.Declared
}

// slots is how many processes of one kind there are at most: no more steps run at
// once. Python runs one call at a time in each.
var slots = min(runtime.NumCPU(), 16)

// New makes the runtime; e starts its processes.
func New(e *env.Env) function.Runtime {
	r := &Runtime{env: e, workers: map[string][]*worker{}, known: map[string]*function.Declared{}}
	r.Idle = func() { r.stop(false) }
	return r
}

// Language is PYTHON.
func (r *Runtime) Language() string { return "PYTHON" }

// Options: a Python function has none.
func (r *Runtime) Options() []string { return nil }

// setup is what a worker is started with.
type setup struct {
	executable string
	path       []string
	timeout    int64 // milliseconds
	rows       int
	zone       string
}

func (s *setup) key() string { return s.executable + "\x00" + strings.Join(s.path, "\x00") }

func setupOf(d *function.Definition) (*setup, error) {
	s := &setup{executable: d.Setting("python.executable"), zone: d.Zone}
	if s.executable == "" {
		s.executable = "python3"
	}
	add := func(p string) {
		if p == "" {
			p = "."
		}
		if abs, err := filepath.Abs(p); err == nil {
			p = abs
		}
		s.path = append(s.path, p)
	}
	add(d.Setting("mink.script.dir"))
	for _, key := range []string{"python.files", "python.pythonpath"} {
		for _, p := range strings.FieldsFunc(d.Setting(key), func(r rune) bool { return r == ',' || key != "python.files" && r == filepath.ListSeparator }) {
			if p = strings.TrimSpace(p); strings.HasSuffix(p, ".py") {
				p = filepath.Dir(p)
			}
			add(strings.TrimPrefix(p, "file://"))
		}
	}
	timeout, ok := connect.ParseDuration(d.Setting("mink.udf.timeout"))
	if !ok {
		return nil, diag.New(diag.InvalidOption, "setting 'mink.udf.timeout' takes a duration, not '%s'", d.Setting("mink.udf.timeout"))
	}
	s.timeout = timeout.Milliseconds()
	s.rows, _ = strconv.Atoi(strings.TrimSpace(d.Setting("python.fn-execution.bundle.size")))
	if s.rows <= 0 {
		s.rows = batch.MaxRows
	}
	return s, nil
}

// request is what is said in JSON.
type request struct {
	Op       string      `json:"op"`
	ID       uint32      `json:"id"`
	Function string      `json:"function"`
	Name     string      `json:"name"`
	Path     []string    `json:"path"`
	Zone     string      `json:"zone"`
	Params   []*wireType `json:"params"`
	Results  []*wireType `json:"results"`
}

// Describe imports the module and asks it.
func (r *Runtime) Describe(d *function.Definition) (*function.Declared, error) {
	s, err := setupOf(d)
	if err != nil {
		return nil, err
	}
	key := s.key() + "\x00" + d.Identifier
	r.mu.Lock()
	known := r.known[key]
	r.mu.Unlock()
	if known != nil {
		return known, nil
	}
	body, err := r.describe(s, d)
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
	if a.FuncType != "general" {
		return nil, diag.New(diag.Unsupported, "function %s has func_type='%s', which is not supported yet", d.Name, a.FuncType).
			WithHint("leave func_type out: it then gets one row a call")
	}
	out := &function.Declared{Results: a.Results, Columns: a.Columns, Params: a.Inputs, Names: a.Names, Least: a.Least, Most: a.Most}
	out.Retracts, out.Merges = a.Retracts, a.Merges
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

// describe asks a worker.
func (r *Runtime) describe(s *setup, d *function.Definition) ([]byte, error) {
	w, err := r.worker(s, 0)
	if err != nil {
		return nil, err
	}
	return w.json(s, &request{Op: "describe", Function: d.Identifier, Path: s.path})
}

// Scalar makes kernels that call the function a batch at a time.
func (r *Runtime) Scalar(d *function.Definition, params []types.Type, result types.Type) (func() function.Kernel, error) {
	c, err := r.caller(d, params, []types.Type{result})
	if err != nil {
		return nil, err
	}
	return func() function.Kernel { return c.instance().scalar }, nil
}

// Table makes kernels that call a table function a batch at a time.
func (r *Runtime) Table(d *function.Definition, params, results []types.Type) (func() function.TableKernel, error) {
	c, err := r.caller(d, params, results)
	if err != nil {
		return nil, err
	}
	return func() function.TableKernel { return c.instance().table }, nil
}

// caller is a function with the types of one call.
type caller struct {
	r        *Runtime
	s        *setup
	name, id string
	results  []types.Type
	open     request
}

func (r *Runtime) caller(d *function.Definition, params, results []types.Type) (*caller, error) {
	s, err := setupOf(d)
	if err != nil {
		return nil, err
	}
	c := &caller{r: r, s: s, name: d.Name, id: d.Identifier, results: results}
	c.open = request{Op: "open", Function: d.Identifier, Name: d.Name, Path: s.path, Zone: s.zone}
	if c.open.Params, err = wires(params); err == nil {
		c.open.Results, err = wires(results)
	}
	return c, err
}

// instance is the caller's side of one function object in a worker. It belongs to one
// kernel.
type instance struct {
	*caller
	slot  int
	w     *worker
	id    uint32
	lanes []uint32
	enc   encoder
}

func (c *caller) instance() *instance {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.next++
	return &instance{caller: c, slot: c.r.next % slots}
}

// ask sends the request in enc and returns the answer after its first byte.
func (i *instance) ask(f *function.Frame) ([]byte, error) {
	return f.Outside(func() ([]byte, error) {
		if i.w == nil || i.w.ended() {
			w, err := i.r.worker(i.s, i.slot)
			if err != nil {
				return nil, err
			}
			i.w, i.id = w, w.number()
			open := i.open
			open.ID = i.id
			if _, err := w.json(i.s, &open); err != nil {
				i.w = nil
				return nil, err
			}
		}
		putU32(i.enc.b[1:], i.id)
		return i.w.call(i.s, i.enc.b, i.name)
	})
}

// run calls the function for lanes[from:to] of args and gives the answer's body.
func (i *instance) run(f *function.Frame, op byte, args []*batch.Col, lanes []uint32) (*decoder, error) {
	i.enc.b = append(i.enc.b[:0], op, 0, 0, 0, 0)
	i.enc.u32(uint32(len(lanes)))
	for _, a := range args {
		i.enc.column(a, lanes)
	}
	d, err := i.answer(f)
	if le, ok := err.(*batch.LaneError); ok {
		if le.Lane >= len(lanes) {
			return nil, le.Err
		}
		le.Lane = int(lanes[le.Lane])
	}
	return d, err
}

// answer sends the request in enc and gives the answer's body. The error of a row is a
// *batch.LaneError with the row's number in the request.
func (i *instance) answer(f *function.Frame) (*decoder, error) {
	b, err := i.ask(f)
	if err != nil {
		return nil, err
	}
	if len(b) > 0 && b[0] == 'E' {
		row, err := failure(b, i.name)
		if row >= 0 {
			return nil, &batch.LaneError{Lane: row, Err: err}
		}
		return nil, err
	}
	if len(b) == 0 || b[0] != 'O' {
		return nil, errFrame
	}
	return &decoder{b: b[1:]}, nil
}

// lanesOf lists the lanes that count.
func (i *instance) lanesOf(n int, live []uint64) []uint32 {
	i.lanes = i.lanes[:0]
	for l := range kernel.Lanes(n, live) {
		i.lanes = append(i.lanes, uint32(l))
	}
	return i.lanes
}

// scalar is the kernel of a scalar function.
func (i *instance) scalar(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	t := i.results[0]
	lanes := i.lanesOf(n, live)
	got := batch.NewBuilder(t)
	for len(lanes) > 0 {
		part := lanes[:min(len(lanes), i.s.rows)]
		lanes = lanes[len(part):]
		d, err := i.run(f, 'C', args, part)
		if err != nil {
			return err
		}
		if err := d.column(got, len(part)); err != nil {
			if le, ok := err.(*batch.LaneError); ok {
				le.Lane = int(part[le.Lane])
			}
			return err
		}
	}
	col := got.Finish()
	index := make([]uint32, n) // lanes that do not count get any value
	k := uint32(0)
	for l := range kernel.Lanes(n, live) {
		index[l] = k
		k++
	}
	if k == 0 {
		dst.Alloc(t, 0)
		dst.AppendNulls(0, n)
		return nil
	}
	dst.Alloc(t, 0)
	dst.AppendIndex(0, &col, index, n)
	return nil
}

// table is the kernel of a table function.
func (i *instance) table(f *function.Frame, out *function.TableRows, args []*batch.Col, n int, live []uint64) error {
	all := i.lanesOf(n, live)
	out.From, out.To = append(out.From[:0], make([]uint32, n)...), append(out.To[:0], make([]uint32, n)...)
	cols := make([]*batch.Builder, len(i.results))
	for c, t := range i.results {
		cols[c] = batch.NewBuilder(t)
	}
	at := uint32(0)
	for len(all) > 0 {
		part := all[:min(len(all), i.s.rows)]
		all = all[len(part):]
		d, err := i.run(f, 'T', args, part)
		if err != nil {
			return err
		}
		rows := d.u32()
		end := at + rows
		for _, l := range part {
			out.From[l] = at
			at += d.u32()
			out.To[l] = at
		}
		if at != end || d.bad {
			return errFrame
		}
		for _, c := range cols {
			if err := d.column(c, int(rows)); err != nil {
				return rowError(err)
			}
		}
	}
	out.Cols = out.Cols[:0]
	for _, c := range cols {
		col := c.Finish()
		out.Cols = append(out.Cols, function.TableCol{Col: &col})
	}
	return nil
}

// rowError is the error of a function's row, which is no lane of the input.
func rowError(err error) error {
	if le, ok := err.(*batch.LaneError); ok {
		return le.Err
	}
	return err
}

// Close stops all workers.
func (r *Runtime) Close() { r.stop(true) }

// stop stops the workers that are idle, or all of them. What was found out about
// functions is forgotten, so that changed files are read again.
func (r *Runtime) stop(all bool) {
	r.mu.Lock()
	old := r.workers
	r.workers, r.known = map[string][]*worker{}, map[string]*function.Declared{}
	r.mu.Unlock()
	for _, list := range old {
		for _, w := range list {
			if w != nil {
				w.stop(all)
			}
		}
	}
}
