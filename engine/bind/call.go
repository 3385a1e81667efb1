package bind

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// function finds a built-in scalar function; nil when there is none.
func (b *Binder) function(name ast.Name) *function.Func {
	if len(name) != 1 {
		return nil
	}
	return b.Session.Host.Functions.Lookup(name[0].Name)
}

func (x *block) call(e *ast.FuncCall) (expr.Node, error) {
	if e.Syntax == ast.CallMinusInterval {
		return x.minusInterval(e)
	}
	if f := x.b.userAggregate(e.Name); f != nil {
		return x.userAggregateCall(f, e)
	}
	if u := x.b.userFunction(e.Name); u != nil {
		return x.userCall(u, e)
	}
	if len(e.Name) == 1 && !x.b.Session.UsesCore() {
		return nil, x.b.noFunction(e)
	}
	name := strings.ToUpper(e.Name.Last())
	if x.match != nil && len(e.Name) == 1 {
		if n, done, err := x.matchCall(e, name); done {
			return n, err
		}
	}
	if len(e.Name) == 1 {
		switch {
		case e.Over != nil:
			return x.overCall(e, name, nil)
		case isAggregate(name):
			return x.aggCall(e, name, nil)
		case windowProps[name]:
			return x.windowProp(e, name)
		case groupWindows[name]:
			return nil, diag.At(e.Span(), diag.InvalidQuery, "%s is a window: it stands in GROUP BY, or in FROM as TABLE(%s(TABLE t, DESCRIPTOR(ts), ...))", name, name)
		case overOnly[name]:
			return nil, diag.At(e.Span(), diag.InvalidQuery, "%s needs an OVER clause", name).
				WithHint("%s() OVER (PARTITION BY a ORDER BY b)", name)
		}
		if name == "GROUPING" || name == "GROUPING_ID" {
			return x.grouping(e, name)
		}
		if name == "GROUP_ID" {
			return x.groupID(e)
		}
		if err := x.special(e, name); err != nil {
			return nil, err
		}
	}
	if e.Filter != nil || e.Quantifier == ast.QuantifierDistinct || e.Nulls != ast.NullsDefault || len(e.WithinGroup) > 0 || len(e.OrderBy) > 0 {
		if x.b.function(e.Name) != nil {
			return nil, diag.At(e.Span(), diag.InvalidArgument, "%s is not an aggregate: DISTINCT, FILTER, ORDER BY and NULLS do not apply", name)
		}
	}
	f := x.b.function(e.Name)
	if f == nil && name == "CURRENT_DATABASE" && len(e.Name) == 1 && len(e.Args) == 0 {
		return x.currentDatabase(e.Span()), nil
	}
	if f == nil {
		return nil, x.b.noFunction(e)
	}
	args := make([]expr.Node, 0, len(e.Args))
	for _, a := range e.Args {
		x.rawJSON = jsonMakers[name] && isJSONCall(a.Value)
		if a.Name != nil {
			return nil, unsupported(a.Name.Span, "a named argument of a scalar function is")
		}
		if s, ok := a.Value.(*ast.Star); ok {
			return nil, diag.At(s.Span(), diag.InvalidArgument, "%s does not take *", name)
		}
		n, err := x.expr(a.Value)
		if err != nil {
			return nil, err
		}
		args = append(args, n)
	}
	if e.JSON != nil {
		var err error
		if args, err = x.jsonArgs(e, args); err != nil {
			return nil, err
		}
	}
	return x.scalarCall(f, args, e.Span())
}

// currentDatabase is the value of CURRENT_DATABASE(): a constant of the session.
func (x *block) currentDatabase(at diag.Span) expr.Node {
	_, name := x.b.Session.Current()
	return constant(types.StringT, at, func(b *batch.Builder) { b.AppendString(name) })
}

func (x *block) scalarCall(f *function.Func, args []expr.Node, at diag.Span) (expr.Node, error) {
	n, err := expr.NewCall(f, args, at)
	if err != nil {
		return nil, err
	}
	if f.Name == "PROCTIME" {
		n = logical.Tag(n, types.Proctime)
	}
	return n, nil
}

// special refuses functions that exist but not here.
func (x *block) special(e *ast.FuncCall, name string) error {
	switch name {
	case "MATCH_ROWTIME", "MATCH_PROCTIME", "CLASSIFIER", "PREV", "NEXT":
		return diag.At(e.Span(), diag.InvalidQuery, "%s is a function of MATCH_RECOGNIZE", name)
	case "JSON":
		if !x.rawJSON {
			return diag.At(e.Span(), diag.InvalidArgument, "JSON(...) is an argument of JSON_OBJECT or JSON_ARRAY only")
		}
		x.rawJSON = false
	case "SOURCE_WATERMARK":
		return diag.At(e.Span(), diag.InvalidQuery, "SOURCE_WATERMARK() is the whole expression of a WATERMARK")
	}
	return nil
}

// noFunction is the error for a call of an unknown function.
func (b *Binder) noFunction(e *ast.FuncCall) error {
	name := e.Name.String()
	if len(e.Name) == 1 && flinkFunctions[strings.ToUpper(name)] && b.Session.UsesCore() {
		return unsupported(e.Name.Span(), "function %s is", strings.ToUpper(name))
	}
	if same := other(otherFunctions, name); same != "" {
		return diag.At(e.Name.Span(), diag.UnknownFunction, "no function %s", name).WithHint("write %s", same)
	}
	return b.nearFunction(diag.At(e.Name.Span(), diag.UnknownFunction, "no function %s", name), e.Name)
}

// minusInterval binds (a - b) DAY: the difference of two times in a unit.
func (x *block) minusInterval(e *ast.FuncCall) (expr.Node, error) {
	list := make([]expr.Node, len(e.Args))
	for i, a := range e.Args {
		n, err := x.expr(a.Value)
		if err != nil {
			return nil, err
		}
		list[i] = n
	}
	unit := e.Interval.From
	if e.Interval.To != "" {
		unit = e.Interval.To
	}
	return x.op("MINUS_DATE", e.Span(), list[0], list[1], text(string(unit), e.Span()))
}

// jsonMakers are the functions in whose arguments JSON stays as it is.
var jsonMakers = map[string]bool{"JSON_OBJECT": true, "JSON_ARRAY": true}

// isJSONCall reports whether e makes JSON and not just text.
func isJSONCall(e ast.Expr) bool {
	f, ok := e.(*ast.FuncCall)
	if !ok || len(f.Name) != 1 {
		return false
	}
	name := strings.ToUpper(f.Name.Last())
	return name == "JSON" || jsonMakers[name]
}

// jsonArgs adds the clauses of a JSON function as further arguments: one literal a
// clause, the value of DEFAULT behind its clause.
func (x *block) jsonArgs(e *ast.FuncCall, args []expr.Node) ([]expr.Node, error) {
	j := e.JSON
	if j.Returning != nil || len(j.FormatJSON) > 0 {
		if j.Returning != nil {
			t, err := typeOf(j.Returning)
			if err != nil {
				return nil, err
			}
			args = append(args, clause("RETURNING "+t.Nullable(true).String(), e.Span()))
		} else {
			return nil, parsedOnly(e.Span(), "FORMAT JSON")
		}
	}
	word := func(s string) { args = append(args, clause(s, e.Span())) }
	switch j.Wrapper {
	case ast.WrapperWithout:
		word("WITHOUT WRAPPER")
	case ast.WrapperConditional:
		word("WITH CONDITIONAL WRAPPER")
	case ast.WrapperUnconditional:
		word("WITH UNCONDITIONAL WRAPPER")
	}
	for _, c := range []struct {
		b  ast.JSONBehavior
		on string
	}{{j.OnEmpty, "ON EMPTY"}, {j.OnError, "ON ERROR"}} {
		if c.b.Kind == ast.JSONUnset {
			continue
		}
		word(jsonWords[c.b.Kind] + " " + c.on)
		if c.b.Kind == ast.JSONDefault {
			n, err := x.expr(c.b.Default)
			if err != nil {
				return nil, err
			}
			args = append(args, n)
		}
	}
	for i, a := range e.Args {
		if jsonMakers[strings.ToUpper(e.Name.Last())] && isJSONCall(a.Value) {
			word("RAW " + strconv.Itoa(i))
		}
	}
	switch j.OnNull {
	case ast.JSONNullOnNull:
		word("NULL ON NULL")
	case ast.JSONAbsentOnNull:
		word("ABSENT ON NULL")
	}
	return args, nil
}

var jsonWords = map[ast.JSONBehaviorKind]string{
	ast.JSONError: "ERROR", ast.JSONNull: "NULL", ast.JSONTrue: "TRUE", ast.JSONFalse: "FALSE", ast.JSONUnknown: "UNKNOWN",
	ast.JSONEmpty: "EMPTY", ast.JSONEmptyArray: "EMPTY ARRAY", ast.JSONEmptyObject: "EMPTY OBJECT", ast.JSONDefault: "DEFAULT",
}

// flinkFunctions are names that Flink documents, so that one mink lacks is told
// from a misspelt one.
var flinkFunctions = wordSet(`POWER ABS SQRT LN LOG10 LOG2 LOG EXP CEIL CEILING FLOOR SIN SINH COS TAN TANH COT ASIN ACOS ATAN ATAN2 COSH
	DEGREES RADIANS SIGN ROUND PI E RAND RAND_INTEGER UUID BIN HEX UNHEX TRUNCATE CONV CHAR_LENGTH CHARACTER_LENGTH UPPER LOWER POSITION TRIM LTRIM
	RTRIM REPEAT REGEXP_REPLACE OVERLAY SUBSTRING SUBSTR REPLACE TRANSLATE REGEXP_EXTRACT REGEXP_EXTRACT_ALL REGEXP_COUNT REGEXP_INSTR REGEXP_SUBSTR
	INITCAP CONCAT CONCAT_WS LPAD RPAD FROM_BASE64 TO_BASE64 ASCII CHR DECODE ENCODE INSTR LEFT RIGHT LOCATE URL_DECODE URL_ENCODE PARSE_URL REGEXP
	REVERSE SPLIT SPLIT_INDEX STR_TO_MAP STARTSWITH ENDSWITH ELT BTRIM PRINTF SOUNDEX TO_DATE TO_TIMESTAMP TO_TIMESTAMP_LTZ EXTRACT YEAR QUARTER
	MONTH WEEK DAYOFYEAR DAYOFMONTH DAYOFWEEK HOUR MINUTE SECOND DATE_FORMAT TIMESTAMPADD TIMESTAMPDIFF CONVERT_TZ FROM_UNIXTIME UNIX_TIMESTAMP
	CURRENT_WATERMARK NOW CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP CURRENT_ROW_TIMESTAMP PROCTIME COALESCE IF IFNULL
	NULLIF GREATEST LEAST IS_ALPHA IS_DECIMAL IS_DIGIT TYPEOF CARDINALITY ELEMENT ARRAY_APPEND ARRAY_CONCAT ARRAY_CONTAINS ARRAY_DISTINCT ARRAY_EXCEPT
	ARRAY_INTERSECT ARRAY_JOIN ARRAY_MAX ARRAY_MIN ARRAY_POSITION ARRAY_PREPEND ARRAY_REMOVE ARRAY_REVERSE ARRAY_SLICE ARRAY_SORT ARRAY_UNION MAP_ENTRIES
	MAP_FROM_ARRAYS MAP_FROM_ENTRIES MAP_KEYS MAP_VALUES MAP_UNION JSON_EXISTS JSON_VALUE JSON_QUERY JSON_STRING JSON_OBJECT JSON_ARRAY JSON
	JSON_QUOTE JSON_UNQUOTE JSON_LENGTH PARSE_JSON TRY_PARSE_JSON VARIANT_GET OBJECT_OF OBJECT_UPDATE MD5 SHA1 SHA224 SHA256 SHA384 SHA512 SHA2
	CURRENT_DATABASE ASCII OCTET_LENGTH BITMAP_BUILD BITMAP_CARDINALITY BITMAP_AND BITMAP_OR BITMAP_XOR BITMAP_ANDNOT BITMAP_CONTAINS
	BITMAP_TO_ARRAY BITMAP_FROM_BYTES BITMAP_TO_BYTES COLLECT JSON_OBJECTAGG JSON_ARRAYAGG PERCENTILE BITMAP_BUILD_AGG BITMAP_BUILD_CARDINALITY_AGG
	BITMAP_AND_AGG BITMAP_OR_AGG BITMAP_XOR_AGG BITMAP_AND_CARDINALITY_AGG BITMAP_OR_CARDINALITY_AGG BITMAP_XOR_CARDINALITY_AGG APPROX_COUNT_DISTINCT
	ML_PREDICT ML_EVALUATE VECTOR_SEARCH TO_CHANGELOG FROM_CHANGELOG SNAPSHOT`)

func wordSet(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}
