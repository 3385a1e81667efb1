package connect_test

import (
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// What references give, and how it is said that they give nothing.
func TestSecrets(t *testing.T) {
	disk := env.NewMemDisk()
	write := func(name, text string) {
		t.Helper()
		f, err := disk.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := disk.MkdirAll("dir"); err != nil {
		t.Fatal(err)
	}
	write("dir/plain", "of-a-file")
	write("dir/unix", "of-unix\n")
	write("dir/dos", "of-dos\r\n")
	write("dir/two", "of-two\n\n")
	write("dir/empty", "")
	write("dir/most", strings.Repeat("x", 64<<10))
	write("dir/more", strings.Repeat("x", 64<<10+1))
	s := &connect.Secrets{Disk: disk, Dir: "dir", Help: "allow it", Variable: func(name string) (string, bool) {
		v, ok := map[string]string{"A": "value-of-a", "EMPTY": "", "B": "${env:A}"}[name]
		return v, ok
	}, Allowed: func(name string) bool { return name != "HOME" }}
	for in, want := range map[string]string{
		"plain": "plain", "": "", "${env:A}": "value-of-a", "<${env:A}|${file:plain}>": "<value-of-a|of-a-file>", "${env:EMPTY}": "",
		"${env:B}":     "${env:A}", // what comes is no reference again
		"${file:unix}": "of-unix", "${file:dos}": "of-dos", "${file:two}": "of-two\n", "${file:empty}": "", "${year}": "${year}",
		"${file:most}": strings.Repeat("x", 64<<10),
	} {
		if got, err := s.Resolve("k", in); err != nil || got != want {
			t.Errorf("%s: %.20q, %v", in, got, err)
		}
	}
	for _, c := range []struct {
		in   string
		code diag.Code
		says string
	}{
		{"${env:NOPE}", diag.NotFound, "the variable NOPE, which option 'k' refers to, is not set"},
		{"${env:HOME}", diag.Permission, "statements may not name the variable HOME"},
		{"${file:nope}", diag.NotFound, "there is no file 'nope'"},
		{"${file:.}", diag.IO, "no regular file"},
		{"${file:more}", diag.LimitExceeded, "64 KB"},
		{"${env:}", diag.InvalidOption, "${env:}"},
		{"${vault:x}", diag.InvalidOption, "kind 'vault'"},
	} {
		_, err := s.Resolve("k", c.in)
		if d := diag.As(err); d == nil || d.Code != c.code || !strings.Contains(d.Msg, c.says) || connect.OptionKey(err) != "k" {
			t.Errorf("%s: %v", c.in, err)
		}
	}
	var none *connect.Secrets
	if got, err := none.Resolve("k", "plain"); got != "plain" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := none.Resolve("k", "${env:A}"); diag.CodeOf(err) != diag.Permission {
		t.Error(err)
	}
	// What was given is in no message any more.
	if e := diag.New(diag.IO, "no answer to %s", "value-of-a"); strings.Contains(e.Msg, "value-of-a") {
		t.Error(e)
	}
}
