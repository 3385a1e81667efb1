package diag

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// References are found in values, and what looks like one and is none is told.
func TestReferences(t *testing.T) {
	for _, c := range []struct{ in, want, bad string }{
		{"", "", ""},
		{"plain $ {x} $x ${year} ${} ${ ${a b:c}", "", ""},
		{"${env:A}", "env A", ""},
		{"x${env:_a1}y${file:/a b/c}z", "env _a1,file /a b/c", ""},
		{"$${env:A}", "env A", ""}, // there is no escape
		{"${env:}", "", "${env:}"},
		{"${file:}", "", "${file:}"},
		{"${env:A", "", "not closed"},
		{"${env:A:-b}", "", "letters, digits"},
		{"${env:1A}", "", "letters, digits"},
		{"${vault:hunter2}", "", "kind 'vault'"},
		{"${ENV:A}", "", "kind 'ENV'"},
		{"${env:A}${secret:x}", "env A", "kind 'secret'"},
	} {
		list, bad := References(c.in)
		var got []string
		for _, r := range list {
			got = append(got, r.Scheme+" "+r.Name)
			if c.in[r.Start:r.End] != "${"+r.Scheme+":"+r.Name+"}" {
				t.Errorf("%s: the place of %v is wrong", c.in, r)
			}
		}
		if strings.Join(got, ",") != c.want || !strings.Contains(bad, c.bad) || (bad == "") != (c.bad == "") || strings.Contains(bad, "hunter2") {
			t.Errorf("%s: %v, %q", c.in, got, bad)
		}
	}
}

// Of secret values their references are shown, and nothing beside them.
func TestReferencesAreShown(t *testing.T) {
	for in, want := range map[string]string{
		"hunter2": "******", "": "******", "${env:A}": "${env:A}", "x ${env:A} y": "******${env:A}******", "${env:A}hunter2": "${env:A}******",
		"${hunter2": "******", "${vault:hunter2}": "******",
	} {
		if got := ShownSecret(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]bool{"": false, "***": true, "**\n*": true, "a**": false, "${env:A}": false, "***${env:A}**": true, "${env:A}x": false} {
		if Masked(in) != want {
			t.Errorf("%q: masked %v", in, !want)
		}
	}
	for _, c := range []struct{ in, want string }{
		{"'password' = '${env:P}hunter2'", "'password' = '${env:P}*******'"},
		{"'x.jaas.config' = 'a b=\"u\" c=\"${file:/p}\";'", "'x.jaas.config' = '***********${file:/p}**'"},
		{"'p' = 'user:ada,password:${env:P},token:x${env:T}'", "'p' = 'user:ada,password:${env:P},token:*${env:T}'"},
		{"'password' = '${hunter2'", "'password' = '*********'"},
	} {
		if got := MaskSecrets(c.in); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.in, got, c.want)
		}
	}
}

// No message has what a reference gave, whichever way it is made.
func TestScrub(t *testing.T) {
	defer given.Store(given.Load())
	Hide("canary-1", "${env:A}")
	Hide("canary-1 and more", "${env:B}")
	Hide("line of a key\nsh\nanother line\n", "${file:k}")
	Hide("quo\"ted", "${env:Q}")
	Hide("abc", "${env:SHORT}")
	out := errors.New("dial canary-1: refused")
	for _, c := range []struct {
		err  *Error
		want string
	}{
		{New(IO, "no %s", "canary-1"), "no ${env:A}"},
		{New(IO, "no canary-1 and more"), "no ${env:B}"},
		{At(Span{}, IO, "%q", `quo"ted`), `"${env:Q}"`},
		{Wrap(IO, out, "cannot %s", "abc"), "cannot abc: dial ${env:A}: refused"},
		{New(IO, "x").WithHint("is it %s", "another line"), "x"},
		{New(IO, "x").WithNote(Span{}, "it is %s", "line of a key"), "x"},
	} {
		if c.err.Msg != c.want {
			t.Errorf("%s, want %s", c.err.Msg, c.want)
		}
		if text := fmt.Sprint(c.err.Msg, c.err.Hint, c.err.Notes); strings.Contains(text, "canary") || strings.Contains(text, "line") {
			t.Error(text)
		}
	}
	for i := range 2 * hiddenMax {
		Hide(fmt.Sprintf("value %d", i), "x")
	}
	if n := len(*given.Load()); n != hiddenMax {
		t.Errorf("%d values are kept", n)
	}
}
