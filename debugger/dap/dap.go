// Package dap lets editors step through tapes: it is a server of the Debug Adapter
// Protocol over one connection.
//
// What editors know of programs stands for what there is in a job: a thread is a job, a
// frame an operator, with those that its rows came from below it, and a line that of the
// operator's SQL. Scopes have the row, the state, the watermarks and the open windows. An
// exception is a row that is late, a change that does not fit, a step that fails or a run
// that is not the recorded one. All motions go backwards too.
//
// dap knows nothing of commands and files: who serves says how a program is opened and how
// a command of the debugger is carried out (Options). Begin with Serve.
package dap

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-dap"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
)

// Launch is what an editor says of the program, in launch.json and its like.
type Launch struct {
	// Program is a tape, a script, a test or a job of a cluster, as mink debug takes them; "" is
	// the one that the server was started for.
	Program string `json:"program"`
	// At is where to begin, Job the number of the job that is shown first, from 1. Without At a
	// job that runs is looked at where it is, anything else from its start.
	At  string `json:"at"`
	Job int    `json:"job"`
	// StopOnEntry stops there; by default it does.
	StopOnEntry *bool `json:"stopOnEntry"`
	// Set are keys of the configuration of a script.
	Set map[string]string `json:"set"`
	// Dir and Gateway say which cluster has the job, StopWorld that it stands still until the
	// editor leaves.
	Dir       string `json:"dir"`
	Gateway   string `json:"gateway"`
	StopWorld bool   `json:"stopWorld"`
}

// Program is what was opened. Of a job that runs Live is set, and Debugger is that of Live.
type Program struct {
	Debugger *debugger.Debugger
	Live     *debugger.Live
	// Release is called at the end, behind the Close of either.
	Release func() error
}

// Options say what a server needs of whoever runs it.
type Options struct {
	// Open opens a program.
	Open func(ctx context.Context, l Launch) (*Program, error)
	// Command carries out a command of the debugger, such as why; ok is false for what is
	// none.
	Command func(ctx context.Context, d *debugger.Debugger, j *debugger.Job, line string) (text string, ok bool, err error)
	// Read reads a file of SQL.
	Read func(name string) ([]byte, error)
	// Abs makes the name of a file absolute, as editors name files.
	Abs func(name string) string
}

// Serve talks to one editor until it leaves or ctx ends.
func Serve(ctx context.Context, o Options, in io.Reader, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	s := &session{o: o, out: out, ctx: ctx}
	work := make(chan dap.Message, 64)
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		for m := range work {
			s.handle(m)
		}
	}()
	err := s.read(bufio.NewReader(in), work)
	stop() // what is under way ends
	close(work)
	done.Wait()
	return errors.Join(err, s.close())
}

// read takes requests until the editor disconnects. A pause ends the motion that is under
// way, so it does not wait for it.
func (s *session) read(in *bufio.Reader, work chan<- dap.Message) error {
	for {
		content, err := dap.ReadBaseMessage(in)
		var m dap.Message
		if err == nil {
			m, err = dap.DecodeProtocolMessage(content)
		}
		var field *dap.DecodeProtocolMessageFieldError
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
			return nil
		case errors.As(err, &field):
			s.refuse(field.Seq, field.SubType, "not supported: "+field.FieldValue)
			continue
		case err != nil:
			return diag.Wrap(diag.IO, err, "the editor sends what is no message of the protocol")
		}
		if r, ok := m.(*dap.InitializeRequest); ok {
			fromOne(r, content)
		}
		if _, ok := m.(*dap.PauseRequest); ok {
			s.interrupt()
		}
		if r, ok := m.(*dap.DisconnectRequest); ok {
			s.interrupt()
			s.send(&dap.DisconnectResponse{Response: s.ok(r.Request)})
			return nil
		}
		work <- m
	}
}

// fromOne fills in what an editor need not say: it counts lines and columns from 1.
func fromOne(r *dap.InitializeRequest, content []byte) {
	var said struct {
		Arguments struct{ LinesStartAt1, ColumnsStartAt1 *bool }
	}
	if json.Unmarshal(content, &said) == nil {
		r.Arguments.LinesStartAt1 = said.Arguments.LinesStartAt1 == nil || *said.Arguments.LinesStartAt1
		r.Arguments.ColumnsStartAt1 = said.Arguments.ColumnsStartAt1 == nil || *said.Arguments.ColumnsStartAt1
	}
}

// session is the state of a connection.
type session struct {
	o   Options
	ctx context.Context

	outMu sync.Mutex
	out   io.Writer
	seq   int

	moveMu sync.Mutex
	cancel context.CancelFunc // of the motion under way

	d       *debugger.Debugger
	live    *debugger.Live // nil for what does not run
	release func() error
	launch  Launch
	job     int       // index of the thread that moves
	scripts []*script // the first has what the tape says that is in no file
	places  []place
	breaks  breaks
	at      stopped
	refs    []ref
	zero    struct{ lines, columns bool } // the editor counts from 0
	running bool                          // configured
}

func (s *session) close() error {
	if s.d == nil {
		return nil
	}
	var err error
	if s.live != nil {
		err = s.live.Close()
	} else {
		err = s.d.Close()
	}
	if s.release != nil {
		err = errors.Join(err, s.release())
	}
	s.d, s.live = nil, nil
	return err
}

func (s *session) send(m dap.Message) {
	s.outMu.Lock()
	defer s.outMu.Unlock()
	s.seq++
	switch m := m.(type) {
	case dap.ResponseMessage:
		m.GetResponse().Seq = s.seq
	case dap.EventMessage:
		m.GetEvent().Seq = s.seq
	}
	_ = dap.WriteProtocolMessage(s.out, m) // a reader that is gone ends read, too
}

func (s *session) ok(r dap.Request) dap.Response {
	return dap.Response{ProtocolMessage: dap.ProtocolMessage{Type: "response"}, RequestSeq: r.Seq, Success: true, Command: r.Command}
}

func event(name string) dap.Event {
	return dap.Event{ProtocolMessage: dap.ProtocolMessage{Type: "event"}, Event: name}
}

func (s *session) refuse(seq int, command, text string) {
	r := &dap.ErrorResponse{Response: dap.Response{ProtocolMessage: dap.ProtocolMessage{Type: "response"}, RequestSeq: seq, Command: command, Message: text}}
	r.Body.Error = &dap.ErrorMessage{Id: 1, Format: text, ShowUser: true}
	s.send(r)
}

// fails answers with an error, its hint included.
func (s *session) fails(r dap.Request, err error) {
	text := err.Error()
	if e := diag.As(err); e != nil && e.Hint != "" {
		text += "; " + e.Hint
	}
	s.refuse(r.Seq, r.Command, text)
}

// interrupt ends the motion under way.
func (s *session) interrupt() {
	s.moveMu.Lock()
	defer s.moveMu.Unlock()
	if s.cancel != nil {
		s.cancel()
	}
}

func (s *session) say(category, text string) {
	s.send(&dap.OutputEvent{Event: event("output"), Body: dap.OutputEventBody{Category: category, Output: text}})
}

// filters are the exceptions that an editor may stop at.
var filters = []dap.ExceptionBreakpointsFilter{
	{Filter: "late", Label: "Late rows", Description: "Rows are left out since they came behind the watermark", SupportsCondition: true, ConditionDescription: "BY 5s: by how much at least"},
	{Filter: "changelog", Label: "Changes that do not fit", Description: "-U or -D of a row that is not there, or an update where only inserts are planned"},
	{Filter: "exception", Label: "Failures", Description: "A step fails", Default: true},
	{Filter: "divergence", Label: "Divergence", Description: "The run is not the recorded one any more; it always stops there", Default: true},
}

func (s *session) initialize(r *dap.InitializeRequest) {
	s.zero.lines, s.zero.columns = !r.Arguments.LinesStartAt1, !r.Arguments.ColumnsStartAt1
	a := &dap.InitializeResponse{Response: s.ok(r.Request)}
	a.Body = dap.Capabilities{
		SupportsConfigurationDoneRequest: true, SupportsFunctionBreakpoints: true, SupportsConditionalBreakpoints: true,
		SupportsHitConditionalBreakpoints: true, SupportsEvaluateForHovers: true, ExceptionBreakpointFilters: filters, SupportsStepBack: true,
		SupportsExceptionInfoRequest: true, SupportsLoadedSourcesRequest: true, SupportsLogPoints: true, SupportsDataBreakpoints: true,
		SupportsBreakpointLocationsRequest: true, SupportsSteppingGranularity: true, SupportsExceptionFilterOptions: true, SupportsTerminateRequest: true,
		SupportsDelayedStackTraceLoading: true,
	}
	s.send(a)
}

// begin opens the program. Breakpoints follow, then configurationDone.
func (s *session) begin(r dap.Request, arguments json.RawMessage) error {
	if s.d != nil {
		return diag.New(diag.Config, "a program is open already")
	}
	if len(arguments) > 0 {
		if err := json.Unmarshal(arguments, &s.launch); err != nil {
			return diag.Wrap(diag.Config, err, "the launch configuration cannot be read").
				WithHint("program, at, job, stopOnEntry, set, dir, gateway and stopWorld are what it may have")
		}
	}
	p, err := s.o.Open(s.ctx, s.launch)
	if err != nil {
		return err
	}
	s.d, s.live, s.release = p.Debugger, p.Live, p.Release
	if err := s.start(); err != nil {
		return errors.Join(err, s.close()) // another launch may follow
	}
	if r.Command == "attach" {
		s.send(&dap.AttachResponse{Response: s.ok(r)})
	} else {
		s.send(&dap.LaunchResponse{Response: s.ok(r)})
	}
	s.send(&dap.InitializedEvent{Event: event("initialized")})
	return nil
}

// start shows what was opened where the launch says.
func (s *session) start() error {
	d := s.d
	for _, j := range d.Tape.Manifest.Jobs {
		if j.Error != "" {
			s.say("stderr", "the job "+j.Name+" failed: "+j.Error+"\n")
		}
	}
	if n := s.launch.Job; n < 0 || n > len(d.Jobs) {
		return diag.New(diag.NotFound, "the tape has no job %d", n)
	}
	s.job = max(s.launch.Job-1, 0)
	at := s.launch.At
	if s.live != nil {
		s.job = slices.Index(d.Jobs, s.live.Job)
		if at == "" {
			at = "end" // where the job is
		}
	}
	s.scripts = []*script{{name: d.Tape.Name + ".sql", lines: []int{0}}}
	for _, name := range append([]string{s.launch.Program}, strings.Fields(d.Tape.Manifest.Script)...) {
		name, _, _ = cutTest(name)
		s.addFile(name)
	}
	s.locate()
	if at == "" {
		return nil
	}
	t, err := debugger.ParseTarget(at)
	if err == nil {
		_, err = s.j().Seek(s.ctx, t)
	}
	return err
}

// j is the job that moves.
func (s *session) j() *debugger.Job { return s.d.Jobs[s.job] }
