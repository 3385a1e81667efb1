package kernel

import "bytes"

// FindChecked checks a document and gives the value that the path leads to, in one
// pass. valid is false when s is no JSON; from < 0 when the path finds nothing. It
// serves paths that are Direct.
func (p *JSONPath) FindChecked(s []byte) (from, to int, valid bool) {
	end, from, to, ok := findValue(s, skipSpace(s, 0), JSONDepth, p.steps)
	if !ok || skipSpace(s, end) != len(s) {
		return -1, -1, false
	}
	return from, to, true
}

// Direct reports whether FindChecked can follow the path: one value, and no index that
// counts from the end.
func (p *JSONPath) Direct() bool {
	for _, st := range p.steps {
		if st.all || st.index < 0 {
			return false
		}
	}
	return true
}

// findValue checks the value at i as checkValue does and finds where steps lead in it.
func findValue(s []byte, i, depth int, steps []jsonStep) (end, from, to int, ok bool) {
	if len(steps) == 0 {
		end, ok = checkValue(s, i, depth)
		return end, i, end, ok
	}
	if i < len(s) && depth > 0 {
		switch {
		case s[i] == '{' && steps[0].named:
			return findMember(s, i, depth, steps)
		case s[i] == '[' && !steps[0].named:
			return findElement(s, i, depth, steps)
		}
	}
	end, ok = checkValue(s, i, depth)
	return end, -1, -1, ok
}

// findMember is findValue of an object; of members with the same name the last counts.
func findMember(s []byte, i, depth int, steps []jsonStep) (end, from, to int, ok bool) {
	from, to = -1, -1
	key := steps[0].key
	i = skipSpace(s, i+1)
	if i < len(s) && s[i] == '}' {
		return i + 1, from, to, true
	}
	for {
		if i >= len(s) || s[i] != '"' {
			return i, from, to, false
		}
		name := i
		var escaped bool
		if i, escaped, ok = scanString(s, i); !ok {
			return i, from, to, false
		}
		same := string(s[name+1:i-1]) == string(key)
		if escaped && !same {
			same = bytes.Equal(AppendUnquoted(nil, s[name:i]), key)
		}
		if i = skipSpace(s, i); i >= len(s) || s[i] != ':' {
			return i, from, to, false
		}
		i = skipSpace(s, i+1)
		if same {
			i, from, to, ok = findValue(s, i, depth-1, steps[1:])
		} else {
			i, ok = checkValue(s, i, depth-1)
		}
		if !ok {
			return i, from, to, false
		}
		if i = skipSpace(s, i); i >= len(s) || s[i] != ',' {
			return i + 1, from, to, i < len(s) && s[i] == '}'
		}
		i = skipSpace(s, i+1)
	}
}

// findElement is findValue of an array.
func findElement(s []byte, i, depth int, steps []jsonStep) (end, from, to int, ok bool) {
	from, to = -1, -1
	i = skipSpace(s, i+1)
	if i < len(s) && s[i] == ']' {
		return i + 1, from, to, true
	}
	for k := 0; ; k++ {
		if k == steps[0].index {
			i, from, to, ok = findValue(s, i, depth-1, steps[1:])
		} else {
			i, ok = checkValue(s, i, depth-1)
		}
		if !ok {
			return i, from, to, false
		}
		if i = skipSpace(s, i); i >= len(s) || s[i] != ',' {
			return i + 1, from, to, i < len(s) && s[i] == ']'
		}
		i = skipSpace(s, i+1)
	}
}
