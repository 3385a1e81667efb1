package blackhole_test

import (
	"testing"

	"github.com/minkstream/mink/connectors/blackhole"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

func TestConforms(t *testing.T) {
	b := batch.NewBatchBuilder(types.IntT)
	b.Row(batch.Insert, 1)
	b.Row(batch.Delete, 1)
	run := &conform.SinkRun{
		Sink:    func() (connect.Sink, error) { return blackhole.Connector.Sink(&connect.Table{}) },
		Batches: []*batch.Batch{b.Finish()}, Every: 1,
	}
	if n, err := run.Run(); err != nil || n != 1 {
		t.Errorf("%d attempts, %v", n, err)
	}
	// Whatever the query gives is taken as it is.
	s, _ := blackhole.Connector.Sink(&connect.Table{})
	for _, c := range []connect.Changes{connect.AppendOnly, connect.Upsert, connect.Retract} {
		if got := s.Changes(c); got != c {
			t.Errorf("asks for %v of %v", got, c)
		}
	}
	if blackhole.Connector.Source != nil || blackhole.Connector.Lookup != nil {
		t.Error("there is nothing to read")
	}
}
