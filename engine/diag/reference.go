package diag

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Reference stands in a value for a secret that is elsewhere: ${env:NAME} for a variable of
// the environment, ${file:PATH} for what is in a file. Wherever a value is shown or kept,
// its references are kept as they are; what they stand for is asked for by whoever opens
// what the value is for (connect.Secrets).
type Reference struct {
	Span   // bytes of the value
	Scheme string
	Name   string
}

// Schemes are those that a reference may have.
var schemes = []string{"env", "file"}

// References finds the references of a value. What looks like one and is none, such as
// ${env:} and ${vault:x}, is told in bad, the end of a sentence; a text such as ${year},
// without a colon, is text.
func References(value string) (list []Reference, bad string) {
	for at := 0; ; {
		i := strings.Index(value[at:], "${")
		if i < 0 {
			return list, bad
		}
		from := at + i
		at = from + 2
		scheme := value[at:]
		if n := strings.IndexFunc(scheme, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-')
		}); n <= 0 || scheme[n] != ':' {
			continue
		} else {
			scheme = scheme[:n]
		}
		say := func(text string) {
			if bad == "" {
				bad = text
			}
		}
		begin := at + len(scheme) + 1
		n := strings.IndexByte(value[begin:], '}')
		if n < 0 {
			say("has a reference, ${" + scheme + ":, that is not closed by }")
			return list, bad
		}
		r := Reference{Span{from, begin + n + 1}, scheme, value[begin : begin+n]}
		at = r.End
		switch {
		case !slices.Contains(schemes, scheme):
			// Not the name: it may be what somebody took for a place of a secret, or one.
			say("has a reference of kind '" + scheme + "', and there are ${env:NAME} and ${file:PATH}")
		case r.Name == "" && scheme == "env":
			say("has the reference ${env:}, which names no variable")
		case r.Name == "":
			say("has the reference ${file:}, which names no file")
		case scheme == "env" && !variable(r.Name):
			say("has a reference ${env:NAME} whose name has other characters than letters, digits and _")
		default:
			list = append(list, r)
		}
	}
}

// variable reports whether a text may be the name of a variable.
func variable(name string) bool {
	for i, r := range name {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' || i > 0 && '0' <= r && r <= '9') {
			return false
		}
	}
	return name != ""
}

// literals calls f with each stretch of a value that is outside of references.
func literals(value string, f func(from, to int)) {
	list, _ := References(value)
	at := 0
	for _, r := range list {
		if r.Start > at {
			f(at, r.Start)
		}
		at = r.End
	}
	if at < len(value) {
		f(at, len(value))
	}
}

// Stars stand for a secret.
const Stars = "******"

// ShownSecret is the value of a secret option as it may be shown: its references, and stars
// for all else.
func ShownSecret(value string) string {
	list, _ := References(value)
	if len(list) == 0 {
		return Stars
	}
	var out strings.Builder
	at := 0
	for _, r := range list {
		if r.Start > at {
			out.WriteString(Stars)
		}
		out.WriteString(value[r.Start:r.End])
		at = r.End
	}
	if at < len(value) {
		out.WriteString(Stars)
	}
	return out.String()
}

// Masked reports a value that MaskSecrets has written stars over, of a statement on a tape:
// it is known that there was one, and nothing else but its references.
func Masked(value string) bool {
	stars := false
	only := true
	literals(value, func(from, to int) {
		stars = true
		only = only && strings.Trim(value[from:to], "*\n") == ""
	})
	return stars && only
}

// What references gave in this process, so that no message of it has that, whoever wrote
// the message: a client of a broker may put the address or the user it was given into an
// error. It is one list for the process, since messages do not know whose they are.
var (
	hiding sync.Mutex
	given  atomic.Pointer[[]replacement]
)

type replacement struct{ value, by string }

const (
	// hiddenBytesMin is the length from which on a value is looked for: a shorter one would be
	// found in any message.
	hiddenBytesMin = 4
	hiddenMax      = 1000
)

// Hide has all messages that are made from now on show a text in place of a value. Of a value of
// several lines each is hidden too.
func Hide(value, by string) {
	all := []string{value}
	if lines := strings.Split(value, "\n"); len(lines) > 1 {
		for _, l := range lines {
			if l = strings.TrimSpace(l); len(l) >= 2*hiddenBytesMin {
				all = append(all, l)
			}
		}
	}
	for _, v := range slices.Clone(all) {
		if q := strconv.Quote(v); q[1:len(q)-1] != v {
			all = append(all, q[1:len(q)-1])
		}
	}
	hiding.Lock()
	defer hiding.Unlock()
	var list []replacement
	if p := given.Load(); p != nil {
		list = slices.Clone(*p)
	}
	for _, v := range all {
		if len(v) >= hiddenBytesMin && !strings.Contains(by, v) && !slices.ContainsFunc(list, func(r replacement) bool { return r.value == v }) {
			list = append(list, replacement{v, by})
		}
	}
	if n := len(list) - hiddenMax; n > 0 {
		list = list[n:]
	}
	given.Store(&list)
}

// Scrub is a text without what Hide was told of.
func Scrub(text string) string {
	p := given.Load()
	if p == nil {
		return text
	}
	var found []replacement
	for _, r := range *p {
		if strings.Contains(text, r.value) {
			found = append(found, r)
		}
	}
	// Longer ones first, so that a part of one does not hide it.
	slices.SortStableFunc(found, func(a, b replacement) int { return cmp.Compare(len(b.value), len(a.value)) })
	for _, r := range found {
		text = strings.ReplaceAll(text, r.value, r.by)
	}
	return text
}
