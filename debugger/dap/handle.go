package dap

import (
	"github.com/google/go-dap"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
)

// handle carries out one request.
func (s *session) handle(m dap.Message) {
	r, ok := m.(dap.RequestMessage)
	if !ok {
		return
	}
	req := *r.GetRequest()
	if err := s.request(m, req); err != nil {
		s.fails(req, err)
	}
}

func (s *session) request(m dap.Message, req dap.Request) error {
	switch r := m.(type) {
	case *dap.InitializeRequest:
		s.initialize(r)
		return nil
	case *dap.LaunchRequest:
		return s.begin(req, r.Arguments)
	case *dap.AttachRequest:
		return s.begin(req, r.Arguments)
	}
	if s.d == nil {
		return diag.New(diag.Config, "no program is open").WithHint("launch comes first")
	}
	switch r := m.(type) {
	case *dap.ConfigurationDoneRequest:
		s.send(&dap.ConfigurationDoneResponse{Response: s.ok(req)})
		s.running = true
		if s.launch.StopOnEntry != nil && !*s.launch.StopOnEntry {
			s.move("breakpoint", s.goOn(false))
		} else {
			s.move("entry", func(*debugger.Job) (debugger.Stop, []debugger.Hit, error) { return s.j().Here(), nil, nil })
		}
	case *dap.SetBreakpointsRequest:
		a := &dap.SetBreakpointsResponse{Response: s.ok(req)}
		a.Body.Breakpoints = s.setLines(r.Arguments)
		s.send(a)
	case *dap.SetFunctionBreakpointsRequest:
		a := &dap.SetFunctionBreakpointsResponse{Response: s.ok(req)}
		a.Body.Breakpoints = s.setFunctions(r.Arguments.Breakpoints)
		s.send(a)
	case *dap.SetExceptionBreakpointsRequest:
		a := &dap.SetExceptionBreakpointsResponse{Response: s.ok(req)}
		a.Body.Breakpoints = s.setExceptions(r.Arguments)
		s.send(a)
	case *dap.DataBreakpointInfoRequest:
		a := &dap.DataBreakpointInfoResponse{Response: s.ok(req)}
		a.Body = s.dataInfo(r.Arguments)
		s.send(a)
	case *dap.SetDataBreakpointsRequest:
		a := &dap.SetDataBreakpointsResponse{Response: s.ok(req)}
		a.Body.Breakpoints = s.setData(r.Arguments.Breakpoints)
		s.send(a)
	case *dap.BreakpointLocationsRequest:
		a := &dap.BreakpointLocationsResponse{Response: s.ok(req)}
		a.Body.Breakpoints = s.locations(r.Arguments)
		s.send(a)
	case *dap.LoadedSourcesRequest:
		a := &dap.LoadedSourcesResponse{Response: s.ok(req)}
		a.Body.Sources = s.sources()
		s.send(a)
	case *dap.SourceRequest:
		text, err := s.sourceText(r.Arguments)
		if err != nil {
			return err
		}
		s.send(&dap.SourceResponse{Response: s.ok(req), Body: dap.SourceResponseBody{Content: text, MimeType: "text/x-sql"}})
	case *dap.PauseRequest:
		s.send(&dap.PauseResponse{Response: s.ok(req)})
	case *dap.TerminateRequest:
		s.send(&dap.TerminateResponse{Response: s.ok(req)})
		s.send(&dap.TerminatedEvent{Event: event("terminated")})
	default:
		return s.motionOrLook(m, req)
	}
	return nil
}

func (s *session) motionOrLook(m dap.Message, req dap.Request) error {
	switch r := m.(type) {
	case *dap.ContinueRequest:
		s.take(r.Arguments.ThreadId)
		s.send(&dap.ContinueResponse{Response: s.ok(req), Body: dap.ContinueResponseBody{AllThreadsContinued: false}})
		s.move("breakpoint", s.goOn(false))
	case *dap.ReverseContinueRequest:
		s.take(r.Arguments.ThreadId)
		s.send(&dap.ReverseContinueResponse{Response: s.ok(req)})
		s.move("breakpoint", s.goOn(true))
	case *dap.NextRequest:
		s.take(r.Arguments.ThreadId)
		s.send(&dap.NextResponse{Response: s.ok(req)})
		s.move("step", s.by(unit(r.Arguments.Granularity), 1))
	case *dap.StepBackRequest:
		s.take(r.Arguments.ThreadId)
		s.send(&dap.StepBackResponse{Response: s.ok(req)})
		s.move("step", s.by(unit(r.Arguments.Granularity), -1))
	case *dap.StepInRequest:
		s.take(r.Arguments.ThreadId)
		s.send(&dap.StepInResponse{Response: s.ok(req)})
		s.stepIn()
	case *dap.StepOutRequest:
		s.take(r.Arguments.ThreadId)
		s.send(&dap.StepOutResponse{Response: s.ok(req)})
		s.stepOut()
	case *dap.ThreadsRequest:
		s.send(&dap.ThreadsResponse{Response: s.ok(req), Body: dap.ThreadsResponseBody{Threads: s.threads()}})
	case *dap.StackTraceRequest:
		a := &dap.StackTraceResponse{Response: s.ok(req)}
		a.Body = s.stack(r.Arguments)
		s.send(a)
	case *dap.ScopesRequest:
		list, err := s.scopes(r.Arguments.FrameId)
		if err != nil {
			return err
		}
		s.send(&dap.ScopesResponse{Response: s.ok(req), Body: dap.ScopesResponseBody{Scopes: list}})
	case *dap.VariablesRequest:
		list, err := s.variables(r.Arguments)
		if err != nil {
			return err
		}
		s.send(&dap.VariablesResponse{Response: s.ok(req), Body: dap.VariablesResponseBody{Variables: list}})
	case *dap.EvaluateRequest:
		if ok, err := s.ofJob(r, req); ok || err != nil {
			return err
		}
		body, err := s.evaluate(r.Arguments)
		if err != nil {
			return err
		}
		s.send(&dap.EvaluateResponse{Response: s.ok(req), Body: body})
	case *dap.ExceptionInfoRequest:
		a := &dap.ExceptionInfoResponse{Response: s.ok(req)}
		a.Body = dap.ExceptionInfoResponseBody{ExceptionId: s.at.exception, Description: s.at.text, BreakMode: "always"}
		s.send(a)
	default:
		return diag.New(diag.Config, "the debugger has no request %q", req.Command)
	}
	return nil
}
