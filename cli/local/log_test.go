package local

import (
	"bytes"
	"os"
	"testing"
)

// TestLogOfSeveral: of a log that several processes write to, what is put aside is not lost when
// another of them finds it full as well, nor what it writes then.
func TestLogOfSeveral(t *testing.T) {
	home := Home(t.TempDir())
	if err := os.MkdirAll(home.Path("log"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := home.Path("log", "audit.log")
	var two [2]*logFile
	for i := range two {
		two[i] = &logFile{path: path}
		if err := two[i].open(); err != nil {
			t.Fatal(err)
		}
		defer func() { two[i].f.Close() }()
	}
	write := func(i int, p string) {
		t.Helper()
		if _, err := two[i].Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	full := bytes.Repeat([]byte("x"), logBytesMax-2)
	write(0, "a\n")
	write(1, string(full[:len(full)/2]))
	write(0, string(full[len(full)/2:]))
	write(1, "b\n") // puts it aside
	write(0, "c\n") // has it open still
	write(1, "d\n")
	aside, err := os.ReadFile(path + ".1")
	if err != nil || len(aside) != logBytesMax || string(aside[:2]) != "a\n" {
		t.Errorf("%d bytes are aside, %v", len(aside), err)
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != "b\nc\nd\n" {
		t.Errorf("the log has %d bytes, %v", len(now), err)
	}
}
