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
		"parallelism.default":   "3",
		checkpointInterval:      "500 ms",
		"table.local-time-zone": "UTC",
	})
	if err != nil {
		return err
	}
	s := &demoScreen{
		out: drawn(a.out), speed: speed, start: time.Now(),
		live: drawable(a.out), color: color(a.out), unicode: unicodeLocale(),
		size: func() (int, int) { return screen(a.out) },
	}
	op, err := demoQuery(ctx, session, demoSQL(dir, speed))
	if err != nil {
		return err
	}
	defer op.Close()
	if err := s.begin(); err != nil {
		return err
	}
	if err := demoRows(ctx, client, op, s); err != nil {
		if errors.Is(err, context.Canceled) {
			_ = s.end() // what was seen until Ctrl-C
		}
		return err
	}
	st, err := client.Job(ctx, op.Job())
	if err != nil {
		return err
	}
	s.status = st
	return s.end()
}

// demoSQL is the example with its files in dir and its flights replayed.
func demoSQL(dir string, speed float64) string {
	replay := fmt.Sprintf("'path' = '%s',\n  'mink.replay.column' = 'departure',\n  'mink.replay.speed' = '%g'",
		strings.ReplaceAll(filepath.Join(dir, "flights.csv"), "'", "''"), speed)
	sql := strings.Replace(flights.SQL, "'path' = 'flights.csv'", replay, 1)
	path := strings.ReplaceAll(filepath.Join(dir, "airports.csv"), "'", "''")
	return strings.Replace(sql, "'path' = 'airports.csv'", "'path' = '"+path+"'", 1)
}

// demoQuery runs the statements; the last one is the query.
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

// demoRows hands the rows and the state of the job to the screen until they end.
func demoRows(ctx context.Context, client gateway.Client, op gateway.Operation, s *demoScreen) error {
	drawn := time.Now()
	for {
		next, cancel := context.WithTimeout(ctx, demoEvery)
		b, err := op.Next(next)
		cancel()
		switch {
		case err == io.EOF:
			return nil
		case ctx.Err() != nil:
			return context.Canceled
		case errors.Is(err, context.DeadlineExceeded):
		case err != nil:
			return err
		default:
			s.rows(demoRowsOf(b))
		}
		if now := time.Now(); now.Sub(drawn) >= demoEvery {
			drawn = now
			if s.status, err = client.Job(ctx, op.Job()); err != nil {
				return err
			}
			if err := s.draw(now); err != nil {
				return err
			}
		}
	}
}

// demoEvery is the time between two drawings.
const demoEvery = 100 * time.Millisecond

// demoRowsOf reads the columns of the query: week_to, place, origin, city, flights,
// avg_delay, max_delay.
func demoRowsOf(b *batch.Batch) []demoRow {
	out := make([]demoRow, 0, b.Rows())
	text := func(col, lane int) string {
		var tmp [batch.InlineMax]byte
		c := &b.Cols[col]
		return string(c.Bytes(c.ValueLane(lane), &tmp))
	}
	number := func(col, lane int) int64 {
		c := &b.Cols[col]
		return c.Int(c.ValueLane(lane))
	}
	for i := range b.Rows() {
		l := b.Lane(i)
		out = append(out, demoRow{
			week: text(0, l), place: int(number(1, l)), origin: text(2, l), city: text(3, l),
			flights: number(4, l), avg: number(5, l), max: number(6, l),
		})
	}
	return out
}
