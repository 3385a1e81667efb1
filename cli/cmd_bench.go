package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/testkit/measure"
	"github.com/minkstream/mink/testkit/nexmark"
)

func (a *app) benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Run benchmarks",
	}
	c.AddCommand(a.benchNexmarkCommand())
	return c
}

// benchFlags are the flags of bench nexmark.
type benchFlags struct {
	queries     string
	events      int64
	rate        int64
	seed        int64
	parallelism int
	checkpoint  time.Duration
	state       string
	verify      string
	output      string
	nodes       int
	materialize string
}

func (a *app) benchNexmarkCommand() *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "nexmark",
		Short: "Run the Nexmark queries and measure them",
		Long: `Runs Nexmark queries over generated events and prints, for each, the rows, the checksum of its
result and what it cost. Up to a million events the result is verified; speed is quoted from runs
with --verify off, where the sink discards its rows.`,
		Args: cobra.NoArgs,
		Example: examples(
			"mink bench nexmark --queries q0,q5 --events 1000000",
			"mink bench nexmark --events 10000000 --rate 100000 --parallelism 2 --checkpoint 10s --verify off",
		),
		RunE: func(c *cobra.Command, _ []string) error { return a.benchNexmark(c.Context(), f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.queries, "queries", "all", "queries to run, such as q0,q4")
	fl.Int64Var(&f.events, "events", 1_000_000, "events to generate")
	fl.Int64Var(&f.rate, "rate", 10_000, "events per second of event time")
	fl.Int64Var(&f.seed, "seed", 1, "seed of the generator")
	fl.IntVar(&f.parallelism, "parallelism", 2, "parallelism of the job")
	fl.DurationVar(&f.checkpoint, "checkpoint", 0, "time between checkpoints; 0 takes none")
	fl.StringVar(&f.state, "state", "mem", "mem keeps state in memory, pebble lets it spill beyond 16 MiB")
	fl.StringVar(&f.verify, "verify", "auto", "auto (up to 1,000,000 events), on or off")
	fl.StringVar(&f.output, "output", "table", "table or json")
	fl.IntVar(&f.nodes, "nodes", 1, "nodes of the embedded cluster")
	fl.StringVar(&f.materialize, "materialize", "all", "all makes every column of every event, projected only what is read")
	return c
}

// figure is what is measured of a query; field names are part of the command's
// contract.
type figure struct {
	Query             string  `json:"query"`
	Rows              int64   `json:"rows"`
	Checksum          *string `json:"checksum"`
	Expected          string  `json:"expected,omitempty"`
	OK                *bool   `json:"ok,omitempty"`
	Events            int64   `json:"events"`
	Parallelism       int     `json:"parallelism"`
	ElapsedS          float64 `json:"elapsed_s"`
	PlanMS            float64 `json:"plan_ms"`
	FirstRowMS        float64 `json:"first_row_ms"`
	StartMS           float64 `json:"start_ms,omitempty"`
	CPUS              float64 `json:"cpu_s"`
	Cores             float64 `json:"cores"`
	Throughput        float64 `json:"throughput"`
	ThroughputPerCore float64 `json:"throughput_per_core"`
	PeakRSSMB         float64 `json:"peak_rss_mb"`
	StateBytes        int64   `json:"state_bytes"`
	Checkpoints       int64   `json:"checkpoints"`
	CheckpointMS      float64 `json:"checkpoint_ms"`
	CheckpointBytes   int64   `json:"checkpoint_bytes"`
}

func (a *app) benchNexmark(ctx context.Context, f benchFlags) error {
	queries, err := pickQueries(f.queries)
	if err != nil {
		return err
	}
	switch {
	case f.verify != "auto" && f.verify != "on" && f.verify != "off":
		return failed(exitUsage, diag.New(diag.Config, "--verify is auto, on or off"))
	case f.state != "mem" && f.state != "pebble":
		return failed(exitUsage, diag.New(diag.Config, "--state is mem or pebble"))
	case f.output != "table" && f.output != "json":
		return failed(exitUsage, diag.New(diag.Config, "--output is table or json"))
	case f.events < 1 || f.parallelism < 1:
		return failed(exitUsage, diag.New(diag.Config, "--events and --parallelism must be at least 1"))
	}
	bad := false
	var all []figure
	if f.output == "table" {
		fmt.Fprintf(a.out, "%-5s %10s %17s %9s %8s %6s %12s %14s %9s\n", "query", "rows", "checksum", "elapsed", "cpu", "cores", "events/s", "events/s/core", "peak MB")
	}
	for _, q := range queries {
		if q.Skip != "" {
			fmt.Fprintf(a.err, "%s skipped: %s\n", q.Name, q.Skip)
			continue
		}
		fig, err := a.benchQuery(ctx, q, f)
		if ctx.Err() != nil {
			return context.Canceled
		}
		if err != nil {
			fmt.Fprintf(a.err, "%s failed\n", q.Name)
			a.complain(err)
			bad = true
			continue
		}
		if fig.OK != nil && !*fig.OK {
			bad = true
		}
		all = append(all, fig)
		if f.output == "json" {
			if err := json.NewEncoder(a.out).Encode(fig); err != nil {
				return err
			}
			continue
		}
		sum, mark := "-", ""
		if fig.Checksum != nil {
			sum = *fig.Checksum
		}
		if fig.OK != nil && !*fig.OK {
			mark = "  WRONG, want " + fig.Expected
		}
		fmt.Fprintf(a.out, "%-5s %10d %17s %8.2fs %7.2fs %6.2f %12s %14s %9.0f%s\n", fig.Query, fig.Rows, sum, fig.ElapsedS, fig.CPUS, fig.Cores,
			show.Rate(fig.Throughput), show.Rate(fig.ThroughputPerCore), fig.PeakRSSMB, mark)
	}
	if f.output == "table" && len(all) > 1 {
		logs := 0.0
		for _, g := range all {
			logs += math.Log(g.ThroughputPerCore)
		}
		fmt.Fprintf(a.out, "geometric mean of %d queries: %s events/s/core\n", len(all), show.Rate(math.Exp(logs/float64(len(all)))))
	}
	if bad {
		return failed(exitFailed, nil)
	}
	return nil
}

func pickQueries(list string) ([]nexmark.Query, error) {
	if list == "all" || list == "" {
		return nexmark.Queries(), nil
	}
	var out []nexmark.Query
	var names []string
	for _, q := range nexmark.Queries() {
		names = append(names, q.Name)
	}
	for _, name := range strings.Split(list, ",") {
		q, ok := nexmark.Find(strings.TrimSpace(name))
		if !ok {
			err := diag.New(diag.Config, "no query %q", name).WithHint("queries are %s", strings.Join(names, ", "))
			return nil, failed(exitUsage, err)
		}
		out = append(out, q)
	}
	return out, nil
}

// benchQuery runs one query on an engine of its own.
func (a *app) benchQuery(ctx context.Context, q nexmark.Query, f benchFlags) (figure, error) {
	fig := figure{Query: q.Name, Events: f.events, Parallelism: f.parallelism}
	dir, err := os.MkdirTemp("", "mink-bench-")
	if err != nil {
		return fig, diag.Wrap(diag.IO, err, "cannot make a temporary folder")
	}
	defer os.RemoveAll(dir)
	verifier := nexmark.NewVerifier()
	verify := f.verify == "on" || f.verify == "auto" && f.events <= 1_000_000
	opts, err := benchOptions(q, f, dir, verify)
	if err != nil {
		return fig, err
	}
	client, err := a.embedded(embed{
		nodes:         f.nodes,
		checkpointDir: filepath.Join(dir, "checkpoints"),
		connectors:    []*connect.Connector{verifier.Connector()},
		register:      registerNexmark,
	})
	if err != nil {
		return fig, err
	}
	defer client.Close()
	config := map[string]string{"parallelism.default": strconv.Itoa(f.parallelism), "table.local-time-zone": "UTC"}
	if f.checkpoint > 0 {
		config["execution.checkpointing.interval"] = strconv.FormatInt(f.checkpoint.Milliseconds(), 10) + " ms"
	}
	if f.state == "pebble" {
		config["state.memory"] = "16 mb"
	} else {
		config["state.memory"] = "64 gb"
	}
	session, err := client.OpenSession(ctx, config)
	if err != nil {
		return fig, err
	}
	resetPeak()
	before, start := measure.CPU(), time.Now()
	op, err := runStatements(ctx, session, q.Statements(opts))
	if err != nil {
		return fig, err
	}
	fig.PlanMS = float64(time.Since(start).Microseconds()) / 1000
	first := firstRow(ctx, client, op)
	if err := a.waitWithProgress(ctx, client, op, q, f); err != nil {
		return fig, err
	}
	fig.ElapsedS = time.Since(start).Seconds()
	fig.CPUS = (measure.CPU() - before).Seconds()
	fig.PeakRSSMB = float64(peakKB()) / 1024
	fig.Cores = fig.CPUS / fig.ElapsedS
	fig.Throughput = float64(f.events) / fig.ElapsedS
	fig.ThroughputPerCore = float64(f.events) / fig.CPUS
	if st, err := client.Job(ctx, op.Job()); err == nil {
		fig.Checkpoints, fig.StateBytes = st.Checkpoints.Completed, st.Checkpoints.MostBytes
		fig.CheckpointMS = float64(st.Checkpoints.MeanDuration.Microseconds()) / 1000
		fig.CheckpointBytes = st.Checkpoints.MeanBytes
		for _, v := range st.Vertices {
			fig.Rows += v.SinkRows
		}
	}
	if at := <-first; !at.IsZero() {
		fig.FirstRowMS = ms(at.Sub(start))
		if q.Name == "q0" && a.benched == 0 {
			fig.StartMS = ms(at.Sub(processStart))
		}
	}
	a.benched++
	if verify {
		judge(&fig, q, f, verifier)
	}
	return fig, nil
}

// processStart is about when the process began: packages are initialised within
// milliseconds.
var processStart = time.Now()

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// firstRow says when the first row reached a sink; zero if none did. It looks often
// at first and more and more rarely, so as not to disturb what it measures.
func firstRow(ctx context.Context, c gateway.Client, op gateway.Operation) <-chan time.Time {
	got := make(chan time.Time, 1)
	go func() {
		for wait := 500 * time.Microsecond; ; wait = min(wait*21/20, 20*time.Millisecond) {
			st, err := c.Job(ctx, op.Job())
			now := time.Now()
			for _, v := range st.Vertices {
				if v.SinkRows > 0 {
					got <- now
					return
				}
			}
			if err != nil || !st.Ended.IsZero() || ctx.Err() != nil {
				got <- time.Time{}
				return
			}
			time.Sleep(wait)
		}
	}()
	return got
}

func benchOptions(q nexmark.Query, f benchFlags, dir string, verify bool) (nexmark.Options, error) {
	o := nexmark.Options{Source: map[string]string{
		"events.num":       strconv.FormatInt(f.events, 10),
		"first-event.rate": strconv.FormatInt(f.rate, 10),
		"next-event.rate":  strconv.FormatInt(f.rate, 10),
		"seed":             strconv.FormatInt(f.seed, 10),
		"materialize":      f.materialize,
	}}
	side := filepath.Join(dir, "side_input.csv")
	if err := os.WriteFile(side, nexmark.SideInput(), 0o644); err != nil {
		return o, diag.Wrap(diag.IO, err, "cannot write the side input")
	}
	o.Side = nexmark.SideTable(side)
	switch {
	case verify:
		o.Sink = map[string]string{"connector": "verify"}
		if q.Check == nexmark.Arrival && f.parallelism > 1 {
			o.Sink["columns"] = joinInts(nexmark.TieFree)
		}
	case q.Name == "q10":
		o.Sink = nexmark.FileSink(filepath.Join(dir, "q10"))
	}
	return o, nil
}

func joinInts(n []int) string {
	s := make([]string, len(n))
	for i, x := range n {
		s[i] = strconv.Itoa(x)
	}
	return strings.Join(s, ";")
}

// registerNexmark adds the Go functions of the queries through the public API.
func registerNexmark(e *engine.Engine) error {
	for name, fn := range nexmark.UserFunctions() {
		if err := e.RegisterAs(name, fn); err != nil {
			return err
		}
	}
	return nil
}

// judge compares a verified result with what is known of it.
func judge(fig *figure, q nexmark.Query, f benchFlags, v *nexmark.Verifier) {
	r, total, ok := v.Result(q.Table())
	if !ok {
		return
	}
	fig.Rows = r.Rows
	sum := fmt.Sprintf("%016x", r.Checksum)
	fig.Checksum = &sum
	if f.seed != 1 || f.rate != 10_000 {
		return
	}
	var rows int64
	var want uint64
	known := false
	switch {
	case q.Check == nexmark.Total:
		good := total == f.events*46/50
		fig.OK, fig.Expected = &good, fmt.Sprintf("a total of %d", f.events*46/50)
		return
	case q.Check == nexmark.Arrival && f.parallelism > 1:
		rows, want, known = nexmark.ExpectedTieFree(f.events)
	default:
		rows, want, known = nexmark.Expected(q.Name, f.events)
	}
	if known {
		good := rows == r.Rows && want == r.Checksum
		fig.OK, fig.Expected = &good, fmt.Sprintf("%d rows, %016x", rows, want)
	}
}

// runStatements runs a script of which the last statement submits the job.
func runStatements(ctx context.Context, s gateway.Session, statements []string) (gateway.Operation, error) {
	var last gateway.Operation
	for _, text := range statements {
		op, err := s.Execute(ctx, strings.TrimSuffix(strings.TrimSpace(text), ";"))
		if err != nil {
			if d := diag.As(err); d != nil {
				return nil, fmt.Errorf("%s", diag.Render(diag.Source{Text: text}, d))
			}
			return nil, err
		}
		last = op
	}
	return last, nil
}

// waitWithProgress waits for the job and says on a terminal how far it is.
func (a *app) waitWithProgress(ctx context.Context, c gateway.Client, op gateway.Operation, q nexmark.Query, f benchFlags) error {
	if !drawable(a.err) {
		return op.Wait(ctx)
	}
	done := make(chan error, 1)
	go func() { done <- op.Wait(ctx) }()
	start := time.Now()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	defer fmt.Fprint(drawn(a.err), "\r\x1b[K")
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if st, err := c.Job(ctx, op.Job()); err == nil {
				n := int64(0)
				for _, v := range st.Vertices {
					n += v.SourceRows
				}
				fmt.Fprintf(drawn(a.err), "\r\x1b[K%s: %d%% of %s events, %s/s", q.Name, min(100, 100*n/f.events), show.Count(f.events), show.Rate(float64(n)/time.Since(start).Seconds()))
			}
		}
	}
}

// resetPeak makes the kernel count the process's high-water mark anew.
func resetPeak() {
	runtime.GC()
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200)
}

// peakKB is the high-water mark of resident memory, or 0 where it cannot be told.
func peakKB() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(b), "\n") {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 10, 64)
			return n
		}
	}
	return 0
}
