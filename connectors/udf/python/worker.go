package python

import (
	"embed"
	"encoding/binary"
	"encoding/json"
	"io"
	"sync"
	"sync/atomic"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

//go:embed lib/*.py
var lib embed.FS

// worker is a Python process. One call at a time uses it.
type worker struct {
	mu      sync.Mutex
	p       env.Process
	clock   env.Clock
	stderr  *tail
	last    atomic.Uint32 // number of the newest function object in it
	dead    atomic.Bool
	late    atomic.Bool
	stopped atomic.Bool
}

// answerMax is the size of the largest answer taken from a worker.
const answerMax = 1 << 30

// worker returns the worker of a slot, starting one when there is none that runs.
func (r *Runtime) worker(s *setup, slot int) (*worker, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.workers[s.key()]
	if list == nil {
		list = make([]*worker, slots)
		r.workers[s.key()] = list
	}
	if w := list[slot]; w != nil && !w.ended() {
		return w, nil
	}
	w, err := start(r.env, s)
	if err == nil {
		list[slot] = w
	}
	return w, err
}

func start(e *env.Env, s *setup) (*worker, error) {
	if e.Processes == nil {
		return nil, diag.New(diag.Unsupported, "functions in Python need processes, which this host does not start")
	}
	sources := map[string]string{}
	for _, n := range []string{"arrow", "columns", "common", "data_view", "setup", "types", "udf", "worker"} {
		text, err := lib.ReadFile("lib/" + n + ".py")
		if err != nil {
			return nil, err
		}
		sources[n] = string(text)
	}
	boot, err := lib.ReadFile("lib/boot.py")
	if err != nil {
		return nil, err
	}
	arg, err := json.Marshal(sources)
	if err != nil {
		return nil, err
	}
	w := &worker{clock: e.Clock, stderr: &tail{}}
	w.p, err = e.Processes.Start(env.Program{
		Path: s.executable, Args: []string{"-c", string(boot), string(arg)},
		Env: []string{"PYTHONUNBUFFERED=1", "PYTHONIOENCODING=utf-8", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"}, Stderr: w.stderr,
	})
	if refused := diag.As(err); refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot start '%s' for functions in Python", s.executable).
			WithHint("install python3, or SET 'python.executable' to where it is")
	}
	return w, nil
}

// number is the number of a new function object.
func (w *worker) number() uint32 { return w.last.Add(1) }

func (w *worker) ended() bool { return w.dead.Load() }

// stop ends the process. If a call is under way it ends at once with force, and else
// after the call.
func (w *worker) stop(force bool) {
	w.stopped.Store(true)
	if !force {
		w.mu.Lock()
	}
	if !force || w.mu.TryLock() {
		defer w.mu.Unlock()
		if !w.dead.Swap(true) {
			_ = w.p.CloseInput()
			stop := w.clock.At(w.clock.Mono()+int64(2e9), w.p.Kill)
			w.p.Wait()
			stop()
		}
		return
	}
	w.p.Kill()
}

// json sends a request and gives the body of the answer.
func (w *worker) json(s *setup, r *request) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	b, err := w.call(s, append([]byte{'J'}, body...), r.Function)
	if err != nil {
		return nil, err
	}
	if b[0] == 'E' {
		_, err := failure(b, r.Function)
		return nil, err
	}
	return b[1:], nil
}

// call sends a frame and waits for the answer, within the time limit.
func (w *worker) call(s *setup, frame []byte, name string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead.Load() {
		return nil, w.gone(name, "it was stopped")
	}
	if s.timeout > 0 {
		defer w.clock.At(w.clock.Mono()+s.timeout*1e6, func() {
			w.late.Store(true)
			w.p.Kill()
		})()
	}
	var head [4]byte
	putU32(head[:], uint32(len(frame)))
	_, err := w.p.Write(append(head[:], frame...))
	if err == nil {
		_, err = io.ReadFull(w.p, head[:])
	}
	n := binary.LittleEndian.Uint32(head[:])
	if err == nil && (n == 0 || n > answerMax) {
		err = errFrame
		w.p.Kill()
	}
	var b []byte
	if err == nil {
		b = make([]byte, n)
		_, err = io.ReadFull(w.p, b)
	}
	if err == nil {
		return b, nil
	}
	if w.dead.Swap(true) {
		return nil, w.gone(name, "it was stopped")
	}
	status := w.p.Wait()
	if w.late.Load() {
		return nil, w.slow(name, s.timeout)
	}
	return nil, w.gone(name, status)
}

// gone says that the worker of a function ended, with the end of what it wrote.
func (w *worker) gone(name, status string) *diag.Error {
	e := diag.New(diag.UserFunction, "the Python worker ended while it ran %s: %s", name, status)
	if w.stopped.Load() {
		e = diag.New(diag.Cancelled, "the Python worker was stopped while it ran %s", name)
	}
	for _, line := range w.stderr.lines() {
		e.WithNote(diag.Span{}, "%s", line)
	}
	return e
}

// slow is the error of a function that did not answer in time.
func (w *worker) slow(name string, ms int64) *diag.Error {
	return diag.New(diag.UserFunction, "%s gave no answer within %s, and its worker was ended", name, duration(ms)).
		WithHint("a longer limit is set by 'mink.udf.timeout'")
}
