package cassette

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// hidden stands for a secret.
const hidden = "***"

// callTextMax is the most bytes of a text in a call that are written; a longer one is cut
// to half of that, and its hash tells it from others.
const callTextMax = 200

var (
	field  = regexp.MustCompile(`"((?:[^"\\]|\\.)*)":("(?:[^"\\]|\\.)*"|[-+0-9.eE]+|true|false)`)
	quoted = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	tokens = regexp.MustCompile(`(?i)\b(bearer|basic) +[a-z0-9+/._~=-]{8,}|\b(sk|pk|rk|ghp|gho|xox[abp])[-_][A-Za-z0-9_-]{16,}|\bAKIA[A-Z0-9]{16}\b|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+`)
)

// Hide tells the book of options: the values of secret ones are left out of all it has.
func (b *Book) Hide(o connect.Options, decl []connect.Option) {
	b.mu.Lock()
	defer b.mu.Unlock()
	shown := connect.Redact(o, decl)
	for k, v := range o {
		if shown[k] != v && len(v) >= 4 && !slices.Contains(b.secrets, v) {
			b.secrets = append(b.secrets, v)
		}
	}
	// Longer ones first, so that a part of one does not hide it.
	slices.SortFunc(b.secrets, func(x, y string) int { return len(y) - len(x) })
}

// answer is a row without secrets.
func (b *Book) answer(row string) string {
	for _, s := range b.secrets {
		row = strings.ReplaceAll(row, s, hidden)
	}
	row = tokens.ReplaceAllString(row, hidden)
	return field.ReplaceAllStringFunc(row, func(f string) string {
		m := field.FindStringSubmatch(f)
		if !diag.IsSecret(strings.ReplaceAll(m[1], "_", "-")) {
			return f
		}
		if m[2][0] != '"' {
			return `"` + m[1] + `":null`
		}
		return `"` + m[1] + `":"` + hidden + `"`
	})
}

// call is a row of arguments without secrets, long texts cut.
func (b *Book) call(row string) string {
	return quoted.ReplaceAllStringFunc(b.answer(row), func(q string) string {
		if len(q) <= callTextMax {
			return q
		}
		sum := sha256.Sum256([]byte(q))
		cut := q[:callTextMax/2]
		for !utf8.ValidString(cut) {
			cut = cut[:len(cut)-1]
		}
		if i := strings.LastIndexByte(cut, '\\'); i >= len(cut)-6 && i > 0 {
			cut = cut[:i] // an escape stays whole
		}
		return cut + `... sha256:` + hex.EncodeToString(sum[:8]) + `"`
	})
}
