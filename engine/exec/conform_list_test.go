package exec

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// conformCases lists every case. An operator that keeps state has at least one.
func conformCases() []*conformCase {
	return slices.Concat(
		aggregateCases(), dedupCases(), topCases(), joinCases(), timeJoinCases(), temporalCases(), sortCases(), overCases(), windowCases(),
		matchCases(), emitCases(),
		conflictCases(),
		lookupCases(),
		predictCases(),
		userCases(),
		processCases(),
		snapshotCases(),
		multiJoinCases(),
		bundleCases(), joinBundleCases(),
	)
}

// conformSeeds is how many random inputs each case gets; four with MINK_ALL.
var conformSeeds = flag.Uint64("conform.seeds", 1, "random inputs of each operator case")

func TestConform(t *testing.T) {
	if os.Getenv("MINK_ALL") != "" {
		*conformSeeds = max(*conformSeeds, 4)
	}
	for _, c := range conformCases() {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			for seed := range *conformSeeds {
				conform(t, c, seed, 60)
			}
		})
	}
}

// statefulTypes finds in the source of a package the types that have a Process method
// and a method that uses the store of its Ctx.
func statefulTypes(fsys fs.FS) ([]string, error) {
	names, err := fs.Glob(fsys, "*.go")
	if err != nil {
		return nil, err
	}
	process, store := map[string]bool{}, map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Body == nil {
				continue
			}
			recv := receiver(fn.Recv.List[0].Type)
			if fn.Name.Name == "Process" {
				process[recv] = true
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Store" {
					store[recv] = true
				}
				return true
			})
		}
	}
	var out []string
	for name := range process {
		if store[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

func receiver(e ast.Expr) string {
	if s, ok := e.(*ast.StarExpr); ok {
		e = s.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// uncovered are the stateful types for which no case makes an operator.
func uncovered(stateful []string, cases []*conformCase) []string {
	have := map[string]bool{}
	for _, c := range cases {
		have[strings.TrimPrefix(fmt.Sprintf("%T", c.op()), "*exec.")] = true
	}
	var out []string
	for _, name := range stateful {
		if !have[name] {
			out = append(out, name)
		}
	}
	return out
}

// TestConformCoversOperators fails for an operator that keeps state and has no case,
// that is no snapshot, rescale and spill test.
func TestConformCoversOperators(t *testing.T) {
	stateful, err := statefulTypes(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if len(stateful) < 10 {
		t.Fatalf("only %v keep state: the search is broken", stateful)
	}
	for _, name := range uncovered(stateful, conformCases()) {
		t.Errorf("operator %s keeps state and has no case: add one to a list in conform_*_test.go", name)
	}
}

func TestConformFindsAnOperatorWithoutCase(t *testing.T) {
	dir := t.TempDir()
	src := "package exec\ntype leaky struct{}\nfunc (o *leaky) Open(c *Ctx) error { c.Store.Table(\"x\", 1); return nil }\n" +
		"func (o *leaky) Process(c *Ctx) error { return nil }\n" +
		"type plain struct{}\nfunc (o *plain) Process(c *Ctx) error { return nil }\n"
	if err := os.WriteFile(filepath.Join(dir, "op_leaky.go"), []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	stateful, err := statefulTypes(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if got := uncovered(stateful, conformCases()); !slices.Equal(got, []string{"leaky"}) {
		t.Errorf("found %v, want leaky", got)
	}
}
