package cli

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/gateway"
)

// TestStatusWhileNobodyReads: a query whose client does not take its rows waits, and
// still says how it stands; then the client gets every row.
func TestStatusWhileNobodyReads(t *testing.T) {
	const rows = 300_000 // far more than may wait for the client
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := &app{out: io.Discard, err: io.Discard}
	client, err := a.embedded(embed{nodes: 1})
	if err != nil {
		t.Fatal(err)
	}
	session, err := client.OpenSession(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	const table = `CREATE TABLE t (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000000', 'number-of-rows' = '300000')`
	if _, err := session.Execute(ctx, table); err != nil {
		t.Fatal(err)
	}
	op, err := session.Execute(ctx, "SELECT n FROM t")
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan gateway.JobStatus)
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		go func() {
			st, err := client.Job(ctx, op.Job())
			if err != nil {
				t.Error(err)
			}
			answered <- st
		}()
		select {
		case st := <-answered:
			if st.State == "FINISHED" || st.State == "FAILED" {
				t.Fatal("the job did not wait for its client")
			}
		case <-time.After(30 * time.Second):
			t.Fatal("no answer: the job waits for its client while it is locked") // nor can it be closed
		}
	}
	got := 0
	for {
		b, err := op.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got += b.Rows()
	}
	if got != rows {
		t.Errorf("%d rows, not %d", got, rows)
	}
	session.Close()
	client.Close()
}
