package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// Mode is what a profile is of. The names are those of Flink's profiler.
type Mode string

// Modes of profiles.
const (
	CPU    Mode = "CPU"    // stacks that run, 100 times a second of each core
	Itimer Mode = "ITIMER" // the same: Go takes the best timer that the system has
	Alloc  Mode = "ALLOC"  // memory that is taken, one in each 512 KB
	Lock   Mode = "LOCK"   // who is waited for, at locks
	Wall   Mode = "WALL"   // all goroutines, ten times a second
)

// Modes are all, in the order in which Flink lists them.
func Modes() []Mode { return []Mode{CPU, Alloc, Lock, Wall, Itimer} }

// Profiling is a profile of a process: one that is made, or has been.
type Profiling struct {
	Mode         Mode
	Began, Ended time.Time // Ended is zero while it is made
	Duration     time.Duration
	File         string // its name, once it is there
	Failure      string
}

// Bounds of profiles.
const (
	profilesKept = 10
	ProfileMax   = 5 * time.Minute
	wallEvery    = 100 * time.Millisecond
	lockFraction = 10 // of the waits at locks, one in so many is noted
)

// profiles are those of this process.
type profiles struct {
	dir string

	mu   sync.Mutex
	list []*Profiling // newest first
	busy bool
}

// cpuTurn is held by who takes a profile of what runs: the program can take one at a time.
var cpuTurn = make(chan struct{}, 1)

func (p *local) Profiles(context.Context) ([]Profiling, error) {
	k := &p.prof
	k.mu.Lock()
	defer k.mu.Unlock()
	out := make([]Profiling, len(k.list))
	for i, x := range k.list {
		out[i] = *x
	}
	return out, nil
}

func (p *local) Profile(_ context.Context, mode Mode, d time.Duration) (Profiling, error) {
	k := &p.prof
	if !slices.Contains(Modes(), mode) {
		return Profiling{}, diag.New(diag.InvalidArgument, "there is no profile of mode %q", string(mode)).WithHint("modes are CPU, ALLOC, LOCK, WALL and ITIMER")
	}
	if d <= 0 || d > ProfileMax {
		return Profiling{}, diag.New(diag.InvalidArgument, "a profile takes from 1 s to %s", ProfileMax)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.busy {
		return Profiling{}, diag.New(diag.Conflict, "a profile of the process is being made").WithHint("wait until it has ended")
	}
	k.busy = true
	x := &Profiling{Mode: mode, Began: p.clock(), Duration: d}
	k.list = append([]*Profiling{x}, k.list...)
	go func() {
		raw, err := take(mode, d)
		k.mu.Lock()
		defer k.mu.Unlock()
		name := ""
		if err == nil {
			name, err = k.keep(x, raw)
		}
		x.File, x.Ended, k.busy = name, p.clock(), false
		if err != nil {
			x.Failure = err.Error()
		}
		k.forget()
	}()
	return *x, nil
}

// keep writes a profile into the folder. The lock is held.
func (k *profiles) keep(x *Profiling, raw []byte) (string, error) {
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return "", diag.Wrap(diag.IO, err, "cannot make the folder of profiles")
	}
	root, err := os.OpenRoot(k.dir)
	if err != nil {
		return "", diag.Wrap(diag.IO, err, "cannot open the folder of profiles")
	}
	defer root.Close()
	base := fmt.Sprintf("%s_%s", x.Mode, x.Began.UTC().Format("2006-01-02_15_04_05.000"))
	name := base + ".pb.gz"
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", diag.Wrap(diag.IO, err, "cannot write a profile")
	}
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", diag.Wrap(diag.IO, err, "cannot write a profile")
	}
	return name, nil
}

// forget removes profiles that are too many. The lock is held.
func (k *profiles) forget() {
	for len(k.list) > profilesKept {
		old := k.list[len(k.list)-1]
		k.list = k.list[:len(k.list)-1]
		if old.File == "" {
			continue
		}
		if root, err := os.OpenRoot(k.dir); err == nil {
			_ = root.Remove(old.File) // what is left over is in the folder, for people to find
			root.Close()
		}
	}
}

func (p *local) ProfileFile(_ context.Context, name string) ([]byte, error) {
	k := &p.prof
	none := diag.New(diag.NotFound, "there is no profile %q", name)
	k.mu.Lock()
	known := name != "" && slices.ContainsFunc(k.list, func(x *Profiling) bool { return x.File == name })
	k.mu.Unlock()
	if !known {
		return nil, none
	}
	root, err := os.OpenRoot(k.dir)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot open the folder of profiles")
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return nil, none
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot read a profile")
	}
	return b, nil
}

// take makes a profile.
func take(mode Mode, d time.Duration) ([]byte, error) {
	began := time.Now()
	switch mode {
	case CPU, Itimer:
		return takeCPU(context.Background(), d)
	case Wall:
		all := &profile{}
		for time.Since(began) < d {
			now, err := lookup("goroutine")
			if err != nil {
				return nil, err
			}
			all.add(now, 1)
			time.Sleep(wallEvery)
		}
		return all.write(began, time.Since(began)), nil
	}
	name := "allocs"
	if mode == Lock {
		name = "mutex"
		was := runtime.SetMutexProfileFraction(lockFraction)
		defer runtime.SetMutexProfileFraction(was)
	}
	before, err := lookup(name)
	if err != nil {
		return nil, err
	}
	time.Sleep(d)
	after, err := lookup(name)
	if err != nil {
		return nil, err
	}
	after.add(before, -1)
	return after.write(began, time.Since(began)), nil
}

// takeCPU is a profile of what runs, once those before it have ended.
func takeCPU(ctx context.Context, d time.Duration) ([]byte, error) {
	select {
	case cpuTurn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-cpuTurn }()
	var b bytes.Buffer
	if err := pprof.StartCPUProfile(&b); err != nil {
		return nil, diag.Wrap(diag.Conflict, err, "cannot look at what runs")
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	pprof.StopCPUProfile()
	return b.Bytes(), ctx.Err()
}

// lookup is one of the profiles that the program keeps by itself.
func lookup(name string) (*profile, error) {
	var b bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(&b, 0); err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot take a profile")
	}
	return parse(b.Bytes())
}

// stacksMax bounds what is written of all stacks, in bytes.
const stacksMax = 16 << 20

func (p *local) Stacks(context.Context) ([]Stack, error) {
	b := make([]byte, 1<<20)
	for {
		n := runtime.Stack(b, true)
		if n < len(b) || len(b) >= stacksMax {
			b = b[:n]
			break
		}
		b = make([]byte, 2*len(b))
	}
	var out []Stack
	for text := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n\n") {
		head, _, _ := strings.Cut(text, "\n")
		out = append(out, Stack{Name: strings.TrimSuffix(head, ":"), Text: text + "\n"})
	}
	return out, nil
}
