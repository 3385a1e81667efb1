package engine

import (
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/optimize"
)

// remove runs TRUNCATE TABLE and those DELETEs that need no query.
func (s *Session) remove(b *bind.Remove) (*Result, error) {
	if err := optimize.Remove(b, s.cat); err != nil {
		return nil, err
	}
	return &Result{Zone: s.Zone()}, nil
}
