// Command mutate breaks a package in small ways, one at a time, and tells which breaks no
// test sees.
//
// A mutant is one operator swapped, one constant a step larger, or one negation left out
// (mutant.go). All mutants of a package are compiled at once: of each function that has some
// there is a copy for each, and a switch at its beginning that a number in the environment
// decides (rewrite.go). So a test binary is built once, with -overlay, and run once for each
// mutant; nothing is written into the tree.
//
// A mutant that no test sees either shows a test that is missing or does the same as the
// code, only slower: equal bounds of a loop, say. Those that were judged to do the same
// stand in equivalent.txt with the reason, by file and text, and are left out.
//
//	go run ./testkit/mutate -budget 5m ./engine/kernel
//	go run ./testkit/mutate -files datefmt,like -tests ./engine/function/scalar ./engine/kernel
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// envNumber is the environment's variable with the number of the mutant that runs.
const envNumber = "MINK_MUTANT"

//go:embed equivalent.txt
var equivalentText string

// options are what the command line says.
type options struct {
	pkg    string
	tests  []string      // packages whose tests are to see the mutants, in order
	files  []string      // parts of names of files; none: all
	budget time.Duration // for the runs; the build comes on top
	seed   uint64
	skip   string // tests that are not run
	list   bool   // only print the mutants
}

func main() {
	var o options
	var tests, files string
	flag.StringVar(&tests, "tests", "", "more packages whose tests are run, by commas")
	flag.StringVar(&files, "files", "", "only files whose names contain one of these, by commas")
	flag.DurationVar(&o.budget, "budget", 5*time.Minute, "how long mutants are run; they come in random order")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "order of the mutants")
	flag.StringVar(&o.skip, "skip", "Inline|Speed|Alloc|Bench", "tests that measure the code's form or speed")
	flag.BoolVar(&o.list, "list", false, "print the mutants and run none")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "mutate wants one package, such as ./engine/kernel")
		os.Exit(2)
	}
	o.pkg = flag.Arg(0)
	split := func(s string) []string {
		return slices.DeleteFunc(strings.Split(s, ","), func(s string) bool { return s == "" })
	}
	o.tests, o.files = append([]string{o.pkg}, split(tests)...), split(files)
	if err := run(context.Background(), o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	p, err := load(ctx, o)
	if err != nil {
		return err
	}
	if o.list {
		for _, m := range p.mutants {
			fmt.Fprintln(out, m)
		}
		return nil
	}
	scratch, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	var judges []*judge
	for i, t := range o.tests {
		j, err := p.build(ctx, scratch, t, i, o.skip)
		if err != nil {
			return err
		}
		if j != nil {
			fmt.Fprintf(out, "%s: %.1f s\n", t, j.normal.Seconds())
			judges = append(judges, j)
		}
	}
	if len(judges) == 0 {
		return errors.New("there are no tests to run")
	}
	list := slices.Clone(p.mutants)
	r := rand.New(rand.NewPCG(o.seed, 1))
	r.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
	end := time.Now().Add(o.budget)
	var killed, ran int
	var survived []*mutant
	for _, m := range list {
		if time.Now().After(end) {
			break
		}
		ran++
		if slices.ContainsFunc(judges, func(j *judge) bool { return j.sees(ctx, m) }) {
			killed++
			continue
		}
		survived = append(survived, m)
		fmt.Fprintln(out, "survives:", m)
	}
	fmt.Fprintf(out, "%d of %d mutants ran (seed %d): tests saw %d, %d survived\n", ran, len(list), o.seed, killed, len(survived))
	return nil
}

// judge is a test binary with all mutants in it.
type judge struct {
	binary, dir, skip string
	more              []string      // flags of rapid: it is to leave no files of what fails
	normal            time.Duration // a run without a mutant
}

// build compiles the tests of a package over the mutants and runs them once without one.
// Tests that fail then, since copies make functions larger, are left out from there on.
// It returns nil where there are no tests.
func (p *pkg) build(ctx context.Context, scratch, tests string, number int, skip string) (*judge, error) {
	overlay, err := p.overlay(scratch)
	if err != nil {
		return nil, err
	}
	dir, err := goList(ctx, "-f", "{{.Dir}}", tests)
	if err != nil {
		return nil, err
	}
	j := &judge{binary: filepath.Join(scratch, fmt.Sprintf("tests%d", number)), dir: strings.TrimSpace(dir), skip: skip}
	c := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", j.binary, tests)
	if text, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s over the mutants: %w: %s", tests, err, text)
	}
	if _, err := os.Stat(j.binary); err != nil {
		return nil, nil
	}
	quiet := exec.CommandContext(ctx, j.binary, "-test.list", "^$", "-rapid.nofailfile")
	if quiet.Run() == nil {
		j.more = []string{"-rapid.nofailfile"}
	}
	for range 3 {
		begin := time.Now()
		text, err := j.run(ctx, 0, 10*time.Minute)
		if err == nil {
			j.normal = time.Since(begin)
			return j, nil
		}
		var failed []string
		for _, m := range failure.FindAllStringSubmatch(text, -1) {
			failed = append(failed, "^"+m[1]+"$")
		}
		if failed == nil {
			return nil, fmt.Errorf("%s without a mutant: %w: %s", tests, err, text)
		}
		j.skip += "|" + strings.Join(failed, "|")
	}
	return nil, fmt.Errorf("%s fails without a mutant", tests)
}

var failure = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

func (j *judge) run(ctx context.Context, mutant int, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := exec.CommandContext(ctx, j.binary, append([]string{"-test.failfast", "-test.short", "-test.skip", j.skip}, j.more...)...)
	c.Dir = j.dir
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", envNumber, mutant), "GOMEMLIMIT=2GiB")
	text, err := c.CombinedOutput()
	return string(text), err
}

// sees tells whether the tests fail with a mutant, or do not end.
func (j *judge) sees(ctx context.Context, m *mutant) bool {
	_, err := j.run(ctx, m.n, 4*j.normal+2*time.Second)
	return err != nil
}
