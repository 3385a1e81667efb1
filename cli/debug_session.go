package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// debugSession carries out the commands of mink debug.
type debugSession struct {
	*app
	d      *debugger.Debugger
	j      *debugger.Job
	number int
	json   bool
	quit   bool
	zone   *time.Location
	forks  []*debugger.Fork // of the job at hand
	live   *debugger.Live   // the job that runs, or nil
}

// debugVerb is a command of mink debug.
type debugVerb struct {
	name, short string // short is another name, or ""
	args        string
	help        string
	run         func(s *debugSession, ctx context.Context, args string) error
}

// debugVerbs lists the commands in the order of help.
func debugVerbs() []debugVerb {
	return []debugVerb{
		{"step", "s", "[record|batch|watermark|checkpoint|output|late] [N] [--back]", "go to the next step, or to that of a kind", (*debugSession).step},
		{"back", "b", "[record|batch|...] [N]", "step backwards", (*debugSession).back},
		{"goto", "g", "POSITION", "go to 40:1284, start, end, @11:54:52, wm=11:55, orders/1@7041, out=revenue#61", (*debugSession).goTo},
		{"continue", "c", "", "run to the next breakpoint", (*debugSession).goOn},
		{"reverse", "r", "", "run backwards to the last breakpoint before", (*debugSession).goReverse},
		{"break", "", breakForms, "set a breakpoint; alone it lists them", (*debugSession).setBreak},
		{"trace", "", "what break takes", "note the hits without stopping, also those of the past", (*debugSession).trace},
		{"hits", "", "[N]", "list where breakpoints were hit up to here", (*debugSession).hits},
		{"delete", "", "N", "remove a breakpoint", (*debugSession).deleteBreak},
		{"where", "w", "", "say where the run stands and what the last step did", (*debugSession).where},
		{"plan", "", "", "list the operators", (*debugSession).plan},
		{"tasks", "t", "", "list the tasks with their watermarks and what they have done", (*debugSession).tasks},
		{"queues", "q", "", "list the channels and what waits in them", (*debugSession).queues},
		{"watermarks", "wm", "", "list the watermarks of splits, channels and operators", (*debugSession).watermarks},
		{"timers", "", "", "list timers on processing time", (*debugSession).timers},
		{"state", "", "OPERATOR [WHERE condition]", "show the state of an operator", (*debugSession).state},
		{"history", "h", "OPERATOR [WHERE condition]", "show each write of the state up to here", (*debugSession).history},
		{"windows", "", "[OPERATOR]", "list the open windows and what each waits for", (*debugSession).windows},
		{"why", "", "OUTPUT#N | OUTPUT WHERE condition", "say what a row was made of, down to the records of sources", (*debugSession).why},
		{"why-not", "", "OUTPUT WHERE condition", "say where the rows of a missing row went", (*debugSession).whyNot},
		{"why-stuck", "", "", "say what the job waits for", (*debugSession).whyStuck},
		{"why-big", "", "", "say what the state consists of", (*debugSession).whyBig},
		{"update", "", "", "of a job that runs: take what it has done since", (*debugSession).update},
		{"stop-world", "", "", "of a job that runs: let it stand still behind a barrier, and go there", (*debugSession).stopWorld},
		{"resume", "", "", "of a job that was stopped: let it go on", (*debugSession).resume},
		{"fork", "", "[NAME]", "make another future from here on, to be edited", (*debugSession).fork},
		{"edit", "", editForms, "change a record, state, the watermark or the script of the newest fork", (*debugSession).edit},
		{"forks", "", "", "list the forks with what they change", (*debugSession).listForks},
		{"diff", "", "[FORK [FORK]]", "run a fork to the end and compare it with the tape's own future, or with another", (*debugSession).diff},
		{"job", "", "[N]", "list the jobs of the tape, or take another", (*debugSession).job},
		{"help", "?", "[COMMAND]", "list the commands, or the forms of one", (*debugSession).help},
		{"quit", "", "", "end", func(s *debugSession, _ context.Context, _ string) error { s.quit = true; return nil }},
	}
}

// command carries out one line.
func (s *debugSession) command(ctx context.Context, line string) error {
	line = strings.TrimSpace(line)
	if line == "" {
		return nil
	}
	word, args, _ := strings.Cut(line, " ")
	var names []string
	for _, v := range debugVerbs() {
		if word == v.name || v.short != "" && word == v.short {
			return v.run(s, ctx, strings.TrimSpace(args))
		}
		names = append(names, v.name)
	}
	e := diag.New(diag.Config, "no command %q", word)
	if near := diag.Suggest(word, names); near != "" {
		return e.WithHint("did you mean %s", near)
	}
	return e.WithHint("help lists the commands")
}

// answer prints what a command gave: as JSON, or as text.
func (s *debugSession) answer(name string, v any, text func() string) error {
	if !s.json {
		_, err := fmt.Fprint(s.out, text())
		return err
	}
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	return e.Encode(map[string]any{name: v})
}

// breakForms are the forms of break: the first line is for the list of all commands.
const breakForms = `KIND [OPERATOR] [AFTER n] [ONCE] [WHERE condition]; help break lists the kinds
break record OPERATOR [in|out] [WHERE condition]
break kind OPERATOR +I|-U|+U|-D
break state OPERATOR [WHERE condition]
break late [OPERATOR] [BY 5s] [WHERE condition]
break watermark OPERATOR TIME
break watermark OPERATOR STALL 30s
break timer [OPERATOR]
break checkpoint
break changelog [OPERATOR]
break exception`

func (s *debugSession) help(_ context.Context, args string) error {
	return s.answer("commands", debugVerbNames(), func() string {
		var b strings.Builder
		for _, v := range debugVerbs() {
			if args != "" && args != v.name && args != v.short {
				continue
			}
			forms, more, _ := strings.Cut(v.args, "\n")
			name := v.name
			if v.short != "" {
				name += " (" + v.short + ")"
			}
			fmt.Fprintf(&b, "%-16s %s\n", name, v.help)
			if forms != "" {
				fmt.Fprintf(&b, "%-16s   %s %s\n", "", v.name, forms)
			}
			if args != "" && more != "" {
				b.WriteString(more + "\n")
			}
		}
		return b.String()
	})
}

func debugVerbNames() []string {
	var names []string
	for _, v := range debugVerbs() {
		names = append(names, v.name)
	}
	return names
}

// operatorAnd parts an operator's name from a condition behind WHERE.
func operatorAnd(args string) (name, condition string) {
	if i := indexFold(args, " where "); i >= 0 {
		return strings.TrimSpace(args[:i]), strings.TrimSpace(args[i+len(" where "):])
	}
	return strings.TrimSpace(args), ""
}

func indexFold(s, part string) int { return strings.Index(strings.ToLower(s), part) }

// moment is a time in text; no time is "-".
func moment(ms int64) string {
	switch ms {
	case batch.NoWatermark:
		return "-"
	case batch.MaxWatermark:
		return "end"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000")
}

// rowLine is a row with its kind in one line.
func (s *debugSession) rowLine(r debugger.Row) string {
	r = r.Shown()
	cells := show.Cells(r.Batch, r.Lane, s.zone)
	parts := make([]string, len(cells))
	for i, c := range cells {
		parts[i] = r.Schema[i].Name + "=" + show.Cut(c, 40)
	}
	if len(parts) == 0 {
		return r.Kind().String() + " (no column is read)"
	}
	return r.Kind().String() + " " + strings.Join(parts, " ")
}

func (s *debugSession) stopped(st debugger.Stop) error {
	return s.answer("stop", st, func() string { return s.stopText(st) })
}

// momentRows is how many rows of an event are listed.
const momentRows = 5

func (s *debugSession) stopText(st debugger.Stop) string {
	var b strings.Builder
	if st.Step == nil {
		return fmt.Sprintf("%s  start of the tape, nothing has happened yet\n", st.Position)
	}
	p := st.Step
	fmt.Fprintf(&b, "%s  %s %s", st.Position, p.Task, eventText(p.Event))
	if p.From != "" {
		fmt.Fprintf(&b, " from %s", p.From)
	}
	fmt.Fprintf(&b, ", %s", moment(p.Time))
	b.WriteByte('\n')
	if r := p.Record; r != nil {
		fmt.Fprintf(&b, "  record %d of %d", r.Number, r.Of)
		if r.Origin != "" {
			fmt.Fprintf(&b, " (%s)", r.Origin)
		}
		fmt.Fprintf(&b, ": %s\n", s.rowLine(r.Row))
	}
	if st.Position.Record == 0 { // within a step only the record is news
		for _, h := range p.Events {
			s.happened(&b, h)
		}
	}
	switch {
	case st.Why == "end":
		b.WriteString("  end of the tape\n")
	case st.Why == "start":
		b.WriteString("  start of the tape\n")
	case st.Why == "divergence":
		fmt.Fprintf(&b, "  from here on the run is not the recorded one: %s\n", st.Error)
		return b.String()
	}
	if st.Error != "" {
		fmt.Fprintf(&b, "  the step failed: %s\n", st.Error)
	}
	return b.String()
}

func (s *debugSession) happened(b *strings.Builder, h debugger.Happening) {
	switch h.Kind {
	case "watermark":
		fmt.Fprintf(b, "  %s: watermark %s\n", h.Operator, moment(h.Time))
		return
	case "timer":
		fmt.Fprintf(b, "  %s: timer %s\n", h.Operator, moment(h.Time))
		return
	case "in":
		return // what went out of the operator before
	}
	word := map[string]string{"read": "read", "out": "gave", "late": "dropped as late"}[h.Kind]
	fmt.Fprintf(b, "  %s: %s %d %s", h.Operator, word, len(h.Rows), plural(int64(len(h.Rows)), "row"))
	if h.Kind == "late" {
		fmt.Fprintf(b, " (watermark %s)", moment(h.Time))
	}
	b.WriteByte('\n')
	for i, r := range h.Rows {
		if i == momentRows {
			fmt.Fprintf(b, "    ... and %d more\n", len(h.Rows)-i)
			break
		}
		fmt.Fprintf(b, "    %s\n", s.rowLine(r))
	}
}

// eventText says what a task did, by the event that it took.
func eventText(event string) string {
	switch event {
	case "batch":
		return "took a batch"
	case "watermark":
		return "took a watermark"
	case "idle":
		return "heard that a channel is idle"
	case "active":
		return "heard that a channel is active again"
	case "barrier":
		return "took a barrier"
	case "end":
		return "took the end of a channel"
	case "poll":
		return "asked its reader"
	case "resume":
		return "went on with a large output"
	case "flush":
		return "let go of what waited to be sent"
	case "start":
		return "started"
	case "trigger":
		return "was asked for a checkpoint"
	case "complete":
		return "heard that a checkpoint is complete"
	case "abort":
		return "heard that a checkpoint was given up"
	case "timer":
		return "had a timer due"
	case "wake":
		return "heard that its reader has something"
	case "periodic":
		return "emitted its watermark"
	case "idleness":
		return "looked for idle splits"
	case "answer":
		return "got an answer from outside"
	case "splits":
		return "got new splits"
	case "drain":
		return "was told to end its input"
	}
	return "took a message (" + event + ")"
}
