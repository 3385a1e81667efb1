package engine

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/sql/token"
)

// beginnings are the words that statements begin with.
var beginnings = []string{
	"ADD JAR", "ALTER", "ANALYZE TABLE", "BEGIN STATEMENT SET", "CALL", "COMPILE PLAN", "CREATE", "DELETE FROM", "DESCRIBE", "DROP", "END",
	"EXECUTE", "EXPLAIN", "INSERT INTO", "INSERT OVERWRITE", "LOAD MODULE", "RESET", "SELECT", "SET", "SHOW", "STOP JOB",
	"TRUNCATE TABLE", "UNLOAD MODULE", "UPDATE", "USE", "VALUES", "WITH",
}

// objects are what CREATE, ALTER, DROP and SHOW can be followed by.
var objects = map[string][]string{
	"CREATE": {"CATALOG", "DATABASE", "FUNCTION", "MATERIALIZED TABLE", "MODEL", "TABLE", "TEMPORARY FUNCTION", "TEMPORARY TABLE", "TEMPORARY VIEW", "VIEW"},
	"ALTER":  {"CATALOG", "DATABASE", "FUNCTION", "MATERIALIZED TABLE", "MODEL", "TABLE", "VIEW"},
	"DROP":   {"CATALOG", "DATABASE", "FUNCTION", "MATERIALIZED TABLE", "MODEL", "TABLE", "TEMPORARY FUNCTION", "TEMPORARY TABLE", "TEMPORARY VIEW", "VIEW"},
	"SHOW": {
		"CATALOGS", "COLUMNS", "CREATE", "CURRENT CATALOG", "CURRENT DATABASE", "DATABASES", "FULL MODULES", "FUNCTIONS", "JARS", "JOBS",
		"MATERIALIZED TABLES", "MODELS", "MODULES", "PARTITIONS", "PROCEDURES", "TABLES", "USER FUNCTIONS", "VIEWS",
	},
	"USE": {"CATALOG", "MODULES"},
}

// Complete lists how a statement may go on at byte at, in order: what begins with the
// word that ends there. It may not know the best, and never fails.
func (s *Session) Complete(text string, at int) []string {
	text = text[:min(max(at, 0), len(text))]
	words, prefix := lastWords(text)
	var out []string
	add := func(list ...string) {
		for _, w := range list {
			if len(w) >= len(prefix) && strings.EqualFold(w[:len(prefix)], prefix) {
				out = append(out, w)
			}
		}
	}
	before := ""
	if len(words) > 0 {
		before = words[len(words)-1]
	}
	switch {
	case len(words) == 0:
		add(beginnings...)
	case len(words) == 1 && objects[before] != nil:
		add(objects[before]...)
		if before == "USE" {
			c, _ := s.cat.Current()
			names, _ := s.cat.Store.Databases(c)
			add(names...)
		}
	case before == "CATALOG" && words[0] != "CREATE":
		add(s.cat.Store.Catalogs()...)
	case slices.Contains([]string{"FROM", "JOIN", "INTO", "OVERWRITE", "TABLE", "VIEW", "DESCRIBE", "DESC", "UPDATE"}, before) && words[0] != "CREATE":
		add(s.tables()...)
	default:
		add(s.columns(words)...)
		add(s.engine.host.Functions.Names()...)
		add(token.Reserved()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lastWords cuts a text into the words of the statement that ends there, keywords in
// capitals and names as they are written, and the word under way.
func lastWords(text string) (words []string, prefix string) {
	l := token.NewLexer(text)
	for {
		t := l.Next()
		switch t.Kind {
		case token.EOF:
			return words, prefix
		case token.Semicolon:
			words, prefix = nil, ""
			continue
		}
		if t.Span.End == len(text) && t.Kind == token.Word {
			return words, t.Text
		}
		if t.Word != "" {
			words = append(words, t.Word)
		} else {
			words = append(words, t.Text)
		}
	}
}

// tables are the names of tables and views at hand.
func (s *Session) tables() []string {
	c, d := s.cat.Current()
	out := s.cat.Names(catalog.Tables, c, d)
	for i, n := range out {
		out[i] = quoteName(n)
	}
	return out
}

// columns are those of the tables that the statement names.
func (s *Session) columns(words []string) []string {
	c, d := s.cat.Current()
	var out []string
	for _, n := range s.cat.Names(catalog.Tables, c, d) {
		if !slices.Contains(words, n) && !slices.Contains(words, quoteName(n)) {
			continue
		}
		t, err := s.cat.Table(catalog.Path{Catalog: c, Database: d, Object: n})
		if err != nil || t == nil {
			continue
		}
		for _, col := range t.Columns {
			out = append(out, quoteName(col.Name))
		}
	}
	return out
}

// quoteName puts backticks around a name that would not be read as one.
func quoteName(n string) string {
	plain := n != "" && !token.IsReserved(n)
	for i := range len(n) {
		b := n[i]
		plain = plain && (b == '_' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || i > 0 && b >= '0' && b <= '9')
	}
	if plain {
		return n
	}
	return "`" + strings.ReplaceAll(n, "`", "``") + "`"
}
