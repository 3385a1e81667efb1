// Package wasm runs user functions that are exports of WebAssembly modules.
//
// CREATE FUNCTION f AS 'file.wasm#export' LANGUAGE WASM names a function of a core
// module without imports: it sees no clock, file or network, so it is a function of its
// arguments and needs no record. Rows reach it a batch at a time, as columns in its
// memory; docs/wasm.md has the layout. Memory and time are limited, and a trap is an
// error of the call.
//
// Begin with Runtime here, then call.go for one call.
package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/minkstream/mink/connectors/udf"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// Runtime runs the functions of LANGUAGE WASM. It may be used from several goroutines.
type Runtime struct {
	function.Lease
	env *env.Env

	mu      sync.Mutex
	modules map[string]*module // by file, content and limits
}

// module is a compiled module with the machine it runs on.
type module struct {
	rt       wazero.Runtime
	compiled wazero.CompiledModule
	hash     string
}

// New makes the runtime.
func New(e *env.Env) function.Runtime {
	r := &Runtime{env: e, modules: map[string]*module{}}
	r.Idle = r.Close
	return r
}

// Language is WASM.
func (r *Runtime) Language() string { return "WASM" }

// Options are those of CREATE FUNCTION.
func (r *Runtime) Options() []string {
	return []string{"arguments", "kind", "returns", "sha256", "memory-limit"}
}

// moduleBytesMax bounds a module, memoryDefault its memory.
const (
	moduleBytesMax = 64 << 20
	memoryDefault  = "64 mb"
	pageBytes      = 65536
)

// Exports that every module has beside its functions.
const (
	exportMemory = "memory"
	exportAlloc  = "mink_alloc"
	exportReset  = "mink_reset"
)

// describeTimeout is how long a module may take to say the size of its accumulators.
const describeTimeout = 5 * time.Second

// Describe reads and checks the module. Types are those of the options.
func (r *Runtime) Describe(d *function.Definition) (*function.Declared, error) {
	kind, err := kindOf(d)
	if err != nil {
		return nil, err
	}
	if d.Options["returns"] == "" {
		return nil, diag.New(diag.MissingOption, "a function in LANGUAGE WASM needs the option 'returns'").
			WithHint("add WITH ('arguments' = 'a BIGINT, b STRING', 'returns' = 'BIGINT')")
	}
	m, export, err := r.module(d)
	if err != nil {
		return nil, err
	}
	out := &function.Declared{Kind: kind, Arguments: d.Options["arguments"], Version: m.hash + "#" + export}
	if kind == function.TableKind {
		out.Returns = d.Options["returns"]
		return out, nil
	}
	out.Results = []string{d.Options["returns"]}
	if kind == function.AggregateKind {
		size, err := m.state(d.Name, export)
		if err != nil {
			return nil, err
		}
		has := m.compiled.ExportedFunctions()
		out.Words, out.Retracts, out.Merges = size/8, has[export+suffixRetract] != nil, has[export+suffixMerge] != nil
	}
	return out, nil
}

// kindOf is the kind that the options name.
func kindOf(d *function.Definition) (function.Kind, error) {
	for _, k := range []function.Kind{function.ScalarKind, function.TableKind, function.AggregateKind} {
		if strings.EqualFold(d.Options["kind"], k.String()) {
			return k, nil
		}
	}
	if k := d.Options["kind"]; k != "" {
		return 0, diag.New(diag.InvalidOption, "option 'kind' takes SCALAR, TABLE or AGGREGATE, not '%s'", k)
	}
	return function.ScalarKind, nil
}

// module compiles the file of a definition, once.
func (r *Runtime) module(d *function.Definition) (*module, string, error) {
	file, export, ok := strings.Cut(d.Identifier, "#")
	if !ok || file == "" || export == "" {
		return nil, "", diag.New(diag.InvalidArgument, "'%s' is not 'file.wasm#export'", d.Identifier)
	}
	limit := d.Options["memory-limit"]
	if limit == "" {
		limit = memoryDefault
	}
	size, ok := connect.ParseSize(limit)
	if !ok || size < pageBytes || size > 4<<30 {
		return nil, "", diag.New(diag.InvalidOption, "option 'memory-limit' takes a size from 64 kb to 4 gb, not '%s'", limit)
	}
	body, err := r.read(file, d.Setting("mink.script.dir"))
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if want := d.Options["sha256"]; want != "" && !strings.EqualFold(want, hash) {
		return nil, "", diag.New(diag.InvalidOption, "the SHA-256 of %s is %s, not '%s'", file, hash, want)
	}
	key := fmt.Sprint(hash, size)
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.modules[key]
	if m == nil {
		if m, err = compile(body, file, uint32(size/pageBytes)); err != nil {
			return nil, "", err
		}
		m.hash = hash
		r.modules[key] = m
	}
	kind, err := kindOf(d)
	if err == nil {
		err = m.check(file, export, kind)
	}
	return m, export, err
}

// read reads a file beside the script, or where the process runs.
func (r *Runtime) read(file, dir string) ([]byte, error) {
	names := []string{file}
	if dir != "" && !filepath.IsAbs(file) {
		names = []string{filepath.Join(dir, file), file}
	}
	var first error
	for _, n := range names {
		f, err := r.env.Disk.Open(filepath.ToSlash(n))
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, moduleBytesMax+1))
		switch {
		case err != nil:
			return nil, diag.Wrap(diag.IO, err, "cannot read %s", n)
		case len(b) > moduleBytesMax:
			return nil, diag.New(diag.LimitExceeded, "%s is larger than %d MiB", n, moduleBytesMax>>20)
		}
		return b, nil
	}
	return nil, diag.Wrap(diag.IO, first, "cannot open the module")
}

func compile(body []byte, file string, pages uint32) (*module, error) {
	ctx := context.Background()
	cfg := wazero.NewRuntimeConfig().WithMemoryLimitPages(pages).WithCloseOnContextDone(true).WithCoreFeatures(api.CoreFeaturesV2)
	rt := wazero.NewRuntimeWithConfig(ctx, cfg)
	c, err := rt.CompileModule(ctx, body)
	if err != nil {
		_ = rt.Close(ctx)
		return nil, diag.Wrap(diag.InvalidArgument, err, "%s is no module that can run here", file)
	}
	if imports := c.ImportedFunctions(); len(imports) > 0 || len(c.ImportedMemories()) > 0 {
		what := "a memory"
		if len(imports) > 0 {
			from, name, _ := imports[0].Import()
			what = from + "." + name
		}
		_ = rt.Close(ctx)
		return nil, diag.New(diag.InvalidArgument, "%s imports %s, and a function of SQL gets nothing from outside", file, what).
			WithHint("build it without WASI, as docs/wasm.md shows")
	}
	return &module{rt: rt, compiled: c}, nil
}

// need is an export that a call asks for.
type need struct {
	name            string
	params, results int
	optional        bool
}

// check makes sure that the module has what a call needs.
func (m *module) check(file, export string, kind function.Kind) error {
	if m.compiled.ExportedMemories()[exportMemory] == nil {
		return diag.New(diag.InvalidArgument, "%s exports no memory", file).WithHint("docs/wasm.md says what a module exports")
	}
	needs := []need{{name: exportAlloc, params: 1, results: 1}, {name: exportReset}}
	if kind == function.AggregateKind {
		needs = append(needs, need{name: export + suffixState, results: 1}, need{name: export + suffixAccumulate, params: 4, results: 1},
			need{name: export + suffixValue, params: 3, results: 1}, need{name: export + suffixRetract, params: 4, results: 1, optional: true},
			need{name: export + suffixMerge, params: 4, results: 1, optional: true})
	} else {
		needs = append(needs, need{name: export, params: 2, results: 1})
	}
	fns := m.compiled.ExportedFunctions()
	for _, n := range needs {
		f := fns[n.name]
		switch {
		case f == nil && n.optional:
		case f == nil:
			var names []string
			for name := range fns {
				if name != exportAlloc && name != exportReset {
					names = append(names, name)
				}
			}
			e := diag.New(diag.NotFound, "%s exports no function %s", file, n.name)
			if g := diag.Suggest(n.name, names); g != "" && kind != function.AggregateKind && n.name == export {
				return e.WithHint("did you mean %s", g)
			}
			return e.WithHint("docs/wasm.md says what a module exports")
		case !allI32(f.ParamTypes(), n.params) || !allI32(f.ResultTypes(), n.results):
			return diag.New(diag.InvalidArgument, "%s of %s must take %s and give %s", n.name, file, i32s(n.params), i32s(n.results))
		}
	}
	return nil
}

// i32s names so many of them.
func i32s(n int) string {
	if n == 0 {
		return "nothing"
	}
	return "(" + strings.TrimSuffix(strings.Repeat("i32, ", n), ", ") + ")"
}

func allI32(ts []api.ValueType, n int) bool {
	for _, t := range ts {
		if t != api.ValueTypeI32 {
			return false
		}
	}
	return len(ts) == n
}

// Scalar makes kernels that each have an instance of the module.
func (r *Runtime) Scalar(d *function.Definition, params []types.Type, result types.Type) (func() function.Kernel, error) {
	c, err := r.call(d, params, []types.Type{result})
	if err != nil {
		return nil, err
	}
	return func() function.Kernel { own := *c; return own.run }, nil
}

// Table makes kernels of a table function.
func (r *Runtime) Table(d *function.Definition, params, results []types.Type) (func() function.TableKernel, error) {
	if k, err := kindOf(d); err != nil || k != function.TableKind {
		return nil, diag.New(diag.InvalidQuery, "%s gives a value, not a table", d.Name)
	}
	c, err := r.call(d, params, results)
	if err != nil {
		return nil, err
	}
	return func() function.TableKernel { own := *c; return own.table }, nil
}

// call is a call of a function with types, without an instance.
func (r *Runtime) call(d *function.Definition, params, results []types.Type) (*call, error) {
	m, export, err := r.module(d)
	if err != nil {
		return nil, err
	}
	for _, t := range append(append([]types.Type(nil), params...), results...) {
		if width(t) == 0 {
			return nil, diag.New(diag.TypeMismatch, "a function in LANGUAGE WASM takes and gives no %s", t.Nullable(true)).
				WithHint("CAST it to a number or to STRING")
		}
	}
	timeout, err := udf.Timeout(d)
	if err != nil {
		return nil, err
	}
	return &call{m: m, name: d.Name, export: export, params: params, results: results, timeout: timeout}, nil
}

// Close lets go of all modules and their instances.
func (r *Runtime) Close() {
	r.mu.Lock()
	old := r.modules
	r.modules = map[string]*module{}
	r.mu.Unlock()
	for _, m := range old {
		_ = m.rt.Close(context.Background())
	}
}
