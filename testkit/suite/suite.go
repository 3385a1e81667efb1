// Package suite runs files of tests: it finds and selects them, runs them side by side,
// rewrites what they expect, and reports. It is what `mink test` does.
//
// Begin with Run, then report.go for the forms of reports.
package suite

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/testkit/harness"
	"github.com/minkstream/mink/testkit/testfile"
)

// Suffix is how the names of files with tests end.
const Suffix = "_test.sql"

// Options say which tests run, and how.
type Options struct {
	// Paths are files, and folders that are searched; none is the working directory.
	// FILE:TEST names one test.
	Paths []string
	// Match selects tests whose "FILE:TEST" it matches; nil takes all.
	Match *regexp.Regexp
	// Tags: a test runs that has one of them; none takes all.
	Tags []string
	Plan harness.Plan
	Run  harness.Options
	// Jobs is how many tests run at a time; 0 is one a core.
	Jobs int
	// Update rewrites what tests expect.
	Update   bool
	FailFast bool
	// Each is told of a test when it is through; calls come one by one, in the order of
	// the files.
	Each func(*Result)
}

// Result is what came of a test.
type Result struct {
	File *testfile.File
	Test *testfile.Test
	// Verdict is nil for a test that was skipped, or whose file cannot be read.
	Verdict *harness.Verdict
	// Errs are mistakes of the file; its tests then do not run.
	Errs []*harness.Error
	// Internal is a failure of mink's or the host's.
	Internal error
	// Faults are those that schedules were drawn with, nil for the usual ones.
	Faults []string
	// Updated tells that the file has other expectations now.
	Updated bool
}

// Name is FILE:TEST.
func (r *Result) Name() string {
	if r.Test == nil {
		return r.File.Name
	}
	return r.File.Name + ":" + r.Test.Case.Name
}

// Skipped is why the test did not run, or "".
func (r *Result) Skipped() string {
	if r.Test == nil {
		return ""
	}
	return r.Test.Skip
}

// Failed tells whether the test did not pass.
func (r *Result) Failed() bool {
	return len(r.Errs) > 0 || r.Internal != nil || r.Verdict != nil && len(r.Verdict.Failures) > 0 && !r.Updated
}

// Summary counts.
type Summary struct {
	Tests, Passed, Failed, Skipped, Updated, Runs int
	Elapsed                                       time.Duration
}

// Find lists the files that paths name, sorted, with the one test that each is limited
// to. A path that is not there is an error with the code not-found.
func Find(paths []string) (files []string, only map[string]string, err error) {
	only = map[string]string{}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, p := range paths {
		name := p
		info, err := os.Stat(p)
		if err != nil {
			file, test, ok := strings.Cut(p, Suffix+":")
			if !ok {
				return nil, nil, diag.New(diag.NotFound, "cannot open %s: no such file or folder", p)
			}
			name = file + Suffix
			if info, err = os.Stat(name); err != nil {
				return nil, nil, diag.New(diag.NotFound, "cannot open %s: no such file", name)
			}
			only[filepath.Clean(name)] = test
		}
		if filepath.Ext(name) == ".mtape" {
			return nil, nil, diag.New(diag.Config, "%s is a tape, and no file of tests", p).
				WithHint("mink test new --from %s makes a test of it, and @given TABLE from %s in one takes its rows", p, p)
		}
		if !info.IsDir() {
			files = append(files, filepath.Clean(name))
			continue
		}
		err = filepath.WalkDir(name, func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && p != name && strings.HasPrefix(d.Name(), "."):
				return fs.SkipDir
			case !d.IsDir() && strings.HasSuffix(p, Suffix):
				files = append(files, filepath.Clean(p))
			}
			return nil
		})
		if err != nil {
			return nil, nil, diag.Wrap(diag.IO, err, "cannot search %s", name)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), only, nil
}

// Read reads a file of tests, and what it uses. outside has the disk and the programs that tests
// may touch.
func Read(outside *env.Env, name string) (*testfile.File, []*harness.Error) {
	f, errs := Parse(outside.Disk, name)
	if len(errs) == 0 {
		errs = fill(outside, f)
	}
	return f, errs
}

// Parse is Read without the rows that are on tapes.
func Parse(d env.Disk, name string) (*testfile.File, []*harness.Error) {
	text, err := env.ReadAll(d, filepath.ToSlash(name))
	if err != nil {
		return &testfile.File{Name: name}, []*harness.Error{{Err: diag.Wrap(diag.IO, err, "cannot read %s", name)}}
	}
	return testfile.Parse(name, string(text), func(name string) (string, error) {
		b, err := env.ReadAll(d, filepath.ToSlash(name))
		return string(b), err
	})
}

// Run runs the tests and sums up. An error is one that kept them from running.
func Run(ctx context.Context, o Options) (*Summary, error) {
	begin := time.Now()
	files, only, err := Find(o.Paths)
	if err != nil {
		return nil, err
	}
	var list []*Result
	outside := o.Run.Outside
	if outside == nil {
		outside = env.OS("")
	}
	for _, name := range files {
		f, errs := Read(outside, name)
		if len(errs) > 0 {
			list = append(list, &Result{File: f, Errs: errs})
			continue
		}
		for _, t := range f.Tests {
			if o.selects(f, t, only[name]) {
				list = append(list, &Result{File: f, Test: t})
			}
		}
	}
	if len(list) == 0 {
		return nil, nothing(files)
	}
	o.run(ctx, list)
	o.complete(list)
	s := &Summary{}
	for _, r := range list {
		s.count(r)
	}
	s.Elapsed = time.Since(begin)
	return s, ctx.Err()
}

// complete tells cassettes of which files all tests have run to their end.
func (o *Options) complete(list []*Result) {
	if o.Run.Cassettes == nil {
		return
	}
	ran := map[*testfile.File]int{}
	for _, r := range list {
		if r.Verdict == nil || r.Internal != nil || slices.ContainsFunc(r.Verdict.Failures, func(f *harness.Failure) bool { return f.Err != nil }) {
			continue
		}
		if ran[r.File]++; ran[r.File] == len(r.File.Tests) {
			o.Run.Cassettes.Complete(r.Test.Case.Cassette)
		}
	}
}

func nothing(files []string) error {
	if len(files) == 0 {
		return diag.New(diag.Config, "no file %s here", "*"+Suffix).WithHint("name a file or a folder; mink test --help shows what a test looks like")
	}
	return diag.New(diag.Config, "no test is selected").WithHint("-k takes a part of FILE:TEST, --tag a word that @tag gives")
}

func (o *Options) selects(f *testfile.File, t *testfile.Test, only string) bool {
	switch {
	case only != "" && t.Case.Name != only:
		return false
	case o.Match != nil && !o.Match.MatchString(f.Name+":"+t.Case.Name):
		return false
	case len(o.Tags) == 0:
		return true
	}
	return slices.ContainsFunc(t.Tags, func(tag string) bool { return slices.Contains(o.Tags, tag) })
}

// run runs tests side by side and tells of each in order.
func (o *Options) run(ctx context.Context, list []*Result) {
	jobs := o.Jobs
	if jobs <= 0 {
		jobs = runtime.NumCPU()
	}
	done := make([]chan struct{}, len(list))
	for i := range done {
		done[i] = make(chan struct{})
	}
	var next, failed sync.Mutex
	at, stop := 0, false
	take := func() int {
		next.Lock()
		defer next.Unlock()
		failed.Lock()
		defer failed.Unlock()
		if at >= len(list) || ctx.Err() != nil || stop && o.FailFast {
			return -1
		}
		at++
		return at - 1
	}
	var all sync.WaitGroup
	for range min(jobs, len(list)) {
		all.Go(func() {
			for i := take(); i >= 0; i = take() {
				o.one(list[i])
				if list[i].Failed() {
					failed.Lock()
					stop = true
					failed.Unlock()
				}
				close(done[i])
			}
		})
	}
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	var held []*Result
	for i, r := range list {
		select {
		case <-done[i]:
		case <-over:
			select {
			case <-done[i]:
			default:
				continue // it was not begun
			}
		}
		if held = append(held, r); o.Update && i+1 < len(list) && list[i+1].File == r.File {
			continue // the file is written when its last test is through
		}
		if o.Update {
			if err := update(held); err != nil {
				r.Internal = err
			}
		}
		for _, h := range held {
			if o.Each != nil {
				o.Each(h)
			}
		}
		held = nil
	}
}

// one runs a test.
func (o *Options) one(r *Result) {
	if len(r.Errs) > 0 || r.Skipped() != "" {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			r.Internal = diag.New(diag.Internal, "the test broke off: %v", p).WithHint("this is a defect of mink; please report it with the test")
		}
	}()
	if o.Plan.Faults != nil && !slices.Equal(o.Plan.Faults, harness.DefaultFaults) {
		r.Faults = o.Plan.Faults
	}
	r.Verdict, r.Internal = harness.Check(r.Test.Case, &o.Run, o.Plan)
}

func (s *Summary) count(r *Result) {
	s.Tests++
	if r.Verdict != nil {
		s.Runs += r.Verdict.Runs
	}
	switch {
	case r.Updated:
		s.Updated++
	case r.Failed():
		s.Failed++
	case r.Skipped() != "" || r.Verdict == nil:
		s.Skipped++
	default:
		s.Passed++
	}
}

// String is the last line of a report.
func (s *Summary) String() string {
	parts := []string{fmt.Sprintf("%d %s", s.Tests, plural(s.Tests, "test")), fmt.Sprintf("%d passed", s.Passed)}
	for _, x := range []struct {
		n    int
		word string
	}{{s.Failed, "failed"}, {s.Updated, "updated"}, {s.Skipped, "skipped"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.word))
		}
	}
	return fmt.Sprintf("%s; %d %s in %s", strings.Join(parts, ", "), s.Runs, plural(s.Runs, "run"), short(s.Elapsed))
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", max(1, d.Milliseconds()))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
