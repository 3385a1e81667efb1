package wasm

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
