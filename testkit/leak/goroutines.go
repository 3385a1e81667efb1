package leak

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
)

// lasting are functions whose goroutines live as long as the process, each with the reason. One
// that can be ended by its owner does not belong here.
var lasting = []struct{ function, reason string }{
	{"os/signal.loop", "one goroutine hands out the signals of the process, from the first Notify on"},
	{"runtime.ensureSigM", "the same, in the runtime"},
}

// goroutine is one of the process.
type goroutine struct {
	id    string
	state string   // "chan receive, 2 minutes"
	stack []string // functions, innermost first, each followed by its line's place
	from  string   // "flow.(*host).start, engine/flow/worker.go:51", who started it
}

// goroutines are all but the calling one, those of the runtime left out.
func goroutines() []goroutine {
	buf := make([]byte, 64<<10)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	var out []goroutine
	for i, text := range strings.Split(strings.TrimSpace(string(buf[:n])), "\n\n") {
		if i > 0 { // the first is the calling one
			out = append(out, parse(text))
		}
	}
	return out
}

var (
	header  = regexp.MustCompile(`^goroutine (\d+)[^\[]*\[(.*)\]:$`)
	argList = regexp.MustCompile(`\([^()]*\)$`)
	offset  = regexp.MustCompile(` \+0x[0-9a-f]+$`)
)

func parse(text string) goroutine {
	lines := strings.Split(text, "\n")
	var g goroutine
	if m := header.FindStringSubmatch(lines[0]); m != nil {
		g.id, g.state = m[1], m[2]
	}
	var function string
	for _, l := range lines[1:] {
		place, is := strings.CutPrefix(l, "\t")
		if !is {
			function = l
			continue
		}
		place = offset.ReplaceAllString(place, "")
		if by, is := strings.CutPrefix(function, "created by "); is {
			by, _, _ = strings.Cut(by, " in goroutine ")
			g.from = by + ", " + place
			continue
		}
		g.stack = append(g.stack, argList.ReplaceAllString(function, "")+" "+place)
	}
	return g
}

func (g goroutine) lasts() bool {
	for _, l := range lasting {
		for _, frame := range g.stack {
			if strings.HasPrefix(frame, l.function) {
				return true
			}
		}
	}
	return false
}

// framesMost are told of a stack.
const framesMost = 16

// goroutinesLeft has a paragraph for each stack of which there are new goroutines.
func (b *before) goroutinesLeft() []string {
	var kinds []string
	times := map[string]int{}
	for _, g := range goroutines() {
		if b.goroutines[g.id] || g.lasts() {
			continue
		}
		state, _, _ := strings.Cut(g.state, ",") // how long it waits differs
		var text strings.Builder
		fmt.Fprintf(&text, "started by %s, now in [%s]:\n", g.from, state)
		for i, frame := range g.stack {
			if i == framesMost {
				fmt.Fprintf(&text, "    ... %d more\n", len(g.stack)-i)
				break
			}
			fmt.Fprintf(&text, "    %s\n", frame)
		}
		kind := text.String()
		if times[kind]++; times[kind] == 1 {
			kinds = append(kinds, kind)
		}
	}
	for i, kind := range kinds {
		if n := times[kind]; n == 1 {
			kinds[i] = "1 goroutine, " + kind
		} else {
			kinds[i] = fmt.Sprintf("%d goroutines, each %s", n, kind)
		}
	}
	return kinds
}
