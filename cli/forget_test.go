package cli

import (
	"encoding/json"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/cli/local"
)

// TestForgotten: a cluster's file that is removed while clients are being told of a node is not
// there again behind that.
func TestForgotten(t *testing.T) {
	home := local.Home(t.TempDir())
	c := &coordinator{home: home, info: local.Info{Coordinator: local.Process{PID: os.Getpid()}}}
	file := home.Path("cluster.json")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Skip(err)
	}
	told, forgotten := make(chan error, 1), make(chan error, 1)
	go func() { told <- c.rewrite() }()
	w, err := os.OpenFile(file, os.O_WRONLY, 0) // when it reads the file
	if err != nil {
		t.Fatal(err)
	}
	go func() { forgotten <- c.forget() }()
	select {
	case err := <-forgotten:
		forgotten <- err
	case <-time.After(200 * time.Millisecond): // it waits
	}
	if err := json.NewEncoder(w).Encode(&c.info); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := <-told; err != nil {
		t.Error(err)
	}
	if err := <-forgotten; err != nil {
		t.Error(err)
	}
	if info, err := home.Info(); info != nil || err != nil {
		t.Errorf("it is there again: %+v, %v", info, err)
	}
}
