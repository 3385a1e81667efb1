package main

import (
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample is the file of testdata with its mutants numbered.
func sample(t *testing.T) *file {
	t.Helper()
	src, err := os.ReadFile("testdata/sample/sample.go")
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseFile("sample.go", src)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, u := range f.units {
		for _, m := range u.mutants {
			n++
			m.n = n
		}
	}
	return f
}

func TestMutants(t *testing.T) {
	var got []string
	for _, u := range sample(t).units {
		for _, m := range u.mutants {
			got = append(got, u.name+" "+m.old+" "+m.text)
		}
	}
	want := []string{"Clamp < <=", "Clamp > >=", "add += -=", "double * /", "double 2 3", "text + -"}
	if !slices.Equal(got, want) {
		t.Errorf("mutants are\n%s\nshould be\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRewrite: a copy for each mutant, with the change in it and nowhere else, that parses.
func TestRewrite(t *testing.T) {
	text, pieces := sample(t).rewrite()
	if _, err := parser.ParseFile(token.NewFileSet(), "sample.go", text, parser.SkipObjectResolution); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, want := range []string{
		"case 1: return Clamp__m1(v, low, high);", "case 3: return s.add__m3(given1__, vs...);",
		"func (s *sum[T]) add__m3(_ string, vs ...T) *sum[T] {", "s.total -= v", "return v * 3",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if len(pieces) != 6 {
		t.Fatalf("%d copies", len(pieces))
	}
	for _, p := range pieces {
		if !strings.Contains(string(text[p.from:p.to]), p.m.text) {
			t.Errorf("mutant %d is not in its copy: %s", p.m.n, text[p.from:p.to])
		}
	}
}

func TestEquivalents(t *testing.T) {
	k, err := equivalents("# a comment\na.go | if v < 0 { | < becomes <= | v is not 0\n")
	if err != nil {
		t.Fatal(err)
	}
	m := &mutant{old: "<", text: "<="}
	if !k.has("a.go", "if v < 0 {", m) || k.has("b.go", "if v < 0 {", m) || k.has("a.go", "if v < 1 {", m) || k.has("a.go", "if v < 0 {", &mutant{old: "0", text: "1"}) {
		t.Error("another mutant is taken for it")
	}
	if _, err := equivalents("a.go | b"); err == nil {
		t.Error("a line without a reason is taken")
	}
	if _, err := equivalents(equivalentText); err != nil {
		t.Error(err)
	}
}

// TestRun breaks the sample: its test does not see the bounds themselves, which make no
// difference there, and sees the rest; a text cannot be subtracted.
func TestRun(t *testing.T) {
	if os.Getenv("MINK_ALL") == "" {
		t.Skip("builds a package: MINK_ALL=1")
	}
	var out strings.Builder
	if err := run(t.Context(), options{pkg: "./testdata/sample", tests: []string{"./testdata/sample"}, budget: time.Minute, seed: 1, skip: "^$"}, &out); err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^survives: sample.go:\d+:\d+: (.*)$`).FindAllStringSubmatch(out.String(), -1)
	var got []string
	for _, l := range lines {
		got = append(got, l[1])
	}
	slices.Sort(got)
	if want := []string{"< becomes <= in Clamp", "> becomes >= in Clamp"}; !slices.Equal(got, want) || !strings.Contains(out.String(), "5 of 5 mutants ran (seed 1): tests saw 3, 2 survived") {
		t.Errorf("%s", out.String())
	}
}
