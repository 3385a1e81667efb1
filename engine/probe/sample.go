package probe

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SampleOf says what is looked at: goroutines whose labels name the vertex of a job.
type SampleOf struct {
	// Labels are the names of the labels, of job, vertex and subtask.
	Labels      [3]string
	Job, Vertex string
	Duration    time.Duration
	// Steps is the function from which tasks are stepped: of goroutines that wait, those
	// within it are looked at. A reader that sits beside its task waits most of the time.
	Steps string
}

// Sample is what was seen: stacks, outermost first, with how many hundredths of a second they
// were seen, on a core and waiting.
type Sample struct {
	Running, Waiting []Weighed
}

// Weighed is a stack of a subtask.
type Weighed struct {
	Subtask int
	Stack   []string
	Weight  int64
}

// Times of samples. A stack that runs is seen each hundredth of a second of a core, which is
// the unit.
const (
	sampleUnit = 10 * time.Millisecond
	waitEvery  = 100 * time.Millisecond
)

func (p *local) Sample(ctx context.Context, q SampleOf) (Sample, error) {
	var out Sample
	q.Duration = min(q.Duration, 30*time.Second)
	began := time.Now()
	type cpu struct {
		raw []byte
		err error
	}
	run := make(chan cpu, 1)
	go func() {
		raw, err := takeCPU(ctx, q.Duration)
		run <- cpu{raw, err}
	}()
	waiting := &profile{}
	for ; time.Since(began) < q.Duration; time.Sleep(waitEvery) {
		now, err := lookup("goroutine")
		if err != nil {
			return out, err
		}
		now.samples = slices.DeleteFunc(now.samples, func(s sample) bool { return !q.is(&s) || !waits(&s) || !calls(&s, q.Steps) })
		waiting.add(now, 1)
	}
	r := <-run
	if r.err != nil {
		return out, r.err
	}
	running, err := parse(r.raw)
	if err != nil {
		return out, err
	}
	for i := range running.samples {
		if s := &running.samples[i]; q.is(s) && len(s.values) > 0 {
			out.Running = append(out.Running, q.weigh(s, s.values[0]))
		}
	}
	for i := range waiting.samples {
		if s := &waiting.samples[i]; len(s.values) > 0 {
			out.Waiting = append(out.Waiting, q.weigh(s, s.values[0]*int64(waitEvery/sampleUnit)))
		}
	}
	return out, nil
}

func (q *SampleOf) is(s *sample) bool {
	return s.labels[q.Labels[0]] == q.Job && s.labels[q.Labels[1]] == q.Vertex
}

func (q *SampleOf) weigh(s *sample, n int64) Weighed {
	sub, _ := strconv.Atoi(s.labels[q.Labels[2]]) // whoever labels writes a number
	w := Weighed{Subtask: sub, Weight: n}
	for _, f := range slices.Backward(s.stack) {
		w.Stack = append(w.Stack, f.String())
	}
	return w
}

// waits reports a goroutine that is not on a core and not about to be.
func waits(s *sample) bool {
	if len(s.stack) == 0 {
		return false
	}
	for _, f := range s.stack[:min(3, len(s.stack))] {
		switch name := f.fn; {
		case name == "runtime.gopark", strings.HasSuffix(name, ".Syscall6"), strings.HasSuffix(name, ".Syscall"), name == "runtime.notetsleepg":
			return true
		}
	}
	return false
}

// calls reports a stack with a function in it.
func calls(s *sample, fn string) bool {
	return slices.ContainsFunc(s.stack, func(f frame) bool { return strings.HasSuffix(f.fn, fn) })
}
