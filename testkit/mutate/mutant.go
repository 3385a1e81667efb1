package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
)

// mutant is one small change of a function: bytes [from, to) of its file become text.
type mutant struct {
	n        int // its number, from 1
	pos      token.Position
	from, to int // offsets in the file
	old      string
	text     string
	unit     *unit
}

func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d:%d: %s becomes %s in %s", m.pos.Filename, m.pos.Line, m.pos.Column, m.old, m.text, m.unit.name)
}

// swaps are operators and what stands in their place.
var swaps = map[token.Token]string{
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.EQL: "!=", token.NEQ: "==",
	token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*",
	token.LAND: "||", token.LOR: "&&", token.SHL: ">>", token.SHR: "<<", token.AND: "|", token.OR: "&",
	token.ADD_ASSIGN: "-=", token.SUB_ASSIGN: "+=", token.MUL_ASSIGN: "/=", token.QUO_ASSIGN: "*=",
	token.INC: "--", token.DEC: "++",
}

// mutantsOf are the changes of a body, in order of their places. What does not compile is
// taken out later, by the type checker.
func mutantsOf(f *file, u *unit, body *ast.BlockStmt) []*mutant {
	var out []*mutant
	add := func(pos token.Pos, old, text string) {
		p := f.set.Position(pos)
		out = append(out, &mutant{pos: p, from: p.Offset, to: p.Offset + len(old), old: old, text: text, unit: u})
	}
	swap := func(pos token.Pos, op token.Token) {
		if text := swaps[op]; text != "" {
			add(pos, op.String(), text)
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			// How much room is made beforehand changes nothing but time.
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "make" {
				return false
			}
		case *ast.BinaryExpr:
			swap(n.OpPos, n.Op)
		case *ast.AssignStmt:
			swap(n.TokPos, n.Tok)
		case *ast.IncDecStmt:
			swap(n.TokPos, n.Tok)
		case *ast.UnaryExpr:
			if n.Op == token.NOT {
				add(n.OpPos, "!", "")
			}
		case *ast.BasicLit:
			if v, err := strconv.ParseInt(n.Value, 0, 64); n.Kind == token.INT && err == nil {
				add(n.Pos(), n.Value, strconv.FormatInt(v+1, 10))
			}
		}
		return true
	})
	slices.SortFunc(out, func(a, b *mutant) int { return cmp.Compare(a.from, b.from) })
	return out
}
