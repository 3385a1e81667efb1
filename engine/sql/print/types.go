package print

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/sql/ast"
)

func itoa(n int) string { return strconv.Itoa(n) }

func (p *printer) typ(t ast.TypeSpec) {
	if t == nil {
		return
	}
	open, end := either(p.full != nil, "< ", "<"), either(p.full != nil, " >", ">")
	switch t := t.(type) {
	case *ast.SimpleType:
		p.simpleType(t)
	case *ast.ArrayType:
		p.word("ARRAY" + open)
		p.typ(t.Elem)
		p.word(end)
	case *ast.MultisetType:
		p.word("MULTISET" + open)
		p.typ(t.Elem)
		p.word(end)
	case *ast.MapType:
		p.word("MAP" + open)
		p.typ(t.Key)
		p.word(", ")
		p.typ(t.Value)
		p.word(end)
	case *ast.RowType:
		p.word("ROW" + open)
		p.fields(t.Fields)
		p.word(end)
	case *ast.StructuredType:
		p.word("STRUCTURED<" + Text(t.Class.Value))
		if len(t.Fields) > 0 {
			p.word(", ")
			p.fields(t.Fields)
		}
		p.word(">")
	case *ast.RawType:
		p.word("RAW(" + Text(t.Class.Value) + ", " + Text(t.Serializer.Value) + ")")
	case *ast.IntervalType:
		p.word("INTERVAL " + qualifier(t.Qualifier))
	case *ast.UserType:
		p.name(t.Name)
	}
	p.words(t.Nullness().String())
}

func (p *printer) simpleType(t *ast.SimpleType) {
	name, zone := t.Name, ""
	switch t.Name {
	case "TIME_LTZ":
		name, zone = "TIME", " WITH LOCAL TIME ZONE"
	case "TIME_TZ", "TIMESTAMP_TZ":
		name, zone = strings.TrimSuffix(t.Name, "_TZ"), " WITH TIME ZONE"
	}
	if p.full != nil && name == "INT" {
		name = "INTEGER"
	}
	p.word(name)
	if len(t.Params) > 0 {
		p.parens(func() {
			p.commas(len(t.Params), func(i int) { p.word(itoa(t.Params[i])) })
		})
	}
	if t.Charset != "" {
		p.word(" CHARACTER SET " + Quote(t.Charset))
	}
	p.word(zone)
}

func (p *printer) fields(list []ast.Field) {
	p.commas(len(list), func(i int) {
		p.id(list[i].Name)
		p.word(" ")
		p.typ(list[i].Type)
		if c := list[i].Comment; c.Set || c.Value != "" {
			p.word(" " + Text(c.Value))
		}
	})
}

// qualifier writes the units of an interval.
func qualifier(q ast.IntervalQualifier) string {
	s := string(q.From)
	switch {
	case q.To != "":
		if q.Precision >= 0 {
			s += "(" + itoa(q.Precision) + ")"
		}
		s += " TO " + string(q.To)
		if q.Fraction >= 0 {
			s += "(" + itoa(q.Fraction) + ")"
		}
	case q.Precision >= 0 && q.Fraction >= 0:
		s += "(" + itoa(q.Precision) + ", " + itoa(q.Fraction) + ")"
	case q.Precision >= 0:
		s += "(" + itoa(q.Precision) + ")"
	}
	return s
}
