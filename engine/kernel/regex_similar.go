package kernel

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// CompileSimilar compiles a pattern of SIMILAR TO: a regular expression of SQL
// that must match the whole text, in which % is any text and _ or . one code point.
// escape is 0 for none.
func CompileSimilar(pattern string, escape rune) (*Regex, error) {
	var b strings.Builder
	b.WriteString(`(?s)\A(?:`)
	for i := 0; i < len(pattern); {
		r, k := utf8.DecodeRuneInString(pattern[i:])
		switch {
		case escape != 0 && r == escape:
			i += k
			if i >= len(pattern) {
				return nil, fmt.Errorf("the pattern ends with its escape character")
			}
			r, k = utf8.DecodeRuneInString(pattern[i:])
			b.WriteString(quoteRune(r))
		case r == '%':
			b.WriteString(`.*`)
		case r == '_', r == '.': // Flink leaves '.' as in its regular expressions
			b.WriteByte('.')
		case r == '[':
			end, err := similarClass(&b, pattern, i)
			if err != nil {
				return nil, err
			}
			i = end
			continue
		case strings.ContainsRune("|*+?{}()", r) || r == ',' || r >= '0' && r <= '9':
			if r == '(' {
				b.WriteString("(?:")
				break
			}
			b.WriteRune(r)
		default:
			b.WriteString(quoteRune(r))
		}
		i += k
	}
	b.WriteString(`)\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, regexError(pattern, err)
	}
	return &Regex{re: re}, nil
}

// similarNames are the classes of SQL.
var similarNames = map[string]string{
	"[:ALPHA:]": "[:alpha:]", "[:alpha:]": "[:alpha:]", "[:UPPER:]": "[:upper:]", "[:upper:]": "[:upper:]",
	"[:LOWER:]": "[:lower:]", "[:lower:]": "[:lower:]", "[:DIGIT:]": "[:digit:]", "[:digit:]": "[:digit:]",
	"[:SPACE:]": " ", "[:space:]": " ", "[:WHITESPACE:]": "[:space:]", "[:whitespace:]": "[:space:]",
	"[:ALNUM:]": "[:alnum:]", "[:alnum:]": "[:alnum:]",
}

// similarClass rewrites [...] at i and gives the index behind it.
func similarClass(b *strings.Builder, s string, i int) (int, error) {
	b.WriteByte('[')
	for k := i + 1; k < len(s); {
		switch {
		case s[k] == ']':
			b.WriteByte(']')
			return k + 1, nil
		case s[k] == '^' && k == i+1, s[k] == '-':
			b.WriteByte(s[k])
			k++
		case strings.HasPrefix(s[k:], "[:"):
			end := strings.Index(s[k:], ":]")
			if end < 0 {
				return 0, fmt.Errorf("class at %d of the pattern is not closed", k+1)
			}
			name, ok := similarNames[s[k:k+end+2]]
			if !ok {
				return 0, fmt.Errorf("unknown class %s at %d of the pattern", s[k:k+end+2], k+1)
			}
			b.WriteString(name)
			k += end + 2
		default:
			r, n := utf8.DecodeRuneInString(s[k:])
			b.WriteString(quoteRune(r))
			k += n
		}
	}
	return 0, fmt.Errorf("class at %d of the pattern is not closed", i+1)
}
