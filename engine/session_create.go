package engine

import (
	"errors"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/diag"
)

// creations are the tables that a statement makes before its rows are written.
func creations(bound bind.Bound) []*bind.Creation {
	var out []*bind.Creation
	switch b := bound.(type) {
	case *bind.Insert:
		if b.Creation != nil {
			out = append(out, b.Creation)
		}
	case *bind.Inserts:
		for _, i := range b.List {
			out = append(out, creations(i)...)
		}
	}
	return out
}

// create makes the tables of CREATE TABLE AS and REPLACE TABLE AS. undo takes them
// back when the job does not start; it returns its argument with what went wrong.
func create(bound bind.Bound) (warnings []*diag.Error, undo func(error) error, err error) {
	var made []*bind.Creation
	undo = func(err error) error {
		for i := len(made) - 1; i >= 0; i-- {
			err = errors.Join(err, made[i].Undo())
		}
		return err
	}
	for _, c := range creations(bound) {
		if err := c.Apply(); err != nil {
			return nil, undo, undo(err)
		}
		made = append(made, c)
		if c.Warning != nil {
			warnings = append(warnings, c.Warning)
		}
	}
	return warnings, undo, nil
}
