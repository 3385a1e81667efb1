package scalar_test

// jsonScan checks one JSON document by hand and looks for a member of the outermost
// object: the plain loop beside JSON_VALUE, which must refuse what is no JSON.
type jsonScan struct {
	s []byte
	i int
}

// member gives where the text of the string member lies. ok is false if the document is
// no JSON or has no such member.
func (p *jsonScan) member(name string) (from, to int, ok bool) {
	found := false
	p.space()
	if !p.take('{') {
		return 0, 0, false
	}
	for p.space(); ; p.space() {
		at := p.i
		if !p.text() {
			return 0, 0, false
		}
		same := string(p.s[at+1:p.i-1]) == name
		if p.space(); !p.take(':') {
			return 0, 0, false
		}
		p.space()
		at = p.i
		if !p.value() {
			return 0, 0, false
		}
		if same && p.s[at] == '"' {
			from, to, found = at+1, p.i-1, true
		}
		if p.space(); !p.take(',') {
			break
		}
	}
	if !p.take('}') {
		return 0, 0, false
	}
	p.space()
	return from, to, found && p.i == len(p.s)
}

func (p *jsonScan) space() {
	for p.i < len(p.s) && (p.s[p.i] == ' ' || p.s[p.i] == '\n' || p.s[p.i] == '\t' || p.s[p.i] == '\r') {
		p.i++
	}
}

func (p *jsonScan) take(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *jsonScan) word(w string) bool {
	if len(p.s)-p.i < len(w) || string(p.s[p.i:p.i+len(w)]) != w {
		return false
	}
	p.i += len(w)
	return true
}

func (p *jsonScan) value() bool {
	if p.i >= len(p.s) {
		return false
	}
	switch p.s[p.i] {
	case '"':
		return p.text()
	case '{':
		return p.list('}', true)
	case '[':
		return p.list(']', false)
	case 't':
		return p.word("true")
	case 'f':
		return p.word("false")
	case 'n':
		return p.word("null")
	}
	return p.number()
}

func (p *jsonScan) list(end byte, named bool) bool {
	p.i++
	if p.space(); p.take(end) {
		return true
	}
	for {
		if named {
			if p.space(); !p.text() {
				return false
			}
			if p.space(); !p.take(':') {
				return false
			}
		}
		if p.space(); !p.value() {
			return false
		}
		if p.space(); !p.take(',') {
			return p.take(end)
		}
	}
}

func (p *jsonScan) text() bool {
	if !p.take('"') {
		return false
	}
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return true
		case c < 0x20:
			return false
		case c == '\\':
			if p.i++; p.i >= len(p.s) {
				return false
			}
			switch p.s[p.i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					if p.i++; p.i >= len(p.s) || !isHex(p.s[p.i]) {
						return false
					}
				}
			default:
				return false
			}
		}
	}
	return false
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func (p *jsonScan) digits() bool {
	from := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	return p.i > from
}

func (p *jsonScan) number() bool {
	p.take('-')
	if !p.take('0') && !p.digits() {
		return false
	}
	if p.take('.') && !p.digits() {
		return false
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		return p.digits()
	}
	return true
}
