// Package cover measures what of a job the runs of tests reach: operators and the kinds of
// changes they give, predicates that were TRUE, FALSE and NULL, rows of a join with and
// without a partner, late rows, state that expires, timers, restores. Each is an Item, at
// its place in the SQL text.
//
// A Profile gathers the items of any number of runs. Profile.Watch makes a flow.Watcher of
// one job in one run; it counts on its own, so runs may go side by side, and gives what it
// has to the profile at its End. Items of plans of the same text are the same item, whatever
// the plans' parallelism.
//
// Nothing here runs unless somebody asks for a profile. Begin with Profile; items.go says
// which items a plan has, predicate.go and join.go count what takes more than a counter, and
// report.go shows it.
package cover

import (
	"cmp"
	"slices"
	"sync"

	"github.com/minkstream/mink/engine/diag"
)

// Kind is what an item is about.
type Kind string

// The kinds.
const (
	Rows      Kind = "rows"
	Changes   Kind = "changes"
	Predicate Kind = "predicate"
	Join      Kind = "join"
	Late      Kind = "late"
	TTL       Kind = "ttl"
	Timer     Kind = "timer"
	Restore   Kind = "restore"
)

// Place is a span of a text that has a name.
type Place struct {
	Name, Text string
	Span       diag.Span
}

// source is the text as places are counted in it.
func (p Place) source() diag.Source { return diag.Source{Name: p.Name, Text: p.Text} }

// Item is something that runs may reach.
type Item struct {
	Place Place
	Kind  Kind
	// Operator is the name of the plan's node, or the predicate as written.
	Operator string
	// What tells items of one operator apart: "in left", "-U", "true", "miss right".
	What string
	// Missing says in words that it was not reached.
	Missing string
	Count   int64
}

type key struct {
	file     string
	span     diag.Span
	kind     Kind
	operator string
	what     string
}

func (i *Item) key() key { return key{i.Place.Name, i.Place.Span, i.Kind, i.Operator, i.What} }

// Profile is what runs have reached. It may be used by several goroutines.
type Profile struct {
	mu    sync.Mutex
	items map[key]*Item
}

// New makes an empty profile.
func New() *Profile { return &Profile{items: map[key]*Item{}} }

// add takes items over and adds up what is there already.
func (p *Profile) add(list []*Item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range list {
		if have := p.items[i.key()]; have != nil {
			have.Count += i.Count
			continue
		}
		own := *i
		p.items[i.key()] = &own
	}
}

// Items are all items, in the order of files and places.
func (p *Profile) Items() []*Item {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]*Item, 0, len(p.items))
	for _, i := range p.items {
		own := *i
		out = append(out, &own)
	}
	slices.SortFunc(out, func(a, b *Item) int {
		return cmp.Or(cmp.Compare(a.Place.Name, b.Place.Name), cmp.Compare(a.Place.Span.Start, b.Place.Span.Start), cmp.Compare(a.Place.Span.End, b.Place.Span.End),
			cmp.Compare(a.Operator, b.Operator), cmp.Compare(order(a.Kind), order(b.Kind)), cmp.Compare(a.What, b.What))
	})
	return out
}

func order(k Kind) int {
	return slices.Index([]Kind{Rows, Changes, Predicate, Join, Late, TTL, Timer, Restore}, k)
}

// File is what was reached of one file.
type File struct {
	Name, Text     string
	Items          []*Item
	Covered, Total int
}

// Percent is the share of items that were reached; 100 where there are none.
func (f *File) Percent() float64 { return percent(f.Covered, f.Total) }

func percent(covered, total int) float64 {
	if total == 0 {
		return 100
	}
	return 100 * float64(covered) / float64(total)
}

// Files groups the items by file, in order of names.
func (p *Profile) Files() []*File {
	var out []*File
	for _, i := range p.Items() {
		if len(out) == 0 || out[len(out)-1].Name != i.Place.Name {
			out = append(out, &File{Name: i.Place.Name, Text: i.Place.Text})
		}
		f := out[len(out)-1]
		f.Items = append(f.Items, i)
		f.Total++
		if i.Count > 0 {
			f.Covered++
		}
	}
	return out
}

// Total is how many items were reached, and how many there are.
func (p *Profile) Total() (covered, total int) {
	for _, f := range p.Files() {
		covered, total = covered+f.Covered, total+f.Total
	}
	return covered, total
}

// Percent is the share of all items that were reached.
func (p *Profile) Percent() float64 { return percent(p.Total()) }
