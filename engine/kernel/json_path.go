package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// JSONPath is a compiled path into JSON documents: $, .name, ['name'], [0], [*], .*
// with the prefix lax or strict.
type JSONPath struct {
	// Lax paths find nothing where strict ones, the default, are mistaken.
	Lax bool
	// Many is set when the path may find several values.
	Many bool
	// Mistake is what is wrong with a path that no document has anything for, or nil.
	Mistake error
	steps   []jsonStep
}

type jsonStep struct {
	key   []byte
	index int  // from 0; negative from the end
	named bool // a member of an object
	all   bool // every member or element
}

// ErrJSONPathUnsupported is a path of a kind that Find does not know.
var ErrJSONPathUnsupported = errors.New("not supported yet")

// CompileJSONPath reads a path; $ and its point may be left out. A path that makes no
// sense is one with a Mistake; the error is ErrJSONPathUnsupported.
func CompileJSONPath(text string) (*JSONPath, error) {
	p := &JSONPath{}
	s := strings.TrimSpace(text)
	if mode, rest, ok := strings.Cut(s, " "); ok {
		switch strings.ToLower(mode) {
		case "lax":
			p.Lax, s = true, strings.TrimSpace(rest)
		case "strict":
			s = strings.TrimSpace(rest)
		}
	}
	switch {
	case s == "":
		p.Mistake = errors.New("the JSON path is empty")
		return p, nil
	case s[0] == '$':
		s = s[1:]
	default: // a.b is $.a.b
		s = "." + s
	}
	for s != "" {
		var st jsonStep
		var err error
		st, s, err = jsonPathStep(s)
		if err != nil {
			err = fmt.Errorf("the JSON path %q: %w", text, err)
			if errors.Is(err, ErrJSONPathUnsupported) {
				return nil, err
			}
			p.Mistake = err
			return p, nil
		}
		p.Many = p.Many || st.all
		p.steps = append(p.steps, st)
	}
	return p, nil
}

// jsonPathStep reads one step.
func jsonPathStep(s string) (jsonStep, string, error) {
	if strings.HasPrefix(s, "..") {
		return jsonStep{}, "", fmt.Errorf("search at any depth (..) is %w", ErrJSONPathUnsupported)
	}
	if strings.HasPrefix(s, ".[") {
		s = s[1:]
	}
	if s[0] == '.' {
		end := strings.IndexAny(s[1:], ".[") + 1
		if end == 0 {
			end = len(s)
		}
		name := strings.TrimSpace(s[1:end])
		switch {
		case name == "":
			return jsonStep{}, "", fmt.Errorf("a name is missing behind a point")
		case name == "*":
			return jsonStep{all: true, named: true}, s[end:], nil
		case strings.ContainsAny(name, "()?@"):
			return jsonStep{}, "", fmt.Errorf("%q is %w", name, ErrJSONPathUnsupported)
		case strings.ContainsAny(name, " \t\r\n"):
			return jsonStep{}, "", fmt.Errorf("a name with blanks stands in brackets: ['%s']", name)
		}
		return jsonStep{named: true, key: []byte(name)}, s[end:], nil
	}
	if s[0] != '[' {
		return jsonStep{}, "", fmt.Errorf("unexpected %q", s)
	}
	inner := strings.TrimLeft(s[1:], " ")
	if inner != "" && (inner[0] == '\'' || inner[0] == '"') {
		end := strings.IndexByte(inner[1:], inner[0]) + 1
		if end == 0 {
			return jsonStep{}, "", fmt.Errorf("a quote is not closed")
		}
		rest := strings.TrimLeft(inner[end+1:], " ")
		if !strings.HasPrefix(rest, "]") {
			return jsonStep{}, "", fmt.Errorf("a ] is missing")
		}
		return jsonStep{named: true, key: []byte(inner[1:end])}, rest[1:], nil
	}
	text, rest, ok := strings.Cut(inner, "]")
	if !ok {
		return jsonStep{}, "", fmt.Errorf("a ] is missing")
	}
	text = strings.TrimSpace(text)
	if text == "*" {
		return jsonStep{all: true}, rest, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return jsonStep{}, "", fmt.Errorf("[%s] is %w", text, ErrJSONPathUnsupported)
	}
	return jsonStep{index: n}, rest, nil
}

// Find gives the values that the path leads to in a checked document, as spans of s,
// appended to spans. found is false when a step finds nothing.
func (p *JSONPath) Find(s []byte, spans [][2]int) (out [][2]int, found bool) {
	from := skipSpace(s, 0)
	return jsonFind(s, from, p.steps, spans)
}

func jsonFind(s []byte, i int, steps []jsonStep, spans [][2]int) ([][2]int, bool) {
	for k, st := range steps {
		kind := kindAt(s, i)
		if st.all {
			return jsonFindAll(s, i, kind, steps[k+1:], spans)
		}
		next := -1
		switch {
		case st.named && kind == JSONObject:
			next = member(s, i, st.key)
		case !st.named && kind == JSONArray:
			next = elementAt(s, i, st.index)
		}
		if next < 0 {
			return spans, false
		}
		i = next
	}
	return append(spans, [2]int{i, skipValue(s, i)}), true
}

// jsonFindAll goes on from every part of a value; parts that lack the rest of the
// path are passed over. A value without parts has none, as an empty array has.
func jsonFindAll(s []byte, i int, kind JSONKind, steps []jsonStep, spans [][2]int) ([][2]int, bool) {
	if kind != JSONObject && kind != JSONArray {
		return spans, true
	}
	for i = skipSpace(s, i+1); s[i] != '}' && s[i] != ']'; i = skipSpace(s, i) {
		if s[i] == ',' {
			i = skipSpace(s, i+1)
		}
		if kind == JSONObject {
			i = skipSpace(s, skipSpace(s, skipString(s, i))+1)
		}
		spans, _ = jsonFind(s, i, steps, spans)
		i = skipValue(s, i)
	}
	return spans, true
}

// member is where the value of a key begins, or -1; the last one counts.
func member(s []byte, i int, key []byte) int {
	at := -1
	for i = skipSpace(s, i+1); s[i] != '}'; i = skipSpace(s, i) {
		if s[i] == ',' {
			i = skipSpace(s, i+1)
		}
		end := skipString(s, i)
		name := s[i+1 : end-1]
		same := bytes.Equal(name, key)
		if !same && bytes.IndexByte(name, '\\') >= 0 {
			same = bytes.Equal(AppendUnquoted(nil, s[i:end]), key)
		}
		i = skipSpace(s, skipSpace(s, end)+1)
		if same {
			at = i
		}
		i = skipValue(s, i)
	}
	return at
}

// elementAt is where an element of an array begins, or -1.
func elementAt(s []byte, i, index int) int {
	if index < 0 {
		n := 0
		for k := skipSpace(s, i+1); s[k] != ']'; k = skipSpace(s, skipValue(s, k)) {
			if s[k] == ',' {
				k = skipSpace(s, k+1)
			}
			n++
		}
		if index += n; index < 0 {
			return -1
		}
	}
	for i = skipSpace(s, i+1); s[i] != ']'; i = skipSpace(s, skipValue(s, i)) {
		if s[i] == ',' {
			i = skipSpace(s, i+1)
		}
		if index == 0 {
			return i
		}
		index--
	}
	return -1
}
