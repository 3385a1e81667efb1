package flink

import (
	"regexp"
	"slices"
	"strings"

	"github.com/minkstream/mink/testkit/sqltest"
)

// javaFunction is a function that sections call, with its class in Functions.java.
type javaFunction struct {
	Name  string `json:"name"`
	Class string `json:"class"`
}

// javaFunctions are those that the tests of sqltest register in Go.
var javaFunctions = []javaFunction{
	{"BROKEN", "Functions$Broken"},
	{"COUNTER", "Functions$Counter"},
	{"FULL_KINDS", "Functions$FullKinds"},
	{"GO_TRAIL", "Functions$Trail"},
	{"GO_WAVG", "Functions$Weighted"},
	{"HELLO", "Functions$Hello"},
	{"KEY_KINDS", "Functions$KeyKinds"},
	{"KINDS", "Functions$Kinds"},
	{"PAIRS", "Functions$Pairs"},
	{"TWICE", "Functions$Twice"},
	{"TYPED", "Functions$Typed"},
	{"VARIETY", "Functions$Variety"},
	{"VISITS", "Functions$Visits"},
}

// functionFiles are the files that call them.
var functionFiles = []string{"functions_aggregate_user.test", "process.test", "process_more.test", "settings_effects.test"}

var word = regexp.MustCompile(`\w+`)

// functions are those that a section calls.
func (j Job) functions() []javaFunction {
	if !slices.Contains(functionFiles, j.File) {
		return nil
	}
	words := word.FindAllString(strings.ToUpper(all(j.Section)), -1)
	var out []javaFunction
	for _, f := range javaFunctions {
		if slices.Contains(words, f.Name) {
			out = append(out, f)
		}
	}
	return out
}

// all is the text of a section's statements.
func all(s *sqltest.Section) string { return strings.Join(append(slices.Clone(s.Setup), s.SQL), "\n") }

// inJava gives a function that is registered in Go by its class.
var inJava = strings.NewReplacer(
	"'com.example.Weighted' LANGUAGE GO", "'Functions$Weighted' LANGUAGE JAVA",
	"'COUNTER' LANGUAGE GO", "'Functions$Counter' LANGUAGE JAVA",
)
