package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-dap"
)

// editor is the other end of a connection.
type editor struct {
	t      *testing.T
	w      io.WriteCloser
	seq    int
	in     chan dap.Message
	events []dap.Message // that came before an answer
	done   chan error
}

// startEditor runs mink debug --dap with arguments on a pipe.
func startEditor(t *testing.T, args ...string) *editor {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	e := &editor{t: t, w: inW, in: make(chan dap.Message, 100), done: make(chan error, 1)}
	go func() {
		code := Main(append([]string{"debug"}, args...), inR, outW, io.Discard)
		_ = outW.Close()
		if code != 0 {
			e.done <- fmt.Errorf("exit %d", code)
			return
		}
		e.done <- nil
	}()
	go e.listen(outR)
	return e
}

func (e *editor) listen(r io.Reader) {
	b := bufio.NewReader(r)
	for {
		m, err := dap.ReadProtocolMessage(b)
		if err != nil {
			close(e.in)
			return
		}
		e.in <- m
	}
}

func (e *editor) next() dap.Message {
	e.t.Helper()
	select {
	case m, ok := <-e.in:
		if !ok {
			e.t.Fatal("the server has gone")
		}
		return m
	case <-time.After(20 * time.Second):
		e.t.Fatal("the server says nothing")
	}
	return nil
}

// request fills in a request.
func (e *editor) request(command string) dap.Request {
	e.seq++
	return dap.Request{ProtocolMessage: dap.ProtocolMessage{Seq: e.seq, Type: "request"}, Command: command}
}

// ask sends a request and gives the answer, which must be of type T.
func ask[T dap.ResponseMessage](e *editor, m dap.RequestMessage) T {
	e.t.Helper()
	if err := dap.WriteProtocolMessage(e.w, m); err != nil {
		e.t.Fatal(err)
	}
	for {
		got := e.next()
		r, ok := got.(dap.ResponseMessage)
		if !ok {
			e.events = append(e.events, got)
			continue
		}
		if n := r.GetResponse().RequestSeq; n != m.GetRequest().Seq {
			e.t.Fatalf("an answer to %d, not to %d", n, m.GetRequest().Seq)
		}
		want, ok := got.(T)
		if !ok {
			e.t.Fatalf("%s is answered with %s", m.GetRequest().Command, r.GetResponse().Message)
		}
		return want
	}
}

// refused is the text of an error.
func refused(e *editor, m dap.RequestMessage) string {
	e.t.Helper()
	return ask[*dap.ErrorResponse](e, m).Message
}

// event waits for one of type T; what the debuggee prints is passed over and kept.
func wait[T dap.EventMessage](e *editor) T {
	e.t.Helper()
	for i, m := range e.events {
		if got, ok := m.(T); ok {
			e.events = slices.Delete(e.events, i, i+1)
			return got
		}
	}
	for {
		m := e.next()
		if got, ok := m.(T); ok {
			return got
		}
		e.events = append(e.events, m)
	}
}

// printed is what was printed by now.
func (e *editor) printed() string {
	var b strings.Builder
	for _, m := range e.events {
		if o, ok := m.(*dap.OutputEvent); ok {
			b.WriteString(o.Body.Output)
		}
	}
	return b.String()
}

func (e *editor) begin(launch string) {
	e.t.Helper()
	r := &dap.InitializeRequest{Request: e.request("initialize"), Arguments: dap.InitializeRequestArguments{AdapterID: "mink", LinesStartAt1: true, ColumnsStartAt1: true}}
	c := ask[*dap.InitializeResponse](e, r).Body
	if !c.SupportsStepBack || !c.SupportsDataBreakpoints || !c.SupportsLogPoints || len(c.ExceptionBreakpointFilters) != 4 {
		e.t.Errorf("the server can %+v", c)
	}
	l := &dap.LaunchRequest{Request: e.request("launch"), Arguments: []byte(launch)}
	ask[*dap.LaunchResponse](e, l)
	wait[*dap.InitializedEvent](e)
}

func (e *editor) configured() dap.StoppedEventBody {
	e.t.Helper()
	ask[*dap.ConfigurationDoneResponse](e, &dap.ConfigurationDoneRequest{Request: e.request("configurationDone")})
	return wait[*dap.StoppedEvent](e).Body
}

func (e *editor) breakAt(file string, list ...dap.SourceBreakpoint) []dap.Breakpoint {
	e.t.Helper()
	r := &dap.SetBreakpointsRequest{Request: e.request("setBreakpoints"), Arguments: dap.SetBreakpointsArguments{Source: dap.Source{Path: file}, Breakpoints: list}}
	return ask[*dap.SetBreakpointsResponse](e, r).Body.Breakpoints
}

func (e *editor) goOn() dap.StoppedEventBody {
	e.t.Helper()
	ask[*dap.ContinueResponse](e, &dap.ContinueRequest{Request: e.request("continue"), Arguments: dap.ContinueArguments{ThreadId: 1}})
	return wait[*dap.StoppedEvent](e).Body
}

func (e *editor) reverse() dap.StoppedEventBody {
	e.t.Helper()
	ask[*dap.ReverseContinueResponse](e, &dap.ReverseContinueRequest{Request: e.request("reverseContinue"), Arguments: dap.ReverseContinueArguments{ThreadId: 1}})
	return wait[*dap.StoppedEvent](e).Body
}

func (e *editor) step(kind string) dap.StoppedEventBody {
	e.t.Helper()
	switch kind {
	case "next":
		ask[*dap.NextResponse](e, &dap.NextRequest{Request: e.request(kind), Arguments: dap.NextArguments{ThreadId: 1}})
	case "stepIn":
		ask[*dap.StepInResponse](e, &dap.StepInRequest{Request: e.request(kind), Arguments: dap.StepInArguments{ThreadId: 1}})
	case "stepOut":
		ask[*dap.StepOutResponse](e, &dap.StepOutRequest{Request: e.request(kind), Arguments: dap.StepOutArguments{ThreadId: 1}})
	case "stepBack":
		ask[*dap.StepBackResponse](e, &dap.StepBackRequest{Request: e.request(kind), Arguments: dap.StepBackArguments{ThreadId: 1}})
	}
	return wait[*dap.StoppedEvent](e).Body
}

func (e *editor) stack() []dap.StackFrame {
	e.t.Helper()
	r := &dap.StackTraceRequest{Request: e.request("stackTrace"), Arguments: dap.StackTraceArguments{ThreadId: 1}}
	return ask[*dap.StackTraceResponse](e, r).Body.StackFrames
}

func (e *editor) variables(ref int) []dap.Variable {
	e.t.Helper()
	r := &dap.VariablesRequest{Request: e.request("variables"), Arguments: dap.VariablesArguments{VariablesReference: ref}}
	return ask[*dap.VariablesResponse](e, r).Body.Variables
}

// scope is what a frame has of a name.
func (e *editor) scope(frame int, name string) []dap.Variable {
	e.t.Helper()
	r := &dap.ScopesRequest{Request: e.request("scopes"), Arguments: dap.ScopesArguments{FrameId: frame}}
	for _, s := range ask[*dap.ScopesResponse](e, r).Body.Scopes {
		if s.Name == name {
			return e.variables(s.VariablesReference)
		}
	}
	e.t.Fatalf("there is no scope %s", name)
	return nil
}

func (e *editor) evaluate(frame int, context, text string) string {
	e.t.Helper()
	r := &dap.EvaluateRequest{Request: e.request("evaluate"), Arguments: dap.EvaluateArguments{Expression: text, FrameId: frame, Context: context}}
	return ask[*dap.EvaluateResponse](e, r).Body.Result
}

func (e *editor) leave() {
	e.t.Helper()
	ask[*dap.DisconnectResponse](e, &dap.DisconnectRequest{Request: e.request("disconnect")})
	_ = e.w.Close()
	select {
	case err := <-e.done:
		if err != nil {
			e.t.Error(err)
		}
	case <-time.After(20 * time.Second):
		e.t.Error("the server does not end")
	}
}

func named(list []dap.Variable, name string) dap.Variable {
	for _, v := range list {
		if v.Name == name {
			return v
		}
	}
	return dap.Variable{}
}

// dapScript has one operator a line, as far as lines go. The orders are those of
// docs/debugging.md: 4 is filtered, 7 is late, and A-17 makes 43.50 in the first minute.
const dapScript = `CREATE TABLE orders (id BIGINT, sku STRING, amt DECIMAL(9,2), ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector'='filesystem', 'path'='orders.csv', 'format'='csv');
CREATE TABLE revenue (sku STRING, window_start TIMESTAMP(3), window_end TIMESTAMP(3), total DECIMAL(38,2)) WITH ('connector'='print');
INSERT INTO
  revenue
SELECT sku, window_start, window_end, SUM(amt)
FROM TABLE(TUMBLE(TABLE
  orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE amt > 0
GROUP BY sku, window_start, window_end;
`

const dapOrders = `1,A-17,10.00,2026-08-22 11:54:01
2,B-02,8.00,2026-08-22 11:54:03
3,A-17,21.00,2026-08-22 11:54:30
4,C-09,0.00,2026-08-22 11:54:31
5,A-17,12.50,2026-08-22 11:54:52
6,B-02,3.00,2026-08-22 11:55:10
7,A-17,5.00,2026-08-22 11:54:10
8,B-02,4.00,2026-08-22 11:56:30
`

func dapFiles(t *testing.T) (script string) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeText(t, "revenue.sql", dapScript)
	writeText(t, "orders.csv", dapOrders)
	script, err := filepath.Abs("revenue.sql")
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// An editor opens a script, stops at lines, looks at rows, state and windows, and goes back.
func TestDAP(t *testing.T) {
	script := dapFiles(t)
	e := startEditor(t, "--dap")
	e.begin(`{"program": "revenue.sql"}`)
	src := ask[*dap.LoadedSourcesResponse](e, &dap.LoadedSourcesRequest{Request: e.request("loadedSources")}).Body.Sources
	if len(src) != 1 || src[0].Path != script {
		t.Fatalf("sources are %+v", src)
	}
	where := &dap.BreakpointLocationsRequest{Request: e.request("breakpointLocations"), Arguments: &dap.BreakpointLocationsArguments{Source: dap.Source{Path: script}, Line: 1, EndLine: 20}}
	var lines []int
	for _, l := range ask[*dap.BreakpointLocationsResponse](e, where).Body.Breakpoints {
		lines = append(lines, l.Line)
	}
	if lines = slices.Compact(lines); !slices.Equal(lines, []int{5, 6, 8, 9, 10}) {
		t.Errorf("operators stand in lines %v", lines)
	}
	// Line 5 is the sink: rows that reach it.
	set := e.breakAt(script, dap.SourceBreakpoint{Line: 5, Condition: "total > 40"}, dap.SourceBreakpoint{Line: 6, LogMessage: "{sku} has {total}"}, dap.SourceBreakpoint{Line: 2}, dap.SourceBreakpoint{Line: 5, Condition: "nope = 1"})
	if len(set) != 4 || !set[0].Verified || !set[1].Verified || set[2].Line != 5 || set[3].Verified || !strings.Contains(set[3].Message, "nope") {
		t.Errorf("breakpoints are %+v", set)
	}
	set = e.breakAt(script, dap.SourceBreakpoint{Line: 5, Condition: "total > 40"}, dap.SourceBreakpoint{Line: 6, LogMessage: "{sku} has {total}"})
	if st := e.configured(); st.Reason != "entry" {
		t.Errorf("it stops with %+v", st)
	}
	threads := ask[*dap.ThreadsResponse](e, &dap.ThreadsRequest{Request: e.request("threads")}).Body.Threads
	if len(threads) != 1 || threads[0].Id != 1 {
		t.Errorf("threads are %+v", threads)
	}
	st := e.goOn()
	if st.Reason != "breakpoint" || !slices.Equal(st.HitBreakpointIds, []int{set[0].Id}) {
		t.Errorf("it stops with %+v", st)
	}
	if got := e.printed(); !strings.Contains(got, "A-17 has 43.50") || !strings.Contains(got, "B-02 has 8.00") {
		t.Errorf("a logpoint prints %q", got)
	}
	frames := e.stack()
	var names []string
	for _, f := range frames {
		names = append(names, fmt.Sprintf("%s:%d", strings.Split(f.Name, "[")[0], f.Line))
	}
	if !slices.Equal(names, []string{"Sink:5", "Calc:6", "WindowAggregate:10", "Calc:10", "TableSourceScan:8"}) || frames[0].Source.Path != script {
		t.Fatalf("the stack is %v", names)
	}
	row := e.scope(frames[0].Id, "Row")
	if named(row, "sku").Value != "A-17" || named(row, "total").Value != "43.50" || named(row, "op").Value != "+I" {
		t.Errorf("the row is %+v", row)
	}
	if got := e.evaluate(frames[0].Id, "watch", "total * 2 > 80 AND sku LIKE 'A%'"); got != "TRUE" {
		t.Errorf("an expression gives %q", got)
	}
	if got := e.evaluate(frames[0].Id, "hover", "UPPER(LOWER(sku))"); got != "A-17" {
		t.Errorf("an expression gives %q", got)
	}
	if got := e.evaluate(frames[0].Id, "repl", "why revenue#1"); !strings.Contains(got, "orders/0@5") {
		t.Errorf("why gives %s", got)
	}
	if got := e.evaluate(0, "watch", "why-not revenue WHERE sku = 'C-09'"); !strings.Contains(got, "filtered at Calc") {
		t.Errorf("why-not gives %s", got)
	}
	wins := e.scope(frames[2].Id, "Windows")
	// The last order moves the watermark to 11:56:25.
	if len(wins) != 1 || !strings.Contains(wins[0].Name, "11:56:00") || !strings.Contains(wins[0].Value, "waits for the watermark 2026-08-22 11:56:59.999, which is at 2026-08-22 11:56:25") {
		t.Errorf("windows are %+v", wins)
	}
	if w := e.scope(frames[2].Id, "Watermark"); len(w) == 0 || !strings.Contains(w[0].Value, "11:56:25") {
		t.Errorf("watermarks are %+v", w)
	}
	// Backwards by records: seven of them reached the aggregation.
	for range 6 {
		e.step("stepBack")
	}
	if got := e.evaluate(0, "watch", "amt"); got != "10.00" {
		t.Errorf("the row is of %s", got)
	}
	e.leave()
}

// Steps go through the operators of a step, by records and by steps.
func TestDAPSteps(t *testing.T) {
	script := dapFiles(t)
	e := startEditor(t, "revenue.sql", "--dap")
	e.begin(`{}`)
	e.breakAt(script, dap.SourceBreakpoint{Line: 8})
	e.configured()
	e.goOn()
	top := func() string { return strings.Split(e.stack()[0].Name, "[")[0] }
	if got := top(); got != "TableSourceScan" {
		t.Fatalf("it stops at %s", got)
	}
	if e.step("stepIn"); top() != "Calc" {
		t.Errorf("stepIn leads to %s", top())
	}
	if st := e.step("next"); st.Reason != "step" {
		t.Errorf("next stops with %+v", st)
	}
	if got := e.evaluate(0, "watch", "sku"); got != "A-17" {
		t.Errorf("the next record is of %q", got)
	}
	e.step("next")
	if got := e.evaluate(0, "watch", "sku"); got != "B-02" {
		t.Errorf("the record behind is of %q", got)
	}
	e.step("stepBack")
	if got := e.evaluate(0, "watch", "sku"); got != "A-17" {
		t.Errorf("the record before is of %q", got)
	}
	if st := e.step("stepOut"); st.Reason != "step" {
		t.Errorf("stepOut stops with %+v", st)
	}
	e.breakAt(script)
	if st := e.goOn(); st.Reason != "pause" || !strings.Contains(st.Description, "end of the tape") {
		t.Errorf("the end is %+v", st)
	}
	if st := e.reverse(); !strings.Contains(st.Description, "start of the tape") {
		t.Errorf("the start is %+v", st)
	}
	if got := refused(e, &dap.RestartFrameRequest{Request: e.request("restartFrame")}); got == "" {
		t.Error("a request that is not known is not refused")
	}
	e.leave()
}

// Exceptions are late rows; data breakpoints stop where an entry of a state changes, both
// ways.
func TestDAPExceptionsAndData(t *testing.T) {
	dapFiles(t)
	if _, errs, code := command(t, "run", "--tape", "run.mtape", "revenue.sql"); code != 0 {
		t.Fatal(errs)
	}
	e := startEditor(t, "--dap")
	e.begin(`{"program": "run.mtape", "stopOnEntry": true}`)
	x := &dap.SetExceptionBreakpointsRequest{Request: e.request("setExceptionBreakpoints"), Arguments: dap.SetExceptionBreakpointsArguments{
		Filters: []string{"divergence"}, FilterOptions: []dap.ExceptionFilterOptions{{FilterId: "late", Condition: "BY 10s"}}}}
	if b := ask[*dap.SetExceptionBreakpointsResponse](e, x).Body.Breakpoints; len(b) != 2 || !b[0].Verified || !b[1].Verified {
		t.Errorf("exceptions are %+v", b)
	}
	e.configured()
	st := e.goOn()
	if st.Reason != "exception" || !strings.Contains(st.Text, "leaves out as late") {
		t.Errorf("a late row is %+v", st)
	}
	info := ask[*dap.ExceptionInfoResponse](e, &dap.ExceptionInfoRequest{Request: e.request("exceptionInfo"), Arguments: dap.ExceptionInfoArguments{ThreadId: 1}}).Body
	if info.ExceptionId != "late" {
		t.Errorf("it is %+v", info)
	}
	ask[*dap.SetExceptionBreakpointsResponse](e, &dap.SetExceptionBreakpointsRequest{Request: e.request("setExceptionBreakpoints")})
	// The entry of B-02 in the state of the aggregation.
	frames := e.stack()
	at := slices.IndexFunc(frames, func(f dap.StackFrame) bool { return strings.HasPrefix(f.Name, "WindowAggregate") })
	r := &dap.ScopesRequest{Request: e.request("scopes"), Arguments: dap.ScopesArguments{FrameId: frames[at].Id}}
	var ref int
	for _, s := range ask[*dap.ScopesResponse](e, r).Body.Scopes {
		if s.Name == "State" {
			ref = s.VariablesReference
		}
	}
	tables := e.variables(ref)
	if len(tables) == 0 {
		t.Fatal("there is no state")
	}
	entries := e.variables(tables[0].VariablesReference)
	if len(entries) == 0 || !strings.HasPrefix(entries[0].Name, "B-02") {
		t.Fatalf("the state is %+v of %+v", entries, tables)
	}
	ask1 := func(ref int, name string) dap.DataBreakpointInfoResponseBody {
		r := &dap.DataBreakpointInfoRequest{Request: e.request("dataBreakpointInfo"), Arguments: dap.DataBreakpointInfoArguments{VariablesReference: ref, Name: name}}
		return ask[*dap.DataBreakpointInfoResponse](e, r).Body
	}
	one := ask1(tables[0].VariablesReference, entries[0].Name)
	if one.DataId == nil || !strings.Contains(one.Description, "`sku` = 'B-02'") {
		t.Fatalf("a data breakpoint would be %+v", one)
	}
	other := ask1(0, "WindowAggregate WHERE sku = 'A-17'")
	if no := ask1(0, "nope"); no.DataId != nil || other.DataId == nil {
		t.Errorf("data breakpoints by name are %+v, %+v", other, no)
	}
	set := &dap.SetDataBreakpointsRequest{Request: e.request("setDataBreakpoints"), Arguments: dap.SetDataBreakpointsArguments{
		Breakpoints: []dap.DataBreakpoint{{DataId: fmt.Sprint(one.DataId)}}}}
	if b := ask[*dap.SetDataBreakpointsResponse](e, set).Body.Breakpoints; len(b) != 1 || !b[0].Verified {
		t.Fatalf("it is %+v", b)
	}
	e.reverse()
	if st := e.goOn(); st.Reason != "data breakpoint" {
		t.Errorf("it stops with %+v", st)
	}
	// Names stand for what break takes.
	f := &dap.SetFunctionBreakpointsRequest{Request: e.request("setFunctionBreakpoints"), Arguments: dap.SetFunctionBreakpointsArguments{
		Breakpoints: []dap.FunctionBreakpoint{{Name: "record revenue WHERE total = 4"}, {Name: "nope"}}}}
	if b := ask[*dap.SetFunctionBreakpointsResponse](e, f).Body.Breakpoints; len(b) != 2 || !b[0].Verified || b[1].Verified {
		t.Errorf("they are %+v", b)
	}
	if st := e.goOn(); st.Reason != "function breakpoint" {
		t.Errorf("it stops with %+v", st)
	}
	e.leave()
}

// A port of this machine, and none of others; mistakes come back as answers.
func TestDAPPort(t *testing.T) {
	dapFiles(t)
	writeText(t, "bad.sql", "SELECT nope FROM nowhere")
	if _, errs, code := command(t, "debug", "--dap=0.0.0.0:4711"); code != exitUsage || !strings.Contains(errs, "port of this machine") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	said, w := io.Pipe()
	defer w.Close()
	a := &app{in: strings.NewReader(""), out: io.Discard, err: w}
	ended := make(chan error, 1)
	go func() { ended <- a.serveDAP(ctx, &debugFlags{dap: "0", run: runFlags{nodes: 1}}, nil) }()
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, said) //nolint:errcheck // until the end
	for range 2 {                // one editor after the other
		c, err := net.Dial("tcp", strings.TrimSpace(line[strings.LastIndex(line, " ")+1:]))
		if err != nil {
			t.Fatal(err)
		}
		e := &editor{t: t, w: c, in: make(chan dap.Message, 100), done: make(chan error, 1)}
		go e.listen(c)
		ask[*dap.InitializeResponse](e, &dap.InitializeRequest{Request: e.request("initialize")})
		if got := refused(e, &dap.LaunchRequest{Request: e.request("launch")}); !strings.Contains(got, "program") {
			t.Errorf("no program is %q", got)
		}
		if got := refused(e, &dap.LaunchRequest{Request: e.request("launch"), Arguments: []byte(`{"program": "bad.sql"}`)}); !strings.Contains(got, "nowhere") {
			t.Errorf("a mistake is %q", got)
		}
		ask[*dap.LaunchResponse](e, &dap.LaunchRequest{Request: e.request("launch"), Arguments: []byte(`{"program": "revenue.sql", "stopOnEntry": false}`)})
		if st := e.configured(); !strings.Contains(st.Description, "end of the tape") {
			t.Errorf("it stops with %+v", st)
		}
		ask[*dap.DisconnectResponse](e, &dap.DisconnectRequest{Request: e.request("disconnect")})
		_ = c.Close()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
