// Package cassette keeps what tests ask of the outside and what was answered: models,
// tables that are looked up, functions that are not deterministic. A test then needs no
// network, and gets the same answers each time.
//
// A Book is a file beside the test, which people read and compare:
//
//	model sentiment
//	  {"text":"fine"}
//	    {"label":"positive"}
//	lookup rates
//	  {"currency":"EUR"}
//	    {"currency":"EUR","rate":"1.08"}
//	  {"currency":"XXX"}
//
// A line at the left names who is asked, one below it is a call, a row of arguments, and
// those below that are its answers, none, one or several rows. Sections and calls are sorted.
// Rows are JSON as `--output json` prints it. How rows were cut into batches does not show,
// so that a book serves all schedules.
//
// Secrets never get in: values of secret options are not written, nor are fields whose name
// sounds like a secret or texts that look like a token; long texts in a call, such as
// prompts, are cut and known by their hash (secret.go).
//
// Begin with Library, then Book.Ask.
package cassette

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// Mode says where answers come from.
type Mode string

// The modes.
const (
	Replay  Mode = "replay"  // from the book; a call that is not there is an error
	Record  Mode = "record"  // from the book; a call that is not there is made and written down
	Refresh Mode = "refresh" // all calls are made, and written down anew; those that are made no more go
	Live    Mode = "live"    // all calls are made, and the book is neither read nor written
	Diff    Mode = "diff"    // all calls are made; an answer other than that in the book is an error
)

// Modes are all of them.
var Modes = []Mode{Replay, Record, Refresh, Live, Diff}

// Suffix is how the names of books end.
const Suffix = ".cassette"

// Library has the books of a run of tests, which may be asked by several goroutines.
type Library struct {
	Mode Mode
	// Disk is what books are read from.
	Disk  env.Disk
	mu    sync.Mutex
	books map[string]*Book
}

// New makes a library; the empty mode is Replay.
func New(m Mode) *Library {
	if m == "" {
		m = Replay
	}
	return &Library{Mode: m, Disk: env.OS("").Disk, books: map[string]*Book{}}
}

// Open gives the book of a file, which need not be there. An error is one in its text.
func (l *Library) Open(name string) (*Book, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.books[name]; b != nil {
		return b, nil
	}
	b := &Book{name: name, mode: l.Mode, sections: map[string]map[string]*entry{}}
	if name != "" && l.Mode != Live {
		text, err := env.ReadAll(l.Disk, filepath.ToSlash(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, diag.Wrap(diag.IO, err, "cannot read %s", name)
		}
		b.text = text
		if err := b.parse(string(text)); err != nil {
			return nil, err
		}
	}
	l.books[name] = b
	return b, nil
}

// Complete says that all tests of a book were run, so that a refresh leaves out calls that
// none of them makes any more.
func (l *Library) Complete(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.books[name]; b != nil && l.Mode == Refresh {
		b.prune()
	}
}

// prune leaves out calls that were not made.
func (b *Book) prune() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, calls := range b.sections { //mink:det-ok each by itself
		maps.DeleteFunc(calls, func(_ string, e *entry) bool {
			b.changed = b.changed || !e.asked
			return !e.asked
		})
	}
}

// Save writes the books that have changed.
func (l *Library) Save() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all error
	for _, name := range slices.Sorted(maps.Keys(l.books)) {
		all = errors.Join(all, l.books[name].save())
	}
	return all
}

// Book is the calls of one file of tests.
type Book struct {
	name     string
	mode     Mode
	mu       sync.Mutex
	sections map[string]map[string]*entry
	secrets  []string
	text     []byte // of the file
	changed  bool
}

// entry is a call.
type entry struct {
	answers []string
	// asked: the outside was asked by this process.
	asked bool
}

// Name is that of the file.
func (b *Book) Name() string { return b.name }

// Ask gives the answers to calls, each a row of arguments, of a section: "model sentiment".
// live asks the outside about those of the numbers given, and gives the answers of each. The
// same call has the same answers for the life of the book; one without an answer is asked
// again where calls are made at all, since a lookup may be tried until there is a row.
func (b *Book) Ask(section string, calls []string, live func(which []int) ([][]string, error)) ([][]string, error) {
	if b == nil {
		return nil, diag.New(diag.Internal, "%s is asked again where its answers are on the tape", section)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	keys := make([]string, len(calls))
	for i, c := range calls {
		keys[i] = b.call(c)
	}
	have := b.sections[section]
	if have == nil {
		have = map[string]*entry{}
		b.sections[section] = have
	}
	var which []int
	first := map[string]bool{} // of calls that are made now
	for i, k := range keys {
		if !first[k] && b.makes(have[k]) {
			first[k] = true
			which = append(which, i)
		}
		if b.mode == Replay && have[k] == nil {
			return nil, b.missing(section, k, have)
		}
	}
	if len(which) > 0 {
		got, err := live(which)
		if err != nil {
			return nil, err
		}
		for n, i := range which {
			if err := b.keep(section, keys[i], got[n]); err != nil {
				return nil, err
			}
		}
	}
	out := make([][]string, len(calls))
	for i, k := range keys {
		out[i] = have[k].answers
	}
	return out, nil
}

// makes tells whether a call is made.
func (b *Book) makes(e *entry) bool {
	switch b.mode {
	case Replay:
		return false
	case Record:
		return e == nil || e.asked && len(e.answers) == 0
	}
	return e == nil || !e.asked || len(e.answers) == 0
}

// keep takes what the outside answered.
func (b *Book) keep(section, call string, answers []string) error {
	own := make([]string, len(answers))
	for i, a := range answers {
		own[i] = b.answer(a)
	}
	e := b.sections[section][call]
	if b.mode == Diff && (e == nil || !e.asked) {
		if e == nil {
			return diag.New(diag.Cassette, "%s: the call %s is not in %s", section, call, b.name).WithHint("mink test --cassettes record writes it down")
		}
		if !slices.Equal(e.answers, own) {
			return diag.New(diag.Cassette, "%s answers %s with %s, where %s has %s", section, call, rows(own), b.name, rows(e.answers)).
				WithHint("if the new answer is right, mink test --cassettes refresh writes it down")
		}
	}
	if e == nil {
		e = &entry{}
		b.sections[section][call] = e
	}
	b.changed = b.changed || !slices.Equal(e.answers, own) || !e.asked
	e.answers, e.asked = own, true
	return nil
}

// rows are answers in a line.
func rows(list []string) string {
	if len(list) == 0 {
		return "no row"
	}
	return strings.Join(list, ", ")
}

func (b *Book) missing(section, call string, have map[string]*entry) error {
	where := b.name
	if where == "" {
		where = "no file: the test has none"
	}
	e := diag.New(diag.Cassette, "a call to the outside is not recorded: %s is asked %s (%s)", section, call, where)
	if near := diag.Suggest(call, slices.Sorted(maps.Keys(have))); near != "" {
		return e.WithHint("recorded is %s; mink test --cassettes record makes the call once and writes it down", near)
	}
	return e.WithHint("mink test --cassettes record makes the call once and writes it down; or write it into the file by hand")
}

// save writes the file if it has changed.
func (b *Book) save() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.name == "" || !b.changed || b.mode != Record && b.mode != Refresh {
		return nil
	}
	text := b.format()
	if bytes.Equal(text, b.text) {
		return nil
	}
	if err := os.WriteFile(b.name, text, 0o666); err != nil {
		return diag.Wrap(diag.IO, err, "cannot write %s", b.name)
	}
	b.text, b.changed = text, false
	return nil
}

const head = "-- What tests ask of the outside, and what was answered: mink test --cassettes record\n"

// format is the text of the file.
func (b *Book) format() []byte {
	var w bytes.Buffer
	w.WriteString(head)
	for _, s := range slices.Sorted(maps.Keys(b.sections)) {
		if len(b.sections[s]) == 0 {
			continue
		}
		fmt.Fprintf(&w, "\n%s\n", s)
		for _, c := range slices.Sorted(maps.Keys(b.sections[s])) {
			fmt.Fprintf(&w, "  %s\n", c)
			for _, a := range b.sections[s][c].answers {
				fmt.Fprintf(&w, "    %s\n", a)
			}
		}
	}
	return w.Bytes()
}

// parse reads the text of a file.
func (b *Book) parse(text string) error {
	var section map[string]*entry
	var call *entry
	at := 0
	for raw := range strings.SplitAfterSeq(text, "\n") {
		line := strings.TrimRight(raw, " \t\r\n")
		lead := len(line) - len(strings.TrimLeft(line, " "))
		body := line[lead:]
		wrong := ""
		switch {
		case body == "" || strings.HasPrefix(body, "--"):
		case lead == 0:
			section, call = b.sections[body], nil
			if section == nil {
				section = map[string]*entry{}
				b.sections[body] = section
			}
		case !compact(&body):
			wrong = "a call or an answer is a row in JSON, {...}"
		case lead < 4 && section == nil:
			wrong = "no section stands above this call"
		case lead < 4:
			if section[body] != nil {
				wrong = "the call is there already"
				break
			}
			call = &entry{}
			section[body] = call
		case call == nil:
			wrong = "no call stands above this answer"
		default:
			call.answers = append(call.answers, body)
		}
		if wrong != "" {
			return diag.New(diag.Cassette, "%s:%d: %s", b.name, 1+strings.Count(text[:at], "\n"), wrong).
				WithHint("a section begins at the left, a call is indented by two blanks, its answers by four")
		}
		at += len(raw)
	}
	return nil
}

// compact takes blanks out of a row, so that it may be written by hand.
func compact(row *string) bool {
	var w bytes.Buffer
	if !strings.HasPrefix(*row, "{") || json.Compact(&w, []byte(*row)) != nil {
		return false
	}
	*row = w.String()
	return true
}
