package suite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/testkit/harness"
	"github.com/minkstream/mink/testkit/testfile"
)

// IsTest tells whether an argument names a file of tests, or FILE:TEST.
func IsTest(path string) bool {
	return strings.HasSuffix(path, Suffix) || strings.Contains(path, Suffix+":")
}

// One reads the test that FILE:TEST names, or that of a file with one.
func One(path string) (*testfile.Test, error) {
	files, only, err := Find([]string{path})
	if err != nil {
		return nil, err
	}
	f, errs := Read(env.OS(""), files[0])
	if len(errs) > 0 {
		all := make([]error, len(errs))
		for i, e := range errs {
			all[i] = e
		}
		return nil, errors.Join(all...)
	}
	name, named := only[files[0]]
	if !named && len(f.Tests) == 1 {
		return f.Tests[0], nil
	}
	var names []string
	for _, t := range f.Tests {
		if named && t.Case.Name == name {
			return t, nil
		}
		names = append(names, t.Case.Name)
	}
	e := diag.New(diag.NotFound, "%s has no test %s", f.Name, name)
	if !named {
		e = diag.New(diag.Config, "%s has %d tests: say which one", f.Name, len(names))
	}
	if near := diag.Suggest(name, names); near != "" {
		return nil, e.WithHint("did you mean %s:%s", f.Name, near)
	}
	if len(names) == 0 {
		return nil, e.WithHint("a line @test NAME begins one")
	}
	return nil, e.WithHint("%s:%s; it has %s", f.Name, names[0], strings.Join(names, ", "))
}

// DebugLine is the command that opens a failure in the debugger, "" where none does.
func DebugLine(r *Result, f *harness.Failure) string {
	at, job := f.Position(r.Test.Case)
	if at == "" {
		return ""
	}
	line := "mink debug " + r.Name()
	if f.Schedule.Seed != 0 {
		line += fmt.Sprintf(" --seed %d", f.Schedule.Seed) + r.faultsFlag()
	}
	if f.Input > 0 {
		line += fmt.Sprintf(" --input %d", f.Input)
	}
	if job > 1 {
		line += fmt.Sprintf(" --job %d", job)
	}
	if strings.ContainsAny(at, "=#") {
		at = "'" + at + "'"
	}
	return line + " --at " + at
}

// faultsFlag repeats --faults where a run had other ones than usual.
func (r *Result) faultsFlag() string {
	switch {
	case r.Faults == nil:
		return ""
	case len(r.Faults) == 0:
		return " --faults none"
	}
	return " --faults " + strings.Join(r.Faults, ",")
}
