package sqltest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/linear"
	"github.com/minkstream/mink/testkit/lookup"
	"github.com/minkstream/mink/testkit/rewind"
	"github.com/minkstream/mink/testkit/tour"
)

// TestTapes records runs of the suite on threads, at parallelism 3 where the section
// allows it, and executes the tapes again: each step must be the recorded one, and a
// query give the same rows in the same order. It takes one section in a dozen, whose place
// the seed says, and opens it in the debugger; MINK_SQL=all takes one in three and opens
// half of them, MINK_ALL all.
func TestTapes(t *testing.T) {
	names, err := filepath.Glob("testdata/*.test")
	if err != nil {
		t.Fatal(err)
	}
	p, every, opened := planned(t), 12, 1
	switch {
	case os.Getenv("MINK_ALL") != "":
		every = 1
	case p.drawn < 0:
		every, opened = 3, 2
	}
	count := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".test"), func(t *testing.T) {
			for i, s := range f.Sections {
				if s.Skip != "" || s.Form == Error || len(s.Needs) > 0 || changesFiles(s) || (i+int(p.seed%uint64(every)))%every != 0 {
					continue
				}
				count++
				debugged := count%opened == 0
				t.Run(fmt.Sprintf("line%d", s.Line), func(t *testing.T) { tapeSection(t, s, count%4 < 2, debugged) })
			}
		})
	}
	if count < 100 {
		t.Errorf("only %d sections were taped", count)
	}
}

// changesFiles reports statements that look at files which the run itself has changed.
// A replay finds the files as they are afterwards.
func changesFiles(s *Section) bool {
	all := strings.Join(s.Setup, "") + s.SQL
	return slices.ContainsFunc([]string{"MATERIALIZED TABLE", "INSERT OVERWRITE", "TRUNCATE TABLE"}, func(text string) bool {
		return strings.Contains(all, text)
	})
}

func tapeSection(t *testing.T, s *Section, embed, debugged bool) {
	v := variant{parallelism: 3, rows: 2}
	if slices.Contains(s.Only, "single") || slices.Contains(s.Only, "once") {
		v.parallelism = 1
	}
	v.batch = slices.Contains(s.Only, "batch")
	disk := env.NewMemDisk()
	to, err := trace.Create(disk, "tape", trace.Manifest{Settings: v.settings()})
	if err != nil {
		t.Fatal(err)
	}
	var e *engine.Engine
	want := v.run(t, s, func(t *testing.T, _ bool) gateway.Client {
		e = taping(t, engine.Config{Record: &engine.Record{To: to, Embed: embed, Full: true}})
		return gateway.Local(e)
	})
	if want.err != nil {
		return // it fails otherwise at this parallelism
	}
	if err := e.CloseTape(); err != nil {
		t.Fatal(err)
	}
	f, err := trace.Open(disk, "tape")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Manifest.Jobs) == 0 {
		return
	}
	if all := strings.Join(s.Setup, "") + s.SQL; debugged && !strings.Contains(all, "'misses'") && !strings.Contains(all, "'reads-max'") {
		rewound(t, f) // what such a table answers depends on the calls that it got
	}
	replays := 1
	if os.Getenv("MINK_ALL") != "" {
		replays = 20
	}
	for range replays {
		got := replaySection(t, f, v)
		if s.Sink != nil || want.info {
			continue
		}
		if got, want := rowTexts(got), rowTexts(want.rows); !slices.Equal(got, want) {
			t.Fatalf("%s\ngave %q\nthen %q", indent(s.SQL), want, got)
		}
	}
}

// replaySection executes a tape again and gives the rows of its last query.
func replaySection(t *testing.T, f *trace.File, v variant) []row {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	mono := env.OS("")
	mono.Disk = env.NewOverlay(mono.Disk)
	client := gateway.Local(taping(t, engine.Config{Env: mono, Replay: f}))
	defer client.Close()
	session, err := client.OpenSession(ctx, v.settings())
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{ctx: ctx, session: session}
	for _, st := range f.Manifest.Statements {
		if err := r.statement(st.Text, false); err != nil {
			t.Fatalf("%v\n%s", err, indent(st.Text))
		}
	}
	return r.got.rows
}

// rewound goes back in the jobs of a tape and on again.
func rewound(t *testing.T, f *trace.File) {
	t.Helper()
	c := tapingConfig(engine.Config{Env: env.OS("")})
	c.Env.Disk = env.NewOverlay(c.Env.Disk)
	d, err := debugger.Open(context.Background(), c, func(e *engine.Engine) error {
		register(t, e)
		return nil
	}, f)
	if diag.CodeOf(err) == diag.InvalidTape {
		return // planned by the size of files that only a job that runs would write
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, j := range d.Jobs {
		rewind.Check(t, j.Tape, uint64(i))
		tour.Job(t, j, tour.Options{NoSource: true, Moves: 3})
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func rowTexts(rows []row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = fmt.Sprint(r)
	}
	return out
}

// taping is an engine of the suite that records or replays.
func taping(t *testing.T, c engine.Config) *engine.Engine {
	t.Helper()
	e, err := engine.New(tapingConfig(c))
	if err != nil {
		t.Fatal(err)
	}
	register(t, e)
	return e
}

func tapingConfig(c engine.Config) engine.Config {
	c.Connectors, c.Formats, c.Functions, c.Runtimes = append(connectors.All(), lookup.Connector), connectors.Formats(), scalar.All(), connectors.Runtimes()
	c.Providers = []*connect.ModelProvider{&linear.Provider}
	return c
}
