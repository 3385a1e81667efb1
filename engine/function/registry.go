package function

import (
	"fmt"
	"sort"
	"strings"
)

// Registry finds functions by name. Names are matched without regard to case.
// It is filled before use and only read afterwards; user functions written in Go
// are registered like built-in ones.
type Registry struct {
	byName map[string]*Func
	list   []*Func
}

// NewRegistry makes a registry of the functions in lists. A name that occurs
// twice is a defect of the lists and panics.
func NewRegistry(lists ...[]Func) *Registry {
	r := &Registry{byName: map[string]*Func{}}
	for _, l := range lists {
		for i := range l {
			if err := r.Register(&l[i]); err != nil {
				panic(err)
			}
		}
	}
	return r
}

// Register adds f under its name and aliases. It fails if one of them is taken.
func (r *Registry) Register(f *Func) error {
	names := append([]string{f.Name}, f.Aliases...)
	for _, n := range names {
		if _, ok := r.byName[strings.ToUpper(n)]; ok {
			return fmt.Errorf("function %s is registered twice", n)
		}
	}
	for _, n := range names {
		r.byName[strings.ToUpper(n)] = f
	}
	r.list = append(r.list, f)
	return nil
}

// Lookup returns the function of that name or alias, or nil.
func (r *Registry) Lookup(name string) *Func {
	if f, ok := r.byName[name]; ok {
		return f
	}
	return r.byName[strings.ToUpper(name)]
}

// Clone returns a registry with the same functions that can be added to apart.
func (r *Registry) Clone() *Registry {
	c := &Registry{byName: make(map[string]*Func, len(r.byName))}
	for _, f := range r.list {
		if err := c.Register(f); err != nil {
			panic(err)
		}
	}
	return c
}

// All lists the functions in name order.
func (r *Registry) All() []*Func {
	out := append([]*Func(nil), r.list...)
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Names lists all names and aliases in order.
func (r *Registry) Names() []string {
	var out []string
	for _, f := range r.list {
		out = append(out, f.Name)
		out = append(out, f.Aliases...)
	}
	sort.Strings(out)
	return out
}
