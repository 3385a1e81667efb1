package parse

import (
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// typeSpec parses a type with NULL or NOT NULL behind it and behind its elements.
func (p *parser) typeSpec() ast.TypeSpec {
	p.enter()
	defer p.leave()
	start := p.start()
	t := p.typeName()
	for p.err == nil {
		// a NOT NULL ARRAY: the nullness of an element stands before the word.
		null, n := p.nullnessAhead()
		if w := p.ahead(n).Word; w != "ARRAY" && w != "MULTISET" {
			for range n {
				p.advance()
			}
			return withNull(t, null, p.at(start))
		}
		for range n {
			p.advance()
		}
		t = p.collected(withNull(t, null, p.at(start)), start)
	}
	return t
}

// dataType parses a type where no nullness may follow, as in CAST.
func (p *parser) dataType() ast.TypeSpec {
	p.enter()
	defer p.leave()
	start := p.start()
	t := p.typeName()
	for p.err == nil && (p.rare("ARRAY") || p.rare("MULTISET")) {
		t = p.collected(t, start)
	}
	return t
}

// collected wraps an element type in the ARRAY or MULTISET that follows it.
func (p *parser) collected(elem ast.TypeSpec, start int) ast.TypeSpec {
	if p.advance().Word == "ARRAY" {
		return &ast.ArrayType{TypeBase: ast.TypeBase{Pos: p.at(start)}, Elem: elem}
	}
	return &ast.MultisetType{TypeBase: ast.TypeBase{Pos: p.at(start)}, Elem: elem}
}

// nullnessAhead tells what follows, and in how many words.
func (p *parser) nullnessAhead() (ast.Nullness, int) {
	switch {
	case p.rare("NULL"):
		return ast.NullAllowed, 1
	case p.rare("NOT", "NULL"):
		return ast.NotNull, 2
	}
	return ast.NullDefault, 0
}

// withNull sets the nullness and place of a type just built.
func withNull(t ast.TypeSpec, null ast.Nullness, pos ast.Pos) ast.TypeSpec {
	if null == ast.NullDefault {
		return t
	}
	base := ast.TypeBase{Pos: pos, Null: null}
	switch t := t.(type) {
	case *ast.SimpleType:
		t.TypeBase = base
	case *ast.ArrayType:
		t.TypeBase = base
	case *ast.MultisetType:
		t.TypeBase = base
	case *ast.MapType:
		t.TypeBase = base
	case *ast.RowType:
		t.TypeBase = base
	case *ast.StructuredType:
		t.TypeBase = base
	case *ast.RawType:
		t.TypeBase = base
	case *ast.IntervalType:
		t.TypeBase = base
	case *ast.UserType:
		t.TypeBase = base
	}
	return t
}

// plainTypes maps the words of types to their canonical names, with the number of
// parameters each takes.
var plainTypes = map[string]struct {
	name   string
	params int
}{
	"BOOLEAN": {"BOOLEAN", 0}, "TINYINT": {"TINYINT", 0}, "SMALLINT": {"SMALLINT", 0}, "INT": {"INT", 0},
	"INTEGER": {"INT", 0}, "BIGINT": {"BIGINT", 0}, "REAL": {"REAL", 0}, "FLOAT": {"FLOAT", 0},
	"DOUBLE": {"DOUBLE", 0}, "DATE": {"DATE", 0}, "STRING": {"STRING", 0}, "BYTES": {"BYTES", 0},
	"VARIANT": {"VARIANT", 0}, "BITMAP": {"BITMAP", 0}, "UUID": {"UUID", 0},
	"BINARY": {"BINARY", 1}, "VARBINARY": {"VARBINARY", 1}, "CHAR": {"CHAR", 1}, "CHARACTER": {"CHAR", 1},
	"VARCHAR": {"VARCHAR", 1}, "TIME": {"TIME", 1}, "TIMESTAMP": {"TIMESTAMP", 1},
	"TIMESTAMP_LTZ": {"TIMESTAMP_LTZ", 1}, "DECIMAL": {"DECIMAL", 2}, "DEC": {"DECIMAL", 2},
	"NUMERIC": {"DECIMAL", 2}, "ANY": {"ANY", 2},
}

// typeName parses a type without what may follow it.
func (p *parser) typeName() ast.TypeSpec {
	start := p.start()
	t := p.cur()
	if plain, ok := plainTypes[t.Word]; ok {
		return p.plainType(plain.name, plain.params)
	}
	next := p.ahead(1).Kind
	switch t.Word {
	case "ARRAY", "MULTISET":
		p.advance()
		p.expectKind(token.Lt)
		elem := p.typeSpec()
		p.expectKind(token.Gt)
		if t.Word == "ARRAY" {
			return &ast.ArrayType{TypeBase: ast.TypeBase{Pos: p.at(start)}, Elem: elem}
		}
		return &ast.MultisetType{TypeBase: ast.TypeBase{Pos: p.at(start)}, Elem: elem}
	case "MAP":
		if next == token.Lt {
			p.advance()
			p.advance()
			n := &ast.MapType{Key: p.typeSpec()}
			p.expectKind(token.Comma)
			n.Value = p.typeSpec()
			p.expectKind(token.Gt)
			n.Pos = p.at(start)
			return n
		}
	case "ROW":
		p.advance()
		n := &ast.RowType{Fields: p.fields()}
		n.Pos = p.at(start)
		return n
	case "STRUCTURED":
		return p.structuredType()
	case "RAW":
		p.advance()
		p.expectKind(token.LParen)
		n := &ast.RawType{Class: p.str("the class as a string")}
		p.expectKind(token.Comma)
		n.Serializer = p.str("the serializer as a string")
		p.expectKind(token.RParen)
		n.Pos = p.at(start)
		return n
	case "INTERVAL":
		p.advance()
		n := &ast.IntervalType{Qualifier: p.intervalQualifier(true)}
		n.Pos = p.at(start)
		return n
	case "GEOMETRY":
		p.refuse(t.Span, "", "GEOMETRY is no type of this dialect")
		return nil
	}
	if !t.IsName() {
		p.want = p.want[:0]
		if e := p.fail("a data type"); t.Word == "DATETIME" {
			e.Hint = "TIMESTAMP(3) is a date with a time"
		}
		return nil
	}
	n := &ast.UserType{Name: p.path("a data type")}
	if p.isKind(token.LParen) && p.err == nil && len(n.Name) == 1 {
		p.refuse(n.Name.Span(), didYouMeanType(n.Name[0].Name), "no type %s with parameters", n.Name[0].Name)
	}
	n.Pos = p.at(start)
	return n
}

// plainType parses the rest of a type known by a word.
func (p *parser) plainType(name string, params int) ast.TypeSpec {
	start := p.start()
	p.advance()
	n := &ast.SimpleType{Name: name}
	switch name {
	case "DOUBLE":
		if p.rare("PRECISION") {
			p.advance()
		}
	case "CHAR", "BINARY":
		if p.rare("VARYING") {
			p.advance()
			n.Name = "VAR" + name
		}
	}
	if params > 0 && p.isKind(token.LParen) {
		p.advance()
		n.Params = []int{p.small()}
		if params > 1 && p.acceptKind(token.Comma) {
			n.Params = append(n.Params, p.small())
		}
		p.expectKind(token.RParen)
	}
	switch n.Name {
	case "CHAR", "VARCHAR":
		if p.rare("CHARACTER", "SET") {
			p.advance()
			p.advance()
			n.Charset = p.name("a character set").Name
		}
	case "TIME", "TIMESTAMP":
		if zone, _ := p.zone(); zone != "" {
			n.Name += "_" + zone
		}
	}
	n.Pos = p.at(start)
	return n
}

// fields parses <name type ['comment'], ...> or (...), which may be empty.
func (p *parser) fields() []ast.Field {
	if p.isKind(token.Ne) { // ROW<>
		p.advance()
		return nil
	}
	closing := token.Gt
	if p.isKind(token.LParen) {
		closing = token.RParen
		p.advance()
	} else {
		p.expectKind(token.Lt)
	}
	var out []ast.Field
	if !p.isKind(closing) {
		out = list(p, p.field)
	}
	p.expectKind(closing)
	return out
}

func (p *parser) field() ast.Field {
	f := ast.Field{Name: p.name("a field name")}
	f.Type = p.typeSpec()
	if p.isKind(token.String) {
		f.Comment = p.str("")
	}
	return f
}

func (p *parser) structuredType() ast.TypeSpec {
	start := p.start()
	p.advance()
	p.expectKind(token.Lt)
	n := &ast.StructuredType{Class: p.str("the class as a string")}
	for p.acceptKind(token.Comma) {
		n.Fields = append(n.Fields, p.field())
	}
	p.expectKind(token.Gt)
	n.Pos = p.at(start)
	return n
}
