package nexmark_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/measure"
	"github.com/minkstream/mink/testkit/nexmark"
)

// Every query, recorded on threads with checkpoints, is executed again step by step: once
// over rows that are read again and once over those on the tape. MINK_ALL repeats it 20
// times.
func TestTaped(t *testing.T) {
	side, replays, events := sideFile(t), 2, int64(20_000)
	if all {
		replays, events = 20, 100_000
	}
	queries(t, func(t *testing.T, q nexmark.Query) {
		for i := range replays {
			disk := env.NewMemDisk()
			to, err := trace.Create(disk, "tape", trace.Manifest{})
			if err != nil {
				t.Fatal(err)
			}
			config := map[string]string{"parallelism.default": "2", "mink.exec.batch-rows": "512", "execution.checkpointing.interval": "20 ms"}
			r := prepareAs(t, q, events, 2, engine.Config{Record: &engine.Record{To: to, Full: true, Embed: i%2 == 1}}, side, config)
			r.insertAndWait(t)
			r.check(t)
			r.engine.Close()
			if err := r.engine.CloseTape(); err != nil {
				t.Fatal(err)
			}
			f, err := trace.Open(disk, "tape")
			if err != nil {
				t.Fatal(err)
			}
			again := prepareAs(t, q, events, 2, engine.Config{Replay: f}, side, config)
			again.insertAndWait(t)
			again.engine.Close()
		}
	})
}

func (r *run) insertAndWait(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	res, err := r.session.Execute(ctx, r.insert)
	if err == nil {
		err = res.Job.Wait(ctx)
	}
	if err != nil {
		t.Fatal(show(r.insert, err))
	}
}

// What a tape costs in time of processors, beside the same job without one: the sink throws rows
// away, so that nothing but the job is under the tape. Runs are short and go in turn, forth and
// back (none, positions, rows, rows, positions, none), so that a machine that becomes
// slower or faster does so for all three; each turn gives one ratio, and the median of
// many is far steadier than any of them.
func TestTapeCost(t *testing.T) {
	if !all {
		t.Skip("millions of events: run with MINK_ALL=1")
	}
	for _, c := range []struct {
		name, columns string
		events        int64
		positions     float64
		rows          float64
	}{
		{"q0", "all", 4_000_000, 3, 15},
		{"q4", "all", 500_000, 3, 15},
		{"q7", "all", 500_000, 3, 15},
		{"q0", "projected", 4_000_000, 3, 15},
		{"q4", "projected", 500_000, 3, 15},
		{"q7", "projected", 500_000, 3, 15},
	} {
		t.Run(c.name+"/"+c.columns, func(t *testing.T) {
			r := tapeCost(t, c.name, c.columns, c.events)
			t.Logf("%.0f ns an event; positions %s; rows %s, %.1f bytes an event while it runs", r.base, r.positions, r.rows, r.bytes)
			if r.positions.Low > c.positions || r.rows.Low > c.rows {
				t.Errorf("recording costs more than %.0f %% with positions or %.0f %% with rows", c.positions, c.rows)
			}
		})
	}
}

// tapeTurns is the number of ratios whose median counts.
const tapeTurns = 25

// tapeCosts is what tapes cost a query.
type tapeCosts struct {
	base            float64 // nanoseconds an event without one
	bytes           float64 // an event, of the folder with rows while it is recorded
	positions, rows measure.Percent
}

func tapeCost(t *testing.T, name, columns string, events int64) (c tapeCosts) {
	q, _ := nexmark.Find(name)
	statements := q.Statements(nexmark.Options{Source: map[string]string{
		"events.num": strconv.FormatInt(events, 10), "first-event.rate": "100000", "next-event.rate": "100000", "materialize": columns,
	}})
	var ratios [3][]float64
	var base []float64
	for turn := range tapeTurns + 1 {
		var took [3]time.Duration
		for _, kind := range []int{0, 1, 2, 2, 1, 0} {
			cpu, bytes := tapedRun(t, statements, kind)
			if took[kind] += cpu; kind == 2 {
				c.bytes = float64(bytes) / float64(events)
			}
		}
		if turn == 0 {
			continue // files, caches and the heap are warm from here on
		}
		base = append(base, float64(took[0].Nanoseconds())/float64(2*events))
		for kind := range ratios {
			ratios[kind] = append(ratios[kind], 100*(took[kind].Seconds()/took[0].Seconds()-1))
		}
	}
	slices.Sort(base)
	c.base, c.positions, c.rows = base[len(base)/2], measure.Median(ratios[1]), measure.Median(ratios[2])
	return c
}

// tapedRun runs the statements with no tape (0), one with positions (1) or one with rows
// (2), and gives the time that the last of them took and the bytes that the tape has then.
func tapedRun(t *testing.T, statements []string, kind int) (cpu time.Duration, bytes int64) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tape")
	c := engine.Config{Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir()}
	if kind > 0 {
		to, err := trace.Create(env.OS("").Disk, dir, trace.Manifest{})
		if err != nil {
			t.Fatal(err)
		}
		c.Record = &engine.Record{To: to, Embed: kind == 2}
	}
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r := &run{engine: e, session: e.NewSession()}
	if err := r.session.Set("parallelism.default", "2"); err != nil {
		t.Fatal(err)
	}
	for _, s := range statements[:len(statements)-1] {
		if _, err := r.session.Execute(context.Background(), clean(s)); err != nil {
			t.Fatal(show(s, err))
		}
	}
	r.insert = clean(statements[len(statements)-1])
	runtime.GC()
	begin := measure.CPU()
	r.insertAndWait(t)
	cpu = measure.CPU() - begin
	if kind == 2 {
		bytes = folderBytes(t, dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	return cpu, bytes
}

func folderBytes(t *testing.T, dir string) (n int64) {
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A tape with positions takes at most a byte a row and 24 a step, the manifest included,
// whether a step takes many rows or few.
func TestTapeSize(t *testing.T) {
	const events = 50_000
	for _, name := range []string{"q0", "q4", "q7"} {
		for _, rows := range []string{"4096", "32"} {
			t.Run(name+"/"+rows, func(t *testing.T) {
				q, _ := nexmark.Find(name)
				disk := env.NewMemDisk()
				to, err := trace.Create(disk, "tape", trace.Manifest{})
				if err != nil {
					t.Fatal(err)
				}
				config := map[string]string{"parallelism.default": "2", "mink.exec.batch-rows": rows}
				r := prepareAs(t, q, events, 2, engine.Config{Record: &engine.Record{To: to}}, "", config)
				r.insertAndWait(t)
				r.engine.Close()
				if err := errors.Join(r.engine.CloseTape(), trace.Pack(disk, "tape", "run.mtape")); err != nil {
					t.Fatal(err)
				}
				info, err := disk.Stat("run.mtape")
				if err != nil {
					t.Fatal(err)
				}
				f, err := trace.Open(disk, "run.mtape")
				if err != nil {
					t.Fatal(err)
				}
				steps := 0
				for task := range f.Manifest.Jobs[0].Tasks {
					list, err := f.Steps(0, 1, task)
					if err != nil {
						t.Fatal(err)
					}
					steps += len(list)
				}
				t.Logf("%d bytes for %d rows and %d steps: %.1f a step", info.Size(), events, steps, float64(info.Size())/float64(steps))
				if most := int64(events + 24*steps); info.Size() > most || steps == 0 {
					t.Errorf("a tape of %d bytes, where %d are allowed", info.Size(), most)
				}
			})
		}
	}
}

// When a job has ended all that it did is on its tape, and nobody writes there any more.
func TestTapeEnd(t *testing.T) {
	q, _ := nexmark.Find("q0")
	disk := env.NewMemDisk()
	to, err := trace.Create(disk, "tape", trace.Manifest{})
	if err != nil {
		t.Fatal(err)
	}
	r := prepareAs(t, q, 20_000, 2, engine.Config{Record: &engine.Record{To: to, Embed: true}}, "", map[string]string{"parallelism.default": "2"})
	r.insertAndWait(t)
	steps := func() (n int) {
		f, err := trace.Open(disk, "tape")
		if err != nil {
			t.Fatal(err)
		}
		for task := range f.Manifest.Jobs[0].Tasks {
			list, err := f.Steps(0, 1, task)
			if err != nil {
				t.Fatal(err)
			}
			n += len(list)
		}
		return n
	}
	ended := steps()
	r.engine.Close()
	if err := r.engine.CloseTape(); err != nil {
		t.Fatal(err)
	}
	if all := steps(); ended != all || all == 0 {
		t.Errorf("at the end of the job %d of its %d steps are on the tape", ended, all)
	}
}

// A tape with rows has the columns that the job reads, also where a source makes them all,
// and that is enough to replay it; with hashes of all values it has all columns.
func TestTapedColumns(t *testing.T) {
	const events = 20_000
	q0, _ := nexmark.Find("q0")
	for name, insert := range map[string]string{
		"fields": q0.SQL(),
		"times":  "INSERT INTO nexmark_q0 SELECT COUNT(*), 1, 1, TIMESTAMP '2026-01-01 00:00:00', 'x' FROM datagen",
	} {
		t.Run(name, func(t *testing.T) {
			var sizes []int64
			for _, columns := range []string{"projected", "all", "full"} {
				full := columns == "full"
				if full {
					columns = "all"
				}
				q, _ := nexmark.Find("q0")
				list := q.Statements(nexmark.Options{Source: map[string]string{"events.num": strconv.Itoa(events), "materialize": columns}})
				list[len(list)-1] = insert
				disk := env.NewMemDisk()
				to, err := trace.Create(disk, "tape", trace.Manifest{})
				if err != nil {
					t.Fatal(err)
				}
				executeAll(t, engine.Config{Record: &engine.Record{To: to, Embed: true, Full: full}}, list)
				f, err := trace.Open(disk, "tape")
				if err != nil {
					t.Fatal(err)
				}
				executeAll(t, engine.Config{Replay: f}, list)
				size := int64(0)
				for task := range 2 {
					info, err := disk.Stat(fmt.Sprintf("tape/inputs/0-1-%d.arrow", task))
					if err != nil {
						t.Fatal(err)
					}
					size += info.Size()
				}
				sizes = append(sizes, size)
			}
			if sizes[1] > sizes[0]*11/10 || sizes[2] < sizes[0]*3/2 {
				t.Errorf("rows of all columns take %d bytes, of those that are read %d, with all hashes %d", sizes[1], sizes[0], sizes[2])
			}
		})
	}
}

// executeAll runs statements on an engine and closes it.
func executeAll(t *testing.T, c engine.Config, statements []string) {
	t.Helper()
	c.Connectors, c.Formats, c.Functions, c.SpillDir = connectors.All(), connectors.Formats(), scalar.All(), t.TempDir()
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{engine: e, session: e.NewSession(), insert: clean(statements[len(statements)-1])}
	if err := r.session.Set("parallelism.default", "2"); err != nil {
		t.Fatal(err)
	}
	for _, s := range statements[:len(statements)-1] {
		if _, err := r.session.Execute(context.Background(), clean(s)); err != nil {
			t.Fatal(show(s, err))
		}
	}
	r.insertAndWait(t)
	e.Close()
	if c.Record != nil {
		if err := e.CloseTape(); err != nil {
			t.Fatal(err)
		}
	}
}
