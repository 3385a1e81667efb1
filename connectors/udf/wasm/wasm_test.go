package wasm

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function"
)

const folder = "../../../testkit/sqltest/testdata/udf"

// The module of the SQL tests is what its text says.
func TestModuleIsItsText(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(folder, "funcs.wat"))
	if err != nil {
		t.Fatal(err)
	}
	want := assemble(string(text))
	if os.Getenv("MINK_ACCEPT") == "1" {
		if err := os.WriteFile(filepath.Join(folder, "funcs.wasm"), want, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.Join(folder, "funcs.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("funcs.wasm is not made of funcs.wat: MINK_ACCEPT=1 go test ./connectors/udf/wasm")
	}
}

func TestBadModules(t *testing.T) {
	for _, c := range []struct {
		name, wat, id string
		options       map[string]string
		code          diag.Code
		words         string
	}{
		{"import", `(module (func $f (export "f") (param $a i32) (param $b i32) (result i32) i32.const 0) (import "env" "f"))`, "m.wasm#f", nil, diag.InvalidArgument, "imports env.f"},
		{"memory", `(module (func $f (export "f") (param $a i32) (param $b i32) (result i32) i32.const 0))`, "m.wasm#f", nil, diag.InvalidArgument, "exports no memory"},
		{"alloc", `(module (memory (export "memory") 1) (func $f (export "f") (param $a i32) (param $b i32) (result i32) i32.const 0))`, "m.wasm#f", nil, diag.NotFound, "mink_alloc"},
		{"not wasm", ``, "m.wasm#f", nil, diag.InvalidArgument, "no module"},
		{"no file", ``, "none.wasm#f", nil, diag.IO, "none.wasm"},
		{"no export", ``, "m.wasm", nil, diag.InvalidArgument, "file.wasm#export"},
		{"hash", `(module)`, "m.wasm#f", map[string]string{"sha256": "00"}, diag.InvalidOption, "SHA-256"},
		{"memory limit", `(module)`, "m.wasm#f", map[string]string{"memory-limit": "1 kb"}, diag.InvalidOption, "memory-limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			body := []byte("text")
			if c.wat != "" {
				body = assemble(c.wat)
			}
			if err := os.WriteFile(filepath.Join(dir, "m.wasm"), body, 0o666); err != nil {
				t.Fatal(err)
			}
			options := map[string]string{"returns": "INT"}
			for k, v := range c.options {
				options[k] = v
			}
			r := New(env.OS(""))
			defer r.Close()
			_, err := r.Describe(&function.Definition{
				Name: "f", Identifier: c.id, Options: options,
				Setting: func(key string) string { return map[string]string{"mink.script.dir": dir}[key] },
			})
			if diag.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestEndlessLoops: whatever part of a module does not come back, the limit of time ends it, and
// the next call has an instance of its own. Memory ends at its limit.
func TestEndlessLoops(t *testing.T) {
	const (
		spin = "loop $l br $l end"
		back = "i32.const 8"
	)
	module := func(alloc, reset, f, start string) []byte {
		begin := ""
		if start != "" {
			begin = `(func $s ` + start + `) (start $s)`
		}
		return assemble(`(module (memory (export "memory") 1)
			(func $a (export "mink_alloc") (param $n i32) (result i32) ` + alloc + `)
			(func $r (export "mink_reset") ` + reset + `)
			(func $f (export "f") (param $a i32) (param $b i32) (result i32) ` + f + `)
			` + begin + `)`)
	}
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"the function", module(back, "", spin+" "+back, "")},
		{"mink_alloc", module(spin+" "+back, "", back, "")},
		{"mink_reset", module(back, spin, back, "")},
		{"the start", module(back, "", back, spin)},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := compile(c.body, "m.wasm", 2)
			if err != nil {
				t.Fatal(err)
			}
			defer m.rt.Close(t.Context())
			k := &call{m: m, name: "f", export: "f", timeout: 50 * time.Millisecond}
			for range 2 {
				began := time.Now()
				err = k.within(func(ctx context.Context) error {
					for _, fn := range []struct {
						name string
						args []uint64
					}{{"mink_reset", nil}, {"mink_alloc", []uint64{8}}, {"f", []uint64{8, 1}}} {
						if _, err := k.inst.ExportedFunction(fn.name).Call(ctx, fn.args...); err != nil {
							return k.failed(ctx, err)
						}
					}
					return nil
				})
				if diag.CodeOf(err) != diag.UserFunction || !strings.Contains(err.Error(), "took longer than 50ms") {
					t.Errorf("got %v", err)
				}
				if d := time.Since(began); d > 20*time.Second {
					t.Errorf("it took %s", d)
				}
			}
		})
	}
	grow := module(back, "", "i32.const 64 memory.grow", "")
	m, err := compile(grow, "m.wasm", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer m.rt.Close(t.Context())
	k := &call{m: m, name: "f", export: "f"}
	err = k.within(func(ctx context.Context) error {
		got, err := k.inst.ExportedFunction("f").Call(ctx, 8, 1)
		if err == nil && int32(got[0]) != -1 {
			t.Errorf("memory grew to %d bytes, where two pages are the limit", k.inst.Memory().Size())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := compile(assemble(`(module (memory (export "memory") 3))`), "m.wasm", 2); err == nil {
		t.Error("a module that begins above its limit of memory is taken")
	}
}
