package kernel

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
)

// likeKind is the shape of a LIKE pattern.
type likeKind uint8

const (
	likeEqual    likeKind = iota // abc
	likePrefix                   // abc%
	likeSuffix                   // %abc
	likeContains                 // %abc%
	likeBoth                     // abc%xyz
	likeSegments                 // the rest
)

// Like is a compiled LIKE pattern.
type Like struct {
	kind likeKind
	text []byte
	tail []byte // likeBoth: what follows the percent sign
	// segments are the parts between percent signs; in them a nil byte run stands
	// for one code point.
	segments   [][]likePart
	open, shut bool // begins, ends with a percent sign
}

// likePart is literal text, or any one code point when text is nil.
type likePart struct{ text []byte }

// CompileLike reads a pattern in which % is any text and _ one code point. escape
// is the character that takes the meaning from the next one, or 0.
func CompileLike(pattern []byte, escape rune) (*Like, error) {
	l := &Like{}
	var seg []likePart
	var text []byte
	percent := 0
	endText := func() {
		if len(text) > 0 {
			seg = append(seg, likePart{text})
			text = nil
		}
	}
	endSegment := func() {
		endText()
		if len(seg) > 0 {
			l.segments = append(l.segments, seg)
			seg = nil
		}
	}
	for i := 0; i < len(pattern); {
		r, k := utf8.DecodeRune(pattern[i:])
		switch {
		case escape != 0 && r == escape:
			i += k
			if i == len(pattern) {
				return nil, fmt.Errorf("the pattern ends with its escape character")
			}
			r, k = utf8.DecodeRune(pattern[i:])
			if r != '%' && r != '_' && r != escape {
				return nil, fmt.Errorf("character %q at %d of the pattern cannot be escaped", r, i+1)
			}
			text = append(text, pattern[i:i+k]...)
		case r == '%':
			if i == 0 {
				l.open = true
			}
			l.shut = i+k == len(pattern)
			percent++
			endSegment()
		case r == '_':
			endText()
			seg = append(seg, likePart{})
		default:
			text = append(text, pattern[i:i+k]...)
		}
		i += k
	}
	endSegment()
	l.classify(percent)
	return l, nil
}

// classify picks the fast shapes.
func (l *Like) classify(percent int) {
	l.kind = likeSegments
	plain := func(i int) []byte {
		if len(l.segments[i]) == 1 {
			return l.segments[i][0].text
		}
		return nil
	}
	switch {
	case len(l.segments) == 0 && percent == 0:
		l.kind = likeEqual
	case len(l.segments) == 0:
		l.kind = likeContains
	case len(l.segments) == 1 && plain(0) != nil:
		l.text = plain(0)
		switch {
		case l.open && l.shut:
			l.kind = likeContains
		case l.open:
			l.kind = likeSuffix
		case l.shut:
			l.kind = likePrefix
		default:
			l.kind = likeEqual
		}
	case len(l.segments) == 2 && !l.open && !l.shut && plain(0) != nil && plain(1) != nil:
		l.kind, l.text, l.tail = likeBoth, plain(0), plain(1)
	}
}

// Match reports whether s matches the whole pattern.
func (l *Like) Match(s []byte) bool {
	switch l.kind {
	case likeEqual:
		return bytes.Equal(s, l.text)
	case likePrefix:
		return bytes.HasPrefix(s, l.text)
	case likeSuffix:
		return bytes.HasSuffix(s, l.text)
	case likeContains:
		return bytes.Contains(s, l.text)
	case likeBoth:
		return len(s) >= len(l.text)+len(l.tail) && bytes.HasPrefix(s, l.text) && bytes.HasSuffix(s, l.tail)
	}
	return l.matchSegments(s)
}

// matchSegments puts each segment at its first place; only the last may have to
// stand at the end.
func (l *Like) matchSegments(s []byte) bool {
	segs := l.segments
	if !l.open {
		k, ok := matchAt(segs[0], s)
		if !ok {
			return false
		}
		if len(segs) == 1 && !l.shut {
			return k == len(s)
		}
		s, segs = s[k:], segs[1:]
	}
	for i, seg := range segs {
		if i == len(segs)-1 && !l.shut {
			return matchEnd(seg, s)
		}
		k, ok := find(seg, s)
		if !ok {
			return false
		}
		s = s[k:]
	}
	return true
}

// matchAt matches a segment at the start of s and gives its length there.
func matchAt(seg []likePart, s []byte) (int, bool) {
	at := 0
	for _, p := range seg {
		if p.text != nil {
			if !bytes.HasPrefix(s[at:], p.text) {
				return 0, false
			}
			at += len(p.text)
			continue
		}
		if at >= len(s) {
			return 0, false
		}
		_, k := utf8.DecodeRune(s[at:])
		at += k
	}
	return at, true
}

// find finds the first place of a segment and gives the end of it.
func find(seg []likePart, s []byte) (int, bool) {
	for at := 0; ; {
		if seg[0].text != nil {
			k := bytes.Index(s[at:], seg[0].text)
			if k < 0 {
				return 0, false
			}
			at += k
		}
		if k, ok := matchAt(seg, s[at:]); ok {
			return at + k, true
		}
		if at >= len(s) {
			return 0, false
		}
		_, k := utf8.DecodeRune(s[at:])
		at += k
	}
}

// matchEnd matches a segment at the end of s.
func matchEnd(seg []likePart, s []byte) bool {
	at := len(s)
	for i := len(seg) - 1; i >= 0; i-- {
		if t := seg[i].text; t != nil {
			if !bytes.HasSuffix(s[:at], t) {
				return false
			}
			at -= len(t)
			continue
		}
		if at == 0 {
			return false
		}
		_, k := utf8.DecodeLastRune(s[:at])
		at -= k
	}
	return true
}

// MatchCol sets the bits of dst for the live lanes of c that match.
func (l *Like) MatchCol(dst []uint64, c *batch.Col, n int, live []uint64) {
	s := StrsOf(c)
	if l.kind == likeEqual && len(l.text) <= batch.InlineMax {
		y := batch.MakeInline(l.text)
		Test1(dst, c.Views[:n], func(x batch.View) bool { return x == y })
		return
	}
	if l.kind == likePrefix {
		l.matchPrefix(dst, &s, n, live)
		return
	}
	for i := range Lanes(n, live) {
		if l.Match(s.At(i)) {
			batch.SetBit(dst, i)
		}
	}
}

// matchPrefix looks at the first four bytes in the view before it goes to the
// buffer.
func (l *Like) matchPrefix(dst []uint64, s *Strs, n int, live []uint64) {
	k := len(l.text)
	var first [4]byte
	copy(first[:], l.text)
	want := uint32(first[0]) | uint32(first[1])<<8 | uint32(first[2])<<16 | uint32(first[3])<<24
	mask := ^uint32(0)
	if k < 4 {
		mask = 1<<(8*k) - 1
	}
	for i := range Lanes(n, live) {
		v := s.View(i)
		if v.Len() < k || uint32(v.A>>32)&mask != want {
			continue
		}
		if k <= 4 || bytes.HasPrefix(s.At(i), l.text) {
			batch.SetBit(dst, i)
		}
	}
}
