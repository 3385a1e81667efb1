// Package sqltest runs text tests of SQL: inputs and statements above dashes, what
// comes out below them. One format serves results, change streams, errors and plans;
// its page is README.md.
//
// A section runs several times: as a stream fed row by row, where the changes are
// compared one by one; as a batch; in batches of other sizes and with parallelism 3,
// where they must add up to the same table; and on a simulated host under schedules
// drawn from a seed, with a crash. MINK_ACCEPT=1 rewrites what stands below the dashes.
//
// Begin with Run, then Parse in script.go, variants in variant.go and simulate.go.
package sqltest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/testkit/python"
)

// Open makes a client for one run of one section; Run closes it. ordered asks for
// one worker, so that rows of two branches of a plan meet in the order in which
// their common source gave them.
type Open func(t *testing.T, ordered bool) gateway.Client

// Engines are what sections run on.
type Engines struct {
	Open   Open
	OpenOn OpenOn
}

// plan says how many ways of running a run of the tests takes.
type plan struct {
	drawn     int // of the ways that are not always taken; -1 for all
	schedules int
	seed      uint64
}

// planned reads the tier: MINK_SQL is how many ways are drawn for each section (1), or
// "all"; MINK_SQL_SCHEDULES how many simulated schedules there are among them (5);
// MINK_SEED a seed to run again (firstSeed says which are drawn else). MINK_ALL takes all ways and 20 schedules.
func planned(t *testing.T) plan {
	p := plan{drawn: 1, schedules: 5}
	p.seed, _ = firstSeed(t)
	number := func(key string, to *int) {
		text := os.Getenv(key)
		if text == "" {
			return
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		*to = n
	}
	if os.Getenv("MINK_ALL") != "" {
		p.drawn, p.schedules = -1, 20
	}
	if os.Getenv("MINK_SQL") == "all" {
		p.drawn = -1
	} else {
		number("MINK_SQL", &p.drawn)
	}
	number("MINK_SQL_SCHEDULES", &p.schedules)
	return p
}

// again is the command that runs a section in the same ways.
func (p plan) again(test string) string {
	ways := "all"
	if p.drawn >= 0 {
		ways = fmt.Sprint(p.drawn)
	}
	return fmt.Sprintf("MINK_SEED=%d MINK_SQL=%s MINK_SQL_SCHEDULES=%d go test ./testkit/sqltest -count=1 -run '^%s$'",
		p.seed, ways, p.schedules, strings.ReplaceAll(test, "/", "$/^"))
}

// ways are the variants of a section in this run.
func (p plan) ways(s *Section) []variant {
	r := rand.New(rand.NewPCG(p.seed, uint64(s.Line)))
	always, drawn := variants(s, r, p.schedules)
	if p.drawn >= 0 {
		r.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
		drawn = drawn[:min(p.drawn, len(drawn))]
	}
	return append(always, drawn...)
}

// Run runs every *.test file of a directory, a subtest a file and one a section.
func Run(t *testing.T, dir string, e Engines) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.test"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no *.test files in %s (%v)", dir, err)
	}
	r := &suite{engines: e, plan: planned(t), accept: os.Getenv("MINK_ACCEPT") == "1", spent: map[string]*spent{}}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".test"), func(t *testing.T) { r.file(t, name) })
	}
	for _, k := range slices.Sorted(maps.Keys(r.spent)) {
		t.Logf("%-10s %5d runs, %.1f s%s", k, r.spent[k].runs, r.spent[k].time.Seconds(), r.spent[k].note())
	}
}

// spent is what a kind of runs took, and of simulated ones how many crashes met a
// running job and how many of them went on from a checkpoint.
type spent struct {
	runs              int
	time              time.Duration
	crashed, restored int
}

func (s *spent) note() string {
	if s.crashed == 0 {
		return ""
	}
	return fmt.Sprintf(", %d crashes, %d restored from a checkpoint", s.crashed, s.restored)
}

type suite struct {
	engines Engines
	plan    plan
	accept  bool
	spent   map[string]*spent
}

func (r *suite) file(t *testing.T, name string) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, s := range f.Sections {
		t.Run(fmt.Sprintf("line%d", s.Line), func(t *testing.T) {
			if s.Skip != "" {
				t.Skip(s.Skip)
			}
			for _, program := range s.Needs {
				if program == "pandas" {
					s.Settings = append(s.Settings, "python.executable = "+python.NeedPandas(t))
					continue
				}
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("%s: line %d needs %s, which is not installed", filepath.Base(name), s.Line, program)
				}
			}
			r.section(t, s, fmt.Sprintf("%s:%d", filepath.Base(name), s.Line))
		})
	}
	if r.accept {
		if out := f.Text(); out != string(text) {
			if err := os.WriteFile(name, []byte(out), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (r *suite) section(t *testing.T, s *Section, at string) {
	var first *outcome
	ways := r.plan.ways(s)
	if len(ways) == 0 {
		t.Fatalf("%s runs in no way: only %s, and tables of changes are not read in batch", at, strings.Join(s.Only, " "))
	}
	for i, v := range ways {
		begin := time.Now()
		var problem string
		var failed bool
		if v.seed == 0 {
			got := v.run(t, s, r.engines.Open)
			if i == 0 {
				first = got
				if r.accept {
					s.accept(got)
				}
			}
			problem, failed = s.check(v, got), got.err != nil
		} else {
			if first.err != nil {
				continue // said already; there is nothing to simulate
			}
			problem = r.simulate(t, s, v, first)
		}
		r.took(v).time += time.Since(begin)
		r.took(v).runs++
		if problem != "" {
			t.Errorf("%s, %s\n%s\n%s\nagain: %s", at, v, indent(s.SQL), problem, r.plan.again(t.Name()))
			if v.exact || failed {
				return // the other variants would say the same
			}
		}
	}
}

// simulate runs a section under a schedule, undisturbed and with a crash.
func (r *suite) simulate(t *testing.T, s *Section, v variant, first *outcome) string {
	sim := &simulated{section: s, seed: v.seed, schema: first.schema, open: r.engines.OpenOn}
	calm, hit := sim.run(t)
	if sim.crashed {
		r.took(v).crashed++
	}
	if sim.restored {
		r.took(v).restored++
	}
	if problem := s.check(v, calm); problem != "" {
		return "undisturbed: " + problem
	}
	if problem := s.check(v, hit); problem != "" {
		return "with a crash: " + problem
	}
	return ""
}

func (r *suite) took(v variant) *spent {
	k := "streaming"
	switch {
	case v.seed != 0:
		k = "simulated"
	case v.batch:
		k = "batch"
	}
	if r.spent[k] == nil {
		r.spent[k] = &spent{}
	}
	return r.spent[k]
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }
