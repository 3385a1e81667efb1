package debugger_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/trace"
)

// An engine records what its sessions do; the debugger opens the tape, on any machine, and
// executes it again.
func Example() {
	ctx := context.Background()
	e := env.OS("")
	e.Disk = env.NewMemDisk() // a program leaves the one that is there
	to, err := trace.Create(e.Disk, "run", trace.Manifest{})
	if err != nil {
		log.Fatal(err)
	}
	cfg := engine.Config{Env: e, Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), Record: &engine.Record{To: to, Embed: true}}
	eng, err := engine.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	session := eng.NewSession()
	for _, text := range []string{
		`CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '10', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '10')`,
		`CREATE TABLE sums (even BOOLEAN, s BIGINT, PRIMARY KEY (even) NOT ENFORCED) WITH ('connector' = 'blackhole')`,
		`INSERT INTO sums SELECT MOD(n, 2) = 0, SUM(n) FROM numbers GROUP BY MOD(n, 2) = 0`,
	} {
		r, err := session.Execute(ctx, text)
		if err == nil && r.Job != nil {
			err = r.Job.Wait(ctx)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	eng.Close()
	if err := eng.CloseTape(); err != nil {
		log.Fatal(err)
	}

	tape, err := trace.Open(e.Disk, "run")
	if err != nil {
		log.Fatal(err)
	}
	defer tape.Close()
	again := *e
	again.Disk = env.NewOverlay(e.Disk)
	cfg.Env = &again
	d, err := debugger.Open(ctx, cfg, nil, tape)
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // nothing was written
	job := d.Jobs[0]
	if _, err := job.Seek(ctx, debugger.AtEnd); err != nil {
		log.Fatal(err)
	}
	tables, err := job.State("GroupAggregate", "", 10)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tables[0].Entries, "groups")
	found, err := job.WhyNot(ctx, "sums", "s = 31")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found[0].Code)
	// Output:
	// 2 groups
	// different-value
}

// A job that runs is looked at on the tape that is kept of it in memory, and stands still
// for as long as one wants.
func ExampleAttachTo() {
	ctx := context.Background()
	e := env.OS("")
	ring, err := engine.RecordRing(e, nil, 64<<20, 10*time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	eng, err := engine.New(engine.Config{Env: e, Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), Record: ring})
	if err != nil {
		log.Fatal(err)
	}
	client := gateway.Local(eng)
	defer client.Close() //nolint:errcheck // the job is left
	session, err := client.OpenSession(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	var op gateway.Operation
	for _, text := range []string{
		`CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000')`,
		`CREATE TABLE counts (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'blackhole')`,
		`INSERT INTO counts SELECT MOD(n, 2), COUNT(*) FROM numbers GROUP BY MOD(n, 2)`,
	} {
		if op, err = session.Execute(ctx, text); err != nil {
			log.Fatal(err)
		}
	}
	for { // until it has read something
		s, err := client.Job(ctx, op.Job())
		if err != nil {
			log.Fatal(err)
		}
		if len(s.Vertices) > 0 && s.Vertices[0].SourceRows > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	live, err := debugger.AttachTo(ctx, eng, op.Job())
	if err != nil {
		log.Fatal(err)
	}
	defer live.Close() //nolint:errcheck // it lets the job go on
	if err := live.StopWorld(ctx); err != nil {
		log.Fatal(err)
	}
	s, err := client.Job(ctx, op.Job())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("held:", s.Held)
	if err := live.Resume(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// held: true
}
