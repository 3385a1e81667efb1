package flink

import (
	"fmt"
	"slices"
	"strings"
)

// ReasonsPath is the page that has the reasons of differences.txt, between two marks.
const ReasonsPath = "docs/flink-differences.md"

const reasonsFrom, reasonsTo = "<!-- from testkit/flink/differences.txt, by make accept -->\n", "<!-- to here -->\n"

// titles are the kinds of reasons in the order of the page.
var titles = []struct{ kind, title string }{
	{"Flink:", "Flink 2.3 is at fault"},
	{"documented:", "Flink 2.3 does not do what its documentation says"},
	{"version:", "What comes after Flink 2.3"},
	{extension, "mink takes what Flink refuses"},
	{"form:", "The same in other words"},
}

// Reasons are the reasons of differences.txt, each once, by kind.
func Reasons() (string, error) {
	list, err := differences(differencesText)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, t := range titles {
		var of []string
		for _, d := range list {
			if why, ok := strings.CutPrefix(d.Why, t.kind+" "); ok && !slices.Contains(of, why) {
				of = append(of, why)
			}
		}
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n", t.title)
		for _, why := range of {
			fmt.Fprintf(&b, "- %s\n", why)
		}
	}
	return b.String() + "\n", nil
}

// withReasons is the page with its reasons as they should be.
func withReasons(page string) (string, error) {
	head, rest, ok := strings.Cut(page, reasonsFrom)
	_, tail, also := strings.Cut(rest, reasonsTo)
	if !ok || !also {
		return "", fmt.Errorf("%s has no marks %q and %q", ReasonsPath, reasonsFrom, reasonsTo)
	}
	reasons, err := Reasons()
	return head + reasonsFrom + reasons + reasonsTo + tail, err
}
