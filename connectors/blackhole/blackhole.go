// Package blackhole is the connector that takes every row and keeps none: the
// other end of a benchmark, or a place for output that is not wanted.
package blackhole

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
)

// Connector is 'connector' = 'blackhole'.
var Connector = connect.Connector{
	Name:    "blackhole",
	Summary: "Takes any changes and forgets them.",
	Sink:    func(*connect.Table) (connect.Sink, error) { return sink{}, nil },
}

type sink struct{}

// Changes asks for whatever the query gives, so that nothing is converted for it.
func (sink) Changes(query connect.Changes) connect.Changes { return query }

func (sink) Grade() string { return "exactly-once" }

func (sink) Open(connect.WriterCtx) (connect.Writer, error) { return writer{}, nil }

func (sink) Committer(connect.WriterCtx) (connect.Committer, error) { return nil, nil }

type writer struct{}

func (writer) Write(*batch.Batch) error       { return nil }
func (writer) Watermark(int64) error          { return nil }
func (writer) Timer(int64) error              { return nil }
func (writer) Prepare(string) ([]byte, error) { return nil, nil }
func (writer) State() []byte                  { return nil }
func (writer) Restore([][]byte) error         { return nil }
func (writer) Close() error                   { return nil }
