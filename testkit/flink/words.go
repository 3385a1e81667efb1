package flink

import (
	"regexp"
	"strings"
)

// around are messages that stand around the one that says what is wrong.
var around = regexp.MustCompile(`^(Failed to fetch .*|(org\.\S+: )?(Failed to wait job finish|Job execution failed\.)|Recovery is suppressed .*|Error while applying rule .*)$`)

// cut are the ends of messages that repeat the statement's options or the grammar.
var cut = regexp.MustCompile(`(?s)\s*(Table options are:|\(?Was expecting (one of)?:).*`)

// counted are names that Flink numbers while it runs.
var counted = regexp.MustCompile(`(anonymous_collect)\$\d+`)

// wordsMax is how much of an error is quoted.
const wordsMax = 500

var class = regexp.MustCompile(`^\w+: `)

// words are Flink's messages of an error, the outermost first, in one line.
func (a *Answer) words() string {
	if a.Error == "" {
		return "(it is taken)"
	}
	var out []string
	for _, m := range strings.Split(class.ReplaceAllString(a.Error, ""), " <- ") {
		if m = strings.Join(strings.Fields(cut.ReplaceAllString(m, " ...")), " "); !around.MatchString(m) {
			out = append(out, m)
		}
	}
	text := counted.ReplaceAllString(strings.Join(out, " / "), "$1")
	if len(text) > wordsMax {
		text = strings.ToValidUTF8(text[:wordsMax], "") + " ..."
	}
	return text
}
