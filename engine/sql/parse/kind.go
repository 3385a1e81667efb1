package parse

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/sql/token"
)

// Kind names a statement by its first words, in capitals: "SELECT", "CREATE TABLE", "DROP VIEW".
// Words that say how are left out, such as OR REPLACE and TEMPORARY. It looks at no more
// than the words, so it names what is no good statement as well; "" for a text without any.
func Kind(text string) string {
	var words []string
	for lex := token.NewLexer(text); len(words) < 2; {
		t := lex.Next()
		if t.Kind != token.Word {
			break
		}
		w := strings.ToUpper(t.Text)
		if slices.Contains([]string{"TEMPORARY", "OR", "REPLACE", "SYSTEM", "MATERIALIZED"}, w) && len(words) > 0 {
			continue
		}
		words = append(words, w)
		if !slices.Contains([]string{"CREATE", "DROP", "ALTER"}, words[0]) {
			break
		}
	}
	return strings.Join(words, " ")
}
