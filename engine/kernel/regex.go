package kernel

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
)

// Regex is a compiled regular expression of the set that Java and RE2 have in
// common. Matching begins with a search for a literal that every match contains.
// One Regex may be used by several goroutines.
type Regex struct {
	re     *regexp.Regexp
	simple *simpleRegex
	need   []byte // a literal in every match, or nil
	groups int
	// after matches one character and then the pattern. It is set for patterns that
	// match the empty string.
	after *regexp.Regexp
}

// CompileRegex compiles a pattern in Java's notation. The error has the position
// of what is wrong or not supported.
func CompileRegex(pattern string) (*Regex, error) {
	translated, err := translateRegex(pattern)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(translated, syntax.Perl)
	if err != nil {
		return nil, regexError(pattern, err)
	}
	re, err := regexp.Compile(translated)
	if err != nil {
		return nil, regexError(pattern, err)
	}
	r := &Regex{re: re, groups: re.NumSubexp()}
	r.simple = simplify(tree)
	r.need = requiredLiteral(tree.Simplify())
	if matchesEmpty(tree) {
		if r.after, err = regexp.Compile(`\A(?s:.)(?:` + translated + `)`); err != nil {
			return nil, regexError(pattern, err)
		}
	}
	return r, nil
}

// matchesEmpty reports whether t may match the empty string somewhere.
func matchesEmpty(t *syntax.Regexp) bool {
	switch t.Op {
	case syntax.OpLiteral, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpNoMatch:
		return false
	case syntax.OpRepeat:
		return t.Min == 0 || matchesEmpty(t.Sub[0])
	case syntax.OpPlus, syntax.OpCapture:
		return matchesEmpty(t.Sub[0])
	case syntax.OpConcat:
		for _, s := range t.Sub {
			if !matchesEmpty(s) {
				return false
			}
		}
	case syntax.OpAlternate:
		for _, s := range t.Sub {
			if matchesEmpty(s) {
				return true
			}
		}
		return false
	}
	return true
}

// Groups is the number of groups of the pattern.
func (r *Regex) Groups() int { return r.groups }

// Match reports whether s contains a match.
func (r *Regex) Match(s []byte) bool {
	if r.simple != nil {
		var m [4]int
		return r.simple.find(s, &m, 0)
	}
	if r.need != nil && !bytes.Contains(s, r.need) {
		return false
	}
	return r.re.Match(s)
}

// Group finds the first match and gives where group g of it lies; group 0 is the
// match. It reports false when there is no match, and from < 0 when the group took
// no part.
func (r *Regex) Group(s []byte, g int) (from, to int, ok bool) {
	if r.simple != nil {
		var m [4]int
		if !r.simple.find(s, &m, g) {
			return 0, 0, false
		}
		return m[2], m[3], true
	}
	if r.need != nil && !bytes.Contains(s, r.need) {
		return 0, 0, false
	}
	if g == 0 {
		loc := r.re.FindIndex(s)
		if loc == nil {
			return 0, 0, false
		}
		return loc[0], loc[1], true
	}
	loc := r.re.FindSubmatchIndex(s)
	if loc == nil {
		return 0, 0, false
	}
	return loc[2*g], loc[2*g+1], true
}

// Find returns all matches that do not overlap, each as the bounds of group g,
// -1 where the group took no part. As in Java an empty match may follow right
// behind one that is not.
func (r *Regex) Find(s []byte, g int) [][2]int {
	if r.need != nil && !bytes.Contains(s, r.need) {
		return nil
	}
	var out [][2]int
	if r.simple != nil && r.simple.any && len(r.simple.pieces) == 0 {
		for at := 0; ; {
			k := bytes.Index(s[at:], r.simple.literal)
			if k < 0 {
				return out
			}
			out = append(out, [2]int{at + k, at + k + len(r.simple.literal)})
			at += k + len(r.simple.literal)
		}
	}
	all := r.re.FindAllSubmatchIndex(s, -1)
	for i, m := range all {
		out = append(out, [2]int{m[2*g], m[2*g+1]})
		if r.after == nil || m[0] == m[1] || i+1 < len(all) && all[i+1][0] == m[1] {
			continue
		}
		_, size := utf8.DecodeLastRune(s[:m[1]])
		from := m[1] - size
		if e := r.after.FindSubmatchIndex(s[from:]); e != nil && e[1] == size {
			if e[2*g] < 0 {
				out = append(out, [2]int{-1, -1})
			} else {
				out = append(out, [2]int{m[1], m[1]})
			}
		}
	}
	return out
}

// requiredLiteral is the longest literal that every match contains, or nil.
func requiredLiteral(t *syntax.Regexp) []byte {
	switch t.Op {
	case syntax.OpLiteral:
		if t.Flags&syntax.FoldCase == 0 {
			return []byte(string(t.Rune))
		}
	case syntax.OpCapture, syntax.OpPlus:
		return requiredLiteral(t.Sub[0])
	case syntax.OpRepeat:
		if t.Min > 0 {
			return requiredLiteral(t.Sub[0])
		}
	case syntax.OpConcat:
		var best []byte
		for _, s := range t.Sub {
			if l := requiredLiteral(s); len(l) > len(best) {
				best = l
			}
		}
		return best
	}
	return nil
}

// Extract writes group g of the first match in each string to dst: parts of the
// strings, NULL where there is none. The group must exist.
func (r *Regex) Extract(dst *batch.Col, s *Strs, g, n int, live []uint64) {
	if r.simple != nil && r.simple.isRun(g) {
		r.simple.extractRun(dst, s, n, live)
		return
	}
	for i := range Lanes(n, live) {
		t := s.At(i)
		from, to, ok := r.Group(t, g)
		if !ok || from < 0 {
			dst.Views[i] = batch.View{}
			dst.SetNull(i, n)
			continue
		}
		dst.Views[i] = SubView(s.View(i), t, from, to)
	}
}

// simpleRegex is literal, then pieces that match in one way only, so that nothing
// is ever tried again. Before the literal may stand ^ or a choice of ^ and single
// bytes.
type simpleRegex struct {
	// before: what must precede the literal; atStart allows the start of the text,
	// set the bytes otherwise allowed. any means no condition.
	any, atStart bool
	set          *byteSet
	literal      []byte
	full         []byte // the literal with the only byte of set before it, or nil
	pieces       []simplePiece
	// groups: which part each group is: -1 the piece before the literal, i piece i.
	groups []int
}

// simplePiece is a run of bytes of a set, as long as can be, or a literal.
type simplePiece struct {
	literal []byte
	set     *byteSet
	min     int
	// stop is the only byte that set lacks, or -1.
	stop int
}

type byteSet [256]bool

// find finds the first match; m gets its bounds and those of group g.
func (r *simpleRegex) find(s []byte, m *[4]int, g int) bool {
	if r.full != nil {
		return r.findFull(s, m, g)
	}
	for at := 0; at+len(r.literal) <= len(s); {
		k := bytes.Index(s[at:], r.literal)
		if k < 0 {
			return false
		}
		k += at
		start, ok := r.precedes(s, k)
		if ok && r.match(s, start, k, m, g) {
			return true
		}
		at = k + 1
	}
	return false
}

// findFull is find with one byte before the literal, which are searched for together:
// a rare byte such as & in front makes that faster.
func (r *simpleRegex) findFull(s []byte, m *[4]int, g int) bool {
	if r.atStart && bytes.HasPrefix(s, r.literal) && r.match(s, 0, 0, m, g) {
		return true
	}
	for at := 0; ; at++ {
		k := bytes.Index(s[at:], r.full)
		if k < 0 {
			return false
		}
		if at += k; r.match(s, at, at+1, m, g) {
			return true
		}
	}
}

// isRun reports whether group g is all up to a byte behind a literal with one byte
// before it, as in (&|^)id=([^&]*).
func (r *simpleRegex) isRun(g int) bool {
	return r.full != nil && g > 0 && r.groups[g-1] == 0 && len(r.pieces) == 1 && r.pieces[0].stop >= 0 && r.pieces[0].min == 0
}

// extractRun is Extract of such a group.
func (r *simpleRegex) extractRun(dst *batch.Col, s *Strs, n int, live []uint64) {
	stop := byte(r.pieces[0].stop)
	for i := range Lanes(n, live) {
		t := s.At(i)
		from := len(r.literal)
		if !r.atStart || !bytes.HasPrefix(t, r.literal) {
			k := bytes.Index(t, r.full)
			if k < 0 {
				dst.Views[i] = batch.View{}
				dst.SetNull(i, n)
				continue
			}
			from = k + len(r.full)
		}
		to := len(t)
		if k := bytes.IndexByte(t[from:], stop); k >= 0 {
			to = from + k
		}
		dst.Views[i] = SubView(s.View(i), t, from, to)
	}
}

// match checks what stands behind the literal at k, in a match that begins at start.
func (r *simpleRegex) match(s []byte, start, k int, m *[4]int, g int) bool {
	m[0] = start
	if !r.rest(s, k+len(r.literal), m, g) {
		return false
	}
	if g == 0 {
		m[2], m[3] = m[0], m[1]
	} else if r.groups[g-1] < 0 {
		m[2], m[3] = start, k
	}
	return true
}

// precedes checks what stands before the literal at k and gives where the match
// begins.
func (r *simpleRegex) precedes(s []byte, k int) (int, bool) {
	switch {
	case r.any:
		return k, true
	case k > 0 && r.set != nil && r.set[s[k-1]]:
		return k - 1, true
	case k == 0 && r.atStart:
		return k, true
	}
	return 0, false
}

func (r *simpleRegex) rest(s []byte, at int, m *[4]int, g int) bool {
	for i := range r.pieces {
		p := &r.pieces[i]
		from := at
		if p.set != nil {
			if p.stop >= 0 {
				if k := bytes.IndexByte(s[at:], byte(p.stop)); k >= 0 {
					at += k
				} else {
					at = len(s)
				}
			} else {
				for at < len(s) && p.set[s[at]] {
					at++
				}
			}
			if at-from < p.min {
				return false
			}
		} else {
			if !bytes.HasPrefix(s[at:], p.literal) {
				return false
			}
			at += len(p.literal)
		}
		if g > 0 && r.groups[g-1] == i {
			m[2], m[3] = from, at
		}
	}
	m[1] = at
	return true
}

// simplify recognises a literal and the shape of simpleRegex, or returns nil.
func simplify(t *syntax.Regexp) *simpleRegex {
	if lit, ok := plainLiteral(t); ok && len(lit) > 0 {
		return &simpleRegex{any: true, literal: lit}
	}
	if t.Op != syntax.OpConcat {
		return nil
	}
	r := &simpleRegex{any: true}
	sub := t.Sub
	if set, atStart, group, ok := beforeOf(sub[0]); ok {
		r.any, r.set, r.atStart = false, set, atStart
		if group {
			r.groups = append(r.groups, -1)
		}
		sub = sub[1:]
	}
	if len(sub) == 0 {
		return nil
	}
	lit, ok := plainLiteral(sub[0])
	if !ok {
		return nil
	}
	r.literal = lit
	if b, ok := r.set.only(); ok {
		r.full = append([]byte{b}, lit...)
	}
	for _, s := range sub[1:] {
		if s.Op == syntax.OpCapture {
			r.groups = append(r.groups, len(r.pieces))
			s = s.Sub[0]
		}
		p, ok := pieceOf(s)
		if !ok {
			return nil
		}
		// A run must not eat what the piece behind it needs.
		if k := len(r.pieces); k > 0 && r.pieces[k-1].set != nil && overlap(r.pieces[k-1].set, p) {
			return nil
		}
		r.pieces = append(r.pieces, p)
	}
	return r
}

// beforeOf reads (&|^), (^|&) or ^ before the literal.
func beforeOf(t *syntax.Regexp) (set *byteSet, atStart, group, ok bool) {
	if t.Op == syntax.OpCapture {
		group, t = true, t.Sub[0]
	}
	if t.Op == syntax.OpBeginText {
		return nil, true, group, true
	}
	if t.Op != syntax.OpAlternate {
		return nil, false, false, false
	}
	for _, s := range t.Sub {
		switch {
		case s.Op == syntax.OpBeginText:
			atStart = true
		case s.Op == syntax.OpLiteral && len(s.Rune) == 1 && s.Rune[0] < 0x80 && s.Flags&syntax.FoldCase == 0:
			if set == nil {
				set = &byteSet{}
			}
			set[s.Rune[0]] = true
		default:
			return nil, false, false, false
		}
	}
	return set, atStart, group, true
}

func plainLiteral(t *syntax.Regexp) ([]byte, bool) {
	if t.Op != syntax.OpLiteral || t.Flags&syntax.FoldCase != 0 {
		return nil, false
	}
	return []byte(string(t.Rune)), true
}

// pieceOf reads a literal or a class with star or plus.
func pieceOf(t *syntax.Regexp) (simplePiece, bool) {
	if lit, ok := plainLiteral(t); ok {
		return simplePiece{literal: lit}, true
	}
	if t.Op != syntax.OpStar && t.Op != syntax.OpPlus || t.Flags&syntax.NonGreedy != 0 {
		return simplePiece{}, false
	}
	set, ok := bytesOf(t.Sub[0])
	p := simplePiece{set: set, stop: -1}
	if ok {
		p.stop = set.missing()
	}
	if t.Op == syntax.OpPlus {
		p.min = 1
	}
	return p, ok
}

// bytesOf is a class as a set of bytes. It must hold all code points beyond ASCII
// or none, so that bytes of UTF-8 can be taken one by one.
func bytesOf(t *syntax.Regexp) (*byteSet, bool) {
	if t.Op != syntax.OpCharClass {
		return nil, false
	}
	set := &byteSet{}
	beyond := false
	for i := 0; i < len(t.Rune); i += 2 {
		low, high := t.Rune[i], t.Rune[i+1]
		for r := low; r <= high && r < 0x80; r++ {
			set[r] = true
		}
		if high >= 0x80 {
			if low > 0x80 || high < 0x10FFFF {
				return nil, false
			}
			beyond = true
		}
	}
	for i := 0x80; i < 0x100; i++ {
		set[i] = beyond
	}
	return set, true
}

// only is the byte of a set of one; s may be nil.
func (s *byteSet) only() (b byte, ok bool) {
	if s == nil {
		return 0, false
	}
	for i, in := range s {
		if in && ok {
			return 0, false
		}
		if in {
			b, ok = byte(i), true
		}
	}
	return b, ok
}

// missing is the only byte that the set lacks, or -1.
func (s *byteSet) missing() int {
	stop := -1
	for i, in := range s {
		switch {
		case in:
		case stop >= 0:
			return -1
		default:
			stop = i
		}
	}
	return stop
}

// overlap reports whether a run of set could take the first byte of p.
func overlap(set *byteSet, p simplePiece) bool {
	if p.literal != nil {
		return set[p.literal[0]]
	}
	if p.min == 0 {
		return true
	}
	for i := range set {
		if set[i] && p.set[i] {
			return true
		}
	}
	return false
}
