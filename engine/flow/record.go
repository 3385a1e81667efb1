package flow

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
)

// recorder writes what a task's steps were given, or gives it again.
type recorder struct{ replay bool }

func (r *recorder) begin(int64, pick)                      {}
func (r *recorder) end(*task)                              {}
func (r *recorder) mail(*mail)                             {}
func (r *recorder) now(v int64) int64                      { return v }
func (r *recorder) output(int, *batch.Batch)               {}
func (r *recorder) poll(int, *batch.Batch, connect.Status) {}
func (r *recorder) pollAgain(*source, *split) (connect.Status, error) {
	return 0, nil
}

type taper struct{}

func newTaper(*jobCore) *taper { return &taper{} }
