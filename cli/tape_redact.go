package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

// redaction masks columns of what sources give.
type redaction struct {
	mask *trace.Mask
	// columns are those to mask, as they were written: "column" or "table.column".
	columns []string

	mu      sync.Mutex
	done    map[string]types.Type // what was masked, by table and column
	known   map[string]bool       // columns of all sources
	answers int                   // of functions and other systems
	err     error                 // what cannot be masked
}

func newRedaction(columns []string, key string) (*redaction, error) {
	secret := []byte(key)
	if key == "" {
		secret = make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			return nil, diag.Wrap(diag.Internal, err, "cannot draw a key")
		}
	}
	return &redaction{mask: trace.NewMask(secret), columns: columns, done: map[string]types.Type{}, known: map[string]bool{}}, nil
}

// wants reports a column of a table that is to be masked.
func (r *redaction) wants(table, column string) bool {
	return slices.ContainsFunc(r.columns, func(c string) bool {
		of, name, ok := cutLast(c, ".")
		if !ok {
			return c == column
		}
		plain := strings.ReplaceAll(table, "`", "")
		return name == column && (of == plain || strings.HasSuffix(plain, "."+of))
	})
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

// rows masks the columns of a batch.
func (r *redaction) rows(table string, s types.Schema, b *batch.Batch) error {
	for i := range s {
		name := shortName(table) + "." + s[i].Name
		r.mu.Lock()
		r.known[name] = true
		r.mu.Unlock()
		c := &b.Cols[i]
		if !r.wants(table, s[i].Name) || c.Type.Kind == types.Invalid {
			continue
		}
		masked, err := r.mask.Column(c, b.N)
		switch {
		case s[i].Type.Attr == types.Rowtime:
			err = diag.New(diag.Config, "the column %s carries event time and cannot be masked", name)
		case err != nil:
			err = diag.New(diag.Config, "the column %s of type %s cannot be masked", name, s[i].Type)
		}
		if err != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.err = err
			return err
		}
		*c = masked
		r.mu.Lock()
		r.done[name] = s[i].Type
		r.mu.Unlock()
	}
	return nil
}

// leftOut stands for messages that may have a value in them.
const leftOut = "the message was left out when the tape was redacted"

// redactTape writes a tape with columns masked: the steps of the tape over masked rows
// if they can be taken so, else those of a new run over the masked rows.
func (a *app) redactTape(ctx context.Context, t *trace.File, columns []string, key, name string) error {
	r, err := newRedaction(columns, key)
	if err != nil {
		return err
	}
	err = a.redactSteps(ctx, t, r, name)
	anew := ""
	switch {
	case err == nil:
	case r.err != nil:
		return failed(exitUsage, err)
	case errors.Is(err, errAnswers), errors.Is(err, errKept), diag.CodeOf(err) == diag.Divergence:
		switch {
		case errors.Is(err, errAnswers):
			anew = "what functions and other systems answered may have the values in it"
		case errors.Is(err, errKept):
			anew = "the state that it begins with cannot be masked"
		default:
			anew = "with the rows masked the run takes other steps"
		}
		if err := a.recordFork(ctx, name, r, t); err != nil {
			return err
		}
	default:
		return err
	}
	for _, c := range slices.Sorted(maps.Keys(r.done)) {
		fmt.Fprintf(a.err, "masked: %s, %s\n", c, r.done[c])
	}
	for _, c := range slices.Sorted(maps.Keys(r.known)) {
		table, column, _ := cutLast(c, ".")
		if _, ok := r.done[c]; !ok && r.wants(table, column) {
			fmt.Fprintf(a.err, "not on the tape: %s, which no job reads\n", c)
		}
	}
	if anew != "" {
		fmt.Fprintf(a.err, "the tape is of a new run over the masked rows: %s. Its order of rows, times and checkpoints are its own\n", anew)
	}
	for i, j := range t.Manifest.Jobs {
		if len(j.Attempts) > 0 && j.Attempts[0].Checkpoint > 0 {
			fmt.Fprintf(a.err, "left out: what job %d had kept of rows before checkpoint %d. The new run begins with nothing there, so its results are those of the rows behind it alone\n", i+1, j.Attempts[0].Checkpoint)
		}
	}
	fmt.Fprintln(a.err, "not masked: the text of statements, and what they have in literals")
	return nil
}

// check fails where a column was named that no table has.
func (r *redaction) check() error {
	for _, c := range r.columns {
		one := redaction{columns: []string{c}}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(r.known)), func(name string) bool {
			table, column, _ := cutLast(name, ".")
			return one.wants(table, column)
		}) {
			return failed(exitUsage, diag.New(diag.Config, "no table that is read on the tape has a column %q", c).
				WithHint("there are %s", strings.Join(slices.Sorted(maps.Keys(r.known)), ", ")))
		}
	}
	return nil
}

// errAnswers: the tape has answers from outside. errKept: it begins with state, whose entries
// are made of values in ways that a mask cannot follow (sums, texts put together, rows
// in the order of a column).
var (
	errAnswers = errors.New("the tape has answers from outside")
	errKept    = errors.New("the tape begins with state")
)

// redactSteps repeats the steps of the tape over masked rows.
func (a *app) redactSteps(ctx context.Context, t *trace.File, r *redaction, name string) error {
	if slices.ContainsFunc(t.Manifest.Jobs, func(j trace.Job) bool { return len(j.Attempts) > 0 && j.Attempts[0].Checkpoint > 0 }) {
		return errKept
	}
	n, err := a.beginTape(name, blind(t.Manifest))
	if err != nil {
		return err
	}
	rewrite := &flow.Rewrite{To: n.to, Embed: true, Bare: true, Rows: r.rows, Text: func(string) string { return leftOut }, Answers: func([]byte) []byte {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.answers++
		return nil
	}}
	err = a.silently(ctx, t, flow.Playback{Rewrite: rewrite})
	switch {
	case r.err != nil:
		err = r.err
	case r.answers > 0:
		err = errAnswers
	case err == nil:
		err = r.check()
	}
	return n.end(err)
}

// blind is a manifest without what statements saw of the disk, which may have values in it.
func blind(m trace.Manifest) trace.Manifest {
	m.Statements = slices.Clone(m.Statements)
	for i := range m.Statements {
		m.Statements[i].Disk = nil
	}
	return m
}

// recordFork records a new run of the script of the first tape over the inputs of all.
func (a *app) recordFork(ctx context.Context, name string, r *redaction, tapes ...*trace.File) error {
	k, err := newFork(tapes[0].Manifest.Seed, tapes...)
	if err != nil {
		return err
	}
	if r != nil {
		k.in.Rows = r.rows
	}
	m := tapes[0].Manifest
	m.Statements, m.Jobs = nil, nil
	n, err := a.beginTape(name, m)
	if err != nil {
		return err
	}
	o := embed{nodes: 1, record: &engine.Record{To: n.to, Embed: true, Blind: r != nil}}
	err = k.run(ctx, a, o, m.Settings, text{tapes[0].Name, tapedScript(tapes[0])})
	fails := slices.ContainsFunc(tapes[0].Manifest.Jobs, func(j trace.Job) bool { return j.Error != "" })
	if e := (*exitError)(nil); r != nil && fails && errors.As(err, &e) && e.code == exitFailed && e.err == nil && !k.lost {
		err = nil // it failed when it was recorded, too
	}
	if err == nil && r != nil {
		err = r.check()
	}
	return n.endClosed(err)
}
