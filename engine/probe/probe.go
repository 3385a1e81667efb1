// Package probe is what a process tells of itself to who looks after it: its logs, its
// stacks and memory, and where it spends its time.
//
// Of is that of this process. One process asks another by bytes: Answer makes an answer of a
// question, and Far is a Process that asks. How the bytes travel is the caller's.
//
// No name that comes from outside is opened as a path: files are opened by names below a
// folder (os.Root) that this package has itself listed.
//
// Begin with Process; logs are in logs.go, profiles in profile.go and sample.go.
package probe

import (
	"context"
	"encoding/json"
	"runtime"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// Process is a process that is looked at. Its methods may be called from several goroutines.
type Process interface {
	// Files are its logs.
	Files(ctx context.Context) ([]File, error)
	// Piece reads at most PieceMax bytes of a log; less than that at its end only.
	Piece(ctx context.Context, name string, from int64) ([]byte, error)
	// Lines are lines of its logs that are about a job.
	Lines(ctx context.Context, q LinesOf) (Lines, error)
	// Stacks are those of all goroutines.
	Stacks(ctx context.Context) ([]Stack, error)
	// Figures are of the process.
	Figures(ctx context.Context) (Figures, error)
	// Sample looks for a while at where the goroutines that work for a vertex are.
	Sample(ctx context.Context, q SampleOf) (Sample, error)
	// Profile starts a profile, and Profiles lists those of the process, newest first.
	Profile(ctx context.Context, mode Mode, d time.Duration) (Profiling, error)
	Profiles(ctx context.Context) ([]Profiling, error)
	// ProfileFile is a profile that has ended, by its file's name.
	ProfileFile(ctx context.Context, name string) ([]byte, error)
}

// PieceMax is the most that Piece gives.
const PieceMax = 256 << 10

// Figures are of a process.
type Figures struct {
	CPUs                            int
	Goroutines                      int
	Heap, HeapTaken, Taken          uint64 // in use, of the system for it, of the system in all
	Collections                     uint32
	Paused                          time.Duration // by the collector, in all
	MachineMemory, MachineAvailable int64         // of the machine; 0 where it is not told
	GoVersion                       string
}

// Stack is that of a goroutine.
type Stack struct{ Name, Text string }

// local is this process.
type local struct {
	logs  *Logs
	prof  profiles
	clock func() time.Time
}

// Of is this process. logs are its own, and profiles are written into dir.
func Of(logs *Logs, dir string) Process {
	return &local{logs: logs, prof: profiles{dir: dir}, clock: time.Now}
}

func (p *local) Figures(context.Context) (Figures, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f := Figures{
		CPUs: runtime.NumCPU(), Goroutines: runtime.NumGoroutine(), Heap: m.HeapAlloc, HeapTaken: m.HeapSys, Taken: m.Sys,
		Collections: m.NumGC, Paused: time.Duration(m.PauseTotalNs), GoVersion: runtime.Version(),
	}
	f.MachineMemory, f.MachineAvailable = machineMemory()
	return f, nil
}

// question is one about a process, as bytes; what is not asked is left out.
type question struct {
	What     string        `json:"what"`
	Name     string        `json:"name,omitempty"`
	From     int64         `json:"from,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`
	Lines    *LinesOf      `json:"lines,omitempty"`
	Sample   *SampleOf     `json:"sample,omitempty"`
}

// Answer answers what a Far of another process asks about p.
func Answer(ctx context.Context, p Process, asked []byte) ([]byte, error) {
	var q question
	if err := json.Unmarshal(asked, &q); err != nil {
		return nil, diag.New(diag.Internal, "a question about the process cannot be read")
	}
	var out any
	var err error
	switch q.What {
	case "files":
		out, err = p.Files(ctx)
	case "piece":
		return p.Piece(ctx, q.Name, q.From)
	case "lines":
		if q.Lines == nil {
			q.Lines = &LinesOf{}
		}
		out, err = p.Lines(ctx, *q.Lines)
	case "stacks":
		out, err = p.Stacks(ctx)
	case "figures":
		out, err = p.Figures(ctx)
	case "sample":
		if q.Sample == nil {
			q.Sample = &SampleOf{}
		}
		out, err = p.Sample(ctx, *q.Sample)
	case "profile":
		out, err = p.Profile(ctx, Mode(q.Name), q.Duration)
	case "profiles":
		out, err = p.Profiles(ctx)
	case "profile file":
		return p.ProfileFile(ctx, q.Name)
	default:
		err = diag.New(diag.Internal, "a question about the process is not known: %s", q.What)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// Far is a process that is asked: ask carries a question to Answer there, and the answer
// back.
func Far(ask func(ctx context.Context, question []byte) ([]byte, error)) Process { return far{ask} }

type far struct {
	ask func(ctx context.Context, question []byte) ([]byte, error)
}

func (f far) raw(ctx context.Context, q question) ([]byte, error) {
	b, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	return f.ask(ctx, b)
}

func (f far) get(ctx context.Context, q question, into any) error {
	b, err := f.raw(ctx, q)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return diag.Wrap(diag.Internal, err, "what a process tells of itself is damaged")
	}
	return nil
}

func (f far) Files(ctx context.Context) (out []File, err error) {
	return out, f.get(ctx, question{What: "files"}, &out)
}

func (f far) Piece(ctx context.Context, name string, from int64) ([]byte, error) {
	return f.raw(ctx, question{What: "piece", Name: name, From: from})
}

func (f far) Lines(ctx context.Context, q LinesOf) (out Lines, err error) {
	return out, f.get(ctx, question{What: "lines", Lines: &q}, &out)
}

func (f far) Stacks(ctx context.Context) (out []Stack, err error) {
	return out, f.get(ctx, question{What: "stacks"}, &out)
}

func (f far) Figures(ctx context.Context) (out Figures, err error) {
	return out, f.get(ctx, question{What: "figures"}, &out)
}

func (f far) Sample(ctx context.Context, q SampleOf) (out Sample, err error) {
	return out, f.get(ctx, question{What: "sample", Sample: &q}, &out)
}

func (f far) Profile(ctx context.Context, mode Mode, d time.Duration) (out Profiling, err error) {
	return out, f.get(ctx, question{What: "profile", Name: string(mode), Duration: d}, &out)
}

func (f far) Profiles(ctx context.Context) (out []Profiling, err error) {
	return out, f.get(ctx, question{What: "profiles"}, &out)
}

func (f far) ProfileFile(ctx context.Context, name string) ([]byte, error) {
	return f.raw(ctx, question{What: "profile file", Name: name})
}
