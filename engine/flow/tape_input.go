package flow

import (
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/trace"
)

// Took is what a step took from a message, as far as it says what a source read.
type Took struct {
	// Checkpoint is the number of the checkpoint for which a source took its position.
	Checkpoint int64
	// Splits are parts of the source that the task reads from now on, behind those that
	// it has.
	Splits []connect.Split
}

// Taken reads the message of a step.
func Taken(s *trace.Step) (k Took) {
	if s.Mail == nil {
		return k
	}
	m, err := decodeMail(s.Mail, 0)
	if err != nil {
		return k
	}
	if m.kind == mailTrigger {
		k.Checkpoint = m.n
	}
	if p, ok := m.payload.(*newSplits); ok {
		k.Splits = p.list
	}
	return k
}
