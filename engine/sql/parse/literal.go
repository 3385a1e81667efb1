package parse

import (
	"strings"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// constant parses a literal without a sign, which must come next.
func (p *parser) constant() ast.Expr {
	p.height = 1
	t := p.cur()
	pos := ast.Pos{At: t.Span}
	switch t.Kind {
	case token.Integer:
		p.advance()
		return &ast.Literal{Pos: pos, Kind: ast.LitInteger, Text: t.Text}
	case token.Decimal:
		p.advance()
		return &ast.Literal{Pos: pos, Kind: ast.LitDecimal, Text: t.Text}
	case token.Approx:
		p.advance()
		return &ast.Literal{Pos: pos, Kind: ast.LitDouble, Text: t.Text}
	case token.Bytes:
		return p.bytesLiteral()
	case token.String, token.UnicodeString, token.EscapeString, token.PrefixedString:
		return p.stringLiteral()
	}
	kinds := map[string]ast.LiteralKind{"NULL": ast.LitNull, "TRUE": ast.LitTrue, "FALSE": ast.LitFalse, "UNKNOWN": ast.LitUnknown}
	if k, ok := kinds[t.Word]; ok {
		p.advance()
		return &ast.Literal{Pos: pos, Kind: k}
	}
	return p.timeLiteral()
}

// timeLiteral parses DATE '..', TIME '..', TIMESTAMP '..' with their zones, UUID '..'
// and DECIMAL '..'.
func (p *parser) timeLiteral() ast.Expr {
	t := p.advance()
	n := &ast.Literal{}
	switch t.Word {
	case "DATE":
		n.Kind = ast.LitDate
	case "TIME":
		n.Kind = ast.LitTime
		if zone, ok := p.zone(); ok && zone != "" {
			n.Kind = ast.LitTimeTZ
		}
	case "TIMESTAMP":
		n.Kind = ast.LitTimestamp
		switch zone, _ := p.zone(); zone {
		case "LTZ":
			n.Kind = ast.LitTimestampLTZ
		case "TZ":
			n.Kind = ast.LitTimestampTZ
		}
	case "UUID":
		n.Kind = ast.LitUUID
	case "DECIMAL":
		n.Kind = ast.LitDecimal
	}
	s := p.str("the value as a string")
	n.Text, n.Pos = s.Value, p.at(t.Span.Start)
	if t.Word != "DECIMAL" || p.err != nil {
		return n
	}
	// DECIMAL '-1.5' is the number -1.5: the sign goes outside as elsewhere.
	digits, negative := strings.CutPrefix(strings.TrimSpace(s.Value), "-")
	if lx := token.NewLexer(digits); digits == "" {
		p.errorAt(s.Span, diag.InvalidLiteral, "%q is no decimal number", s.Value)
	} else if d := lx.Next(); (d.Kind != token.Integer && d.Kind != token.Decimal) || lx.Next().Kind != token.EOF {
		p.errorAt(s.Span, diag.InvalidLiteral, "%q is no decimal number", s.Value)
	} else if d.Kind == token.Integer {
		digits += "."
	}
	n.Text = digits
	if negative {
		return &ast.Unary{Pos: n.Pos, Op: ast.OpNeg, X: n}
	}
	return n
}

// pieces parses what a string goes on with: 'a' and 'b' on the next line are 'ab'.
func (p *parser) pieces(n *ast.Literal, text string, end int) string {
	for p.isKind(token.String) {
		t := p.advance()
		if n.SameLine == (diag.Span{}) && !strings.ContainsAny(p.text[end:t.Span.Start], "\r\n") {
			n.SameLine = t.Span
		}
		end = t.Span.End
		more, _ := t.Content()
		text += more
	}
	return text
}

// stringLiteral parses a character string, with further pieces behind it.
func (p *parser) stringLiteral() *ast.Literal {
	t := p.advance()
	n := &ast.Literal{Kind: ast.LitString, Charset: t.Charset()}
	if n.Charset != "" && !charsets[strings.ToLower(n.Charset)] {
		p.errorAt(t.Span, diag.InvalidLiteral, "unknown character set %s", n.Charset)
	}
	text, err := t.Content()
	if err != nil && p.err == nil {
		p.err = err
	}
	text = p.pieces(n, text, t.Span.End)
	esc := '\\'
	if p.cur().Word == "UESCAPE" {
		u := p.advance()
		s := p.cur()
		if t.Kind != token.UnicodeString {
			p.refuse(u.Span, "write U&'...' for a string with unicode escapes", "UESCAPE goes with U&'...' only")
			return n
		}
		if s.Kind != token.String {
			p.fail("the escape character as a string")
			return n
		}
		p.advance()
		c, _ := s.Content()
		r, size := utf8.DecodeRuneInString(c)
		if size != len(c) || size == 0 || strings.ContainsRune("0123456789abcdefABCDEF+'\" \t\n\r\f", r) {
			p.errorAt(s.Span, diag.InvalidLiteral, "the unicode escape must be one character, and no hexadecimal digit, plus sign, quote or space")
			return n
		}
		esc = r
	}
	if t.Kind == token.UnicodeString && p.err == nil {
		if text, err = token.Unescape(text, esc, t.Span); err != nil {
			p.err = err
		}
	}
	n.Text, n.Pos = text, p.at(t.Span.Start)
	return n
}

// charsets are the names taken in _charset'..', in small letters.
var charsets = map[string]bool{
	"latin1": true, "iso-8859-1": true, "iso_8859_1": true, "iso8859_1": true, "utf8": true, "utf-8": true, "utf16": true,
	"utf-16": true, "utf16le": true, "utf16be": true, "utf-16le": true, "utf-16be": true, "us-ascii": true, "ascii": true,
	"utf32": true, "utf-32": true, "windows-1252": true, "gbk": true, "gb2312": true, "gb18030": true, "big5": true,
	"shift_jis": true, "sjis": true, "euc-jp": true, "euc-kr": true, "koi8-r": true,
}

// bytesLiteral parses x'45' with further pieces behind it.
func (p *parser) bytesLiteral() ast.Expr {
	t := p.advance()
	n := &ast.Literal{Kind: ast.LitBytes}
	text, _ := t.Content()
	text = p.pieces(n, text, t.Span.End)
	if i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) }); i >= 0 {
		p.errorAt(t.Span, diag.InvalidLiteral, "a binary literal holds hexadecimal digits only")
	}
	n.Text, n.Pos = text, p.at(t.Span.Start)
	return n
}

// literal parses a literal that may carry a sign, where no expression is taken.
func (p *parser) literal(what string) ast.Expr {
	t := p.cur()
	switch t.Kind {
	case token.Plus, token.Minus:
		return p.number()
	case token.Integer, token.Decimal, token.Approx, token.Bytes:
		return p.constant()
	}
	if t.IsString() {
		return p.constant()
	}
	switch t.Word {
	case "NULL", "TRUE", "FALSE", "UNKNOWN", "DATE", "TIME", "TIMESTAMP":
		return p.constant()
	case "INTERVAL":
		return p.intervalLiteral()
	}
	p.fail(what)
	return nil
}

// number parses a number with an optional sign.
func (p *parser) number() ast.Expr {
	start := p.start()
	negative := p.isKind(token.Minus)
	if negative || p.isKind(token.Plus) {
		p.advance()
	}
	x := p.unsigned()
	if negative {
		return &ast.Unary{Pos: p.at(start), Op: ast.OpNeg, X: x}
	}
	return x
}

// unsigned parses a number without a sign.
func (p *parser) unsigned() ast.Expr {
	switch p.cur().Kind {
	case token.Integer, token.Decimal, token.Approx:
		return p.constant()
	}
	p.fail("a number")
	return nil
}

// intervalUnits maps the words an interval takes to their units. The plural words are
// not reserved.
var intervalUnits = map[string]ast.Unit{
	"YEAR": ast.Year, "YEARS": ast.Year, "QUARTER": ast.Quarter, "QUARTERS": ast.Quarter, "MONTH": ast.Month,
	"MONTHS": ast.Month, "WEEK": ast.Week, "WEEKS": ast.Week, "DAY": ast.Day, "DAYS": ast.Day, "HOUR": ast.Hour,
	"HOURS": ast.Hour, "MINUTE": ast.Minute, "MINUTES": ast.Minute, "SECOND": ast.Second, "SECONDS": ast.Second,
}

// rangeEnds are the units a range may end with, by where it begins.
var rangeEnds = map[ast.Unit][]ast.Unit{
	ast.Year: {ast.Month}, ast.Day: {ast.Hour, ast.Minute, ast.Second}, ast.Hour: {ast.Minute, ast.Second},
	ast.Minute: {ast.Second},
}

// otherIntervalUnits may stand in an interval literal too.
var otherIntervalUnits = map[string]ast.Unit{
	"MILLISECOND": ast.Millisecond, "MICROSECOND": ast.Microsecond, "NANOSECOND": ast.Nanosecond,
	"DECADE": ast.Decade, "CENTURY": ast.Century, "MILLENNIUM": ast.Millennium,
}

// intervalQualifier parses the units of an interval; with ranges also DAY TO SECOND
// and the like.
func (p *parser) intervalQualifier(ranges bool) ast.IntervalQualifier {
	q := ast.IntervalQualifier{Precision: ast.Unspecified, Fraction: ast.Unspecified}
	t := p.cur()
	q.From = intervalUnits[t.Word]
	if q.From == "" {
		q.From = otherIntervalUnits[t.Word]
	}
	if q.From == "" {
		p.want = append(p.want[:0], "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
		p.fail("")
		return q
	}
	p.advance()
	if p.isKind(token.LParen) {
		p.advance()
		q.Precision = p.small()
		if q.From == ast.Second && p.acceptKind(token.Comma) {
			q.Fraction = p.small()
		}
		p.expectKind(token.RParen)
	}
	ends := rangeEnds[q.From]
	if !ranges || ends == nil || p.cur().Word != "TO" {
		return q
	}
	p.advance()
	end := intervalUnits[p.cur().Word]
	for _, u := range ends {
		if u == end {
			q.To = u
		}
	}
	if q.To == "" {
		p.want = p.want[:0]
		for _, u := range ends {
			p.want = append(p.want, string(u))
		}
		p.fail("")
		return q
	}
	p.advance()
	if q.To == ast.Second && p.isKind(token.LParen) {
		p.advance()
		q.Fraction = p.small()
		p.expectKind(token.RParen)
	}
	return q
}

// small parses a whole number that fits 32 bits: a length or precision.
func (p *parser) small() int {
	t := p.cur()
	if t.Kind != token.Integer {
		p.fail("a whole number")
		return 0
	}
	p.advance()
	v := 0
	for _, c := range t.Text {
		if v = v*10 + int(c-'0'); v > 1<<31-1 {
			p.errorAt(t.Span, diag.InvalidLiteral, "%s is too large here, the most is 2147483647", t.Text)
			return 0
		}
	}
	return v
}

// interval parses INTERVAL with a literal or an expression.
func (p *parser) interval() ast.Expr {
	start := p.start()
	p.height = 1
	i := 1
	if k := p.ahead(i).Kind; k == token.Minus || k == token.Plus {
		i++
	}
	if p.ahead(i).Kind == token.String || p.ahead(i).Kind == token.EOF {
		return p.intervalLiteral()
	}
	p.advance()
	n := &ast.IntervalExpr{Negative: p.isKind(token.Minus)}
	if i == 2 {
		p.advance()
	}
	switch t := p.cur(); {
	case t.Kind == token.LParen:
		p.advance()
		p.height = 0
		n.X = p.expr()
		p.expectKind(token.RParen)
		p.grew(p.height)
	case t.IsName():
		s := p.start()
		n.X = &ast.ColumnRef{Name: p.path("a column"), Pos: p.at(s)}
	case t.Kind == token.Integer || t.Kind == token.Decimal || t.Kind == token.Approx:
		n.X = p.constant()
	default:
		p.want = p.want[:0]
		p.fail("a string, a number or an expression in parentheses")
	}
	n.Qualifier = p.intervalQualifier(false)
	n.Pos = p.at(start)
	return n
}

// intervalLiteral parses INTERVAL [-]'text' units.
func (p *parser) intervalLiteral() *ast.IntervalLiteral {
	start := p.start()
	n := &ast.IntervalLiteral{}
	p.expect("INTERVAL")
	switch {
	case p.isKind(token.Minus):
		p.advance()
		n.Negative = true
	case p.isKind(token.Plus):
		p.advance()
	}
	t := p.cur()
	if t.Kind != token.String {
		p.fail("the interval as a string such as '5'")
		return n
	}
	p.advance()
	n.Text, _ = t.Content()
	if n.Text == "" {
		p.errorAt(t.Span, diag.InvalidLiteral, "an interval literal cannot be empty")
	}
	n.Qualifier = p.intervalQualifier(true)
	n.Pos = p.at(start)
	return n
}

// zone reads WITH TIME ZONE ("TZ"), WITH LOCAL TIME ZONE ("LTZ") or WITHOUT TIME ZONE
// (""); ok is false when none comes next.
func (p *parser) zone() (zone string, ok bool) {
	switch {
	case p.rare("WITHOUT", "TIME", "ZONE"):
		p.acceptSeq("WITHOUT", "TIME", "ZONE")
		return "", true
	case p.rare("WITH", "LOCAL"):
		p.advance()
		p.advance()
		p.expect("TIME", "ZONE")
		return "LTZ", true
	case p.rare("WITH", "TIME", "ZONE"):
		p.acceptSeq("WITH", "TIME", "ZONE")
		return "TZ", true
	}
	return "", false
}
