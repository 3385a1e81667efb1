package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/examples/flights"
)

func (a *app) demoCommand() *cobra.Command {
	var fast bool
	var speed float64
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch a real streaming job over real data",
		Long: `Replays 20,000 real flights of early 2001 by event time over an embedded cluster of three nodes
and shows, as the days go by, the airports with the worst delays of the past week: event-time
windows, a join and a Top-N, live in the terminal. The data is in the binary.`,
		Args: cobra.NoArgs,
		Example: examples(
			"mink demo",
			"mink demo --speed 1000000",
			"mink demo --fast   # a few seconds, also without a terminal",
		),
		RunE: func(c *cobra.Command, _ []string) error {
			if speed <= 0 {
				return failed(exitUsage, diag.New(diag.Config, "--speed must be above 0"))
			}
			if fast {
				speed = 3_000_000
			}
			return a.demo(c.Context(), speed)
		},
	}
	c.Flags().BoolVar(&fast, "fast", false, "end within seconds")
	c.Flags().Float64Var(&speed, "speed", 300_000, "how many times faster than recorded the flights are replayed")
	return c
}

func (a *app) demo(ctx context.Context, speed float64) error {
	dir, err := os.MkdirTemp("", "mink-demo-")
	if err != nil {
		return failed(exitFailed, diag.Wrap(diag.IO, err, "cannot make a temporary folder"))
	}
	defer os.RemoveAll(dir)
	for name, data := range map[string][]byte{"flights.csv": flights.Flights, "airports.csv": flights.Airports} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return failed(exitFailed, diag.Wrap(diag.IO, err, "cannot write the data"))
		}
	}
	client, err := a.embedded(embed{nodes: 3, slots: 2, checkpointDir: filepath.Join(dir, "checkpoints")})
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := client.OpenSession(ctx, map[string]string{
		"parallelism.default":              "3",
		"execution.checkpointing.interval": "500 ms",
		"table.local-time-zone":            "UTC",
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "20,000 flights of 2001-01-01 to 2001-03-31 at %s times their speed, on 3 nodes; the worst airports of the past week\n\n", show.Rate(speed))
	start := time.Now()
	op, err := demoQuery(ctx, session, demoSQL(dir, speed))
	if err != nil {
		return err
	}
	shown, err := a.demoRows(ctx, client, op, start)
	if err != nil {
		return err
	}
	st, err := client.Job(ctx, op.Job())
	if err != nil {
		return err
	}
	a.demoSummary(st, shown, time.Since(start))
	return op.Close()
}

// demoSQL is the example with its files in dir and its flights replayed.
func demoSQL(dir string, speed float64) string {
	replay := fmt.Sprintf("'path' = '%s',\n  'mink.replay.column' = 'departure',\n  'mink.replay.speed' = '%g'",
		strings.ReplaceAll(filepath.Join(dir, "flights.csv"), "'", "''"), speed)
	sql := strings.Replace(flights.SQL, "'path' = 'flights.csv'", replay, 1)
	path := strings.ReplaceAll(filepath.Join(dir, "airports.csv"), "'", "''")
	return strings.Replace(sql, "'path' = 'airports.csv'", "'path' = '"+path+"'", 1)
}

func demoQuery(ctx context.Context, s gateway.Session, sql string) (gateway.Operation, error) {
	var op gateway.Operation
	for _, it := range parse.Script(sql) {
		if it.Err != nil {
			return nil, it.Err
		}
		var err error
		if op, err = s.Execute(ctx, sql[it.Span.Start:it.Span.End]); err != nil {
			return nil, err
		}
	}
	return op, nil
}

// demoRows shows the newest weeks until the flights end.
func (a *app) demoRows(ctx context.Context, client gateway.Client, op gateway.Operation, start time.Time) (int64, error) {
	mode := "changelog"
	if terminal(a.out) {
		mode = "live"
	}
	s := &script{app: a, client: client}
	columns, lines := screen(a.out)
	p, err := show.New(mode, show.Options{
		Out: a.out, Zone: time.UTC, Color: color(a.out),
		Screen: func() (int, int) { return columns, min(lines, 26) },
		Status: func() show.Status { return s.status(ctx, op.Job(), start) },
	})
	if err != nil {
		return 0, err
	}
	if err := p.Begin(show.Head{Schema: op.Schema(), Streaming: true}); err != nil {
		return 0, err
	}
	counted := &countingPrinter{Printer: p}
	err = s.copyRows(ctx, op, counted)
	if end := p.End(err); end != nil && err == nil {
		err = end
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return counted.rows, err
}

type countingPrinter struct {
	show.Printer
	rows int64
}

func (c *countingPrinter) Rows(b *batch.Batch) error {
	c.rows += int64(b.Rows())
	return c.Printer.Rows(b)
}

// Tick redraws what can be redrawn.
func (c *countingPrinter) Tick() error {
	if t, ok := c.Printer.(ticker); ok {
		return t.Tick()
	}
	return nil
}

func (a *app) demoSummary(st gateway.JobStatus, shown int64, elapsed time.Duration) {
	rows, tasks := int64(0), 0
	for _, v := range st.Vertices {
		rows += v.SourceRows
		tasks += v.Parallelism
	}
	lag := "none: the input has ended"
	if wm := st.Watermark(); wm != batch.MaxWatermark && wm != batch.NoWatermark {
		lag = time.UnixMilli(wm).UTC().Format(time.DateTime)
	}
	fmt.Fprintf(a.out, "\nsummary\n")
	for _, l := range [][2]string{
		{"rows in", fmt.Sprintf("%d (%s rows/s)", rows, show.Rate(float64(rows)/elapsed.Seconds()))},
		{"rows out", fmt.Sprint(shown)},
		{"late rows", fmt.Sprint(st.Late)},
		{"nodes", fmt.Sprintf("%d, running %d tasks of %d vertices", st.Nodes, tasks, len(st.Vertices))},
		{"watermark lag", lag},
		{"checkpoints", fmt.Sprintf("%d completed, %d failed, last %d bytes in %s", st.Checkpoints.Completed, st.Checkpoints.Failed,
			st.Checkpoints.LastBytes, st.Checkpoints.LastDuration.Round(time.Millisecond))},
		{"time", fmt.Sprintf("%.1f s", elapsed.Seconds())},
	} {
		fmt.Fprintf(a.out, "  %-14s %s\n", l[0], l[1])
	}
}
