package scalar_test

import (
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// castTargets are the types of the matrix, a column each.
var castTargets = []string{
	"STRING", "BYTES", "BOOLEAN", "DECIMAL(6, 2)", "TINYINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DATE", "TIME(0)", "TIMESTAMP(3)", "TIMESTAMP_LTZ(3)",
	"INTERVAL YEAR TO MONTH", "INTERVAL DAY TO SECOND(3)", "ARRAY<STRING>", "MAP<STRING, STRING>", "ROW<a STRING>", "VARIANT", "BITMAP",
}

// castRows says of a value what each cast gives. A target that is not named is not
// allowed; "!" fails when it runs and is NULL by TRY_CAST. The session zone is UTC.
var castRows = []struct {
	from string
	to   map[string]string
}{
	{"'12'", map[string]string{
		"STRING": "12", "BYTES": "12", "BOOLEAN": "!", "DECIMAL(6, 2)": "12.00", "TINYINT": "12", "INT": "12", "BIGINT": "12", "FLOAT": "12.0", "DOUBLE": "12.0",
		"DATE": "0012-01-01", "TIME(0)": "12:00:00", "TIMESTAMP(3)": "!", "TIMESTAMP_LTZ(3)": "!",
	}},
	{"'2021-09-27 12:34:56.7'", map[string]string{
		"STRING": "2021-09-27 12:34:56.7", "BYTES": "2021-09-27 12:34:56.7", "BOOLEAN": "!", "DECIMAL(6, 2)": "!", "TINYINT": "!", "INT": "!", "BIGINT": "!",
		"FLOAT": "!", "DOUBLE": "!", "DATE": "2021-09-27", "TIME(0)": "!", "TIMESTAMP(3)": "2021-09-27 12:34:56.700", "TIMESTAMP_LTZ(3)": "2021-09-27 12:34:56.700",
	}},
	{"'yes'", map[string]string{
		"STRING": "yes", "BYTES": "yes", "BOOLEAN": "TRUE", "DECIMAL(6, 2)": "!", "TINYINT": "!", "INT": "!", "BIGINT": "!", "FLOAT": "!", "DOUBLE": "!",
		"DATE": "!", "TIME(0)": "!", "TIMESTAMP(3)": "!", "TIMESTAMP_LTZ(3)": "!",
	}},
	{"x'3132'", map[string]string{"STRING": "12", "BYTES": "12"}},
	{"x'FF'", map[string]string{"STRING": "!", "BYTES": "\xff"}},
	{"TRUE", map[string]string{
		"STRING": "TRUE", "BOOLEAN": "TRUE", "DECIMAL(6, 2)": "1.00", "TINYINT": "1", "INT": "1", "BIGINT": "1", "FLOAT": "1.0", "DOUBLE": "1.0",
	}},
	{"CAST(12.345 AS DECIMAL(8, 3))", map[string]string{
		"STRING": "12.345", "BOOLEAN": "TRUE", "DECIMAL(6, 2)": "12.35", "TINYINT": "12", "INT": "12", "BIGINT": "12", "FLOAT": "12.345", "DOUBLE": "12.345",
	}},
	{"CAST(12345.6 AS DECIMAL(38, 1))", map[string]string{
		"STRING": "12345.6", "BOOLEAN": "TRUE", "DECIMAL(6, 2)": "NULL", "TINYINT": "57", "INT": "12345", "BIGINT": "12345", "FLOAT": "12345.6", "DOUBLE": "12345.6",
	}},
	{"CAST(-7 AS TINYINT)", map[string]string{
		"STRING": "-7", "BOOLEAN": "TRUE", "DECIMAL(6, 2)": "-7.00", "TINYINT": "-7", "INT": "-7", "BIGINT": "-7", "FLOAT": "-7.0", "DOUBLE": "-7.0",
	}},
	{"300", map[string]string{
		"STRING": "300", "BOOLEAN": "TRUE", "DECIMAL(6, 2)": "300.00", "TINYINT": "44", "INT": "300", "BIGINT": "300", "FLOAT": "300.0", "DOUBLE": "300.0",
		"INTERVAL YEAR TO MONTH": "+25-00",
	}},
	{"CAST(1500 AS BIGINT)", map[string]string{
		"STRING": "1500", "BOOLEAN": "TRUE", "DECIMAL(6, 2)": "1500.00", "TINYINT": "-36", "INT": "1500", "BIGINT": "1500", "FLOAT": "1500.0", "DOUBLE": "1500.0",
		"INTERVAL DAY TO SECOND(3)": "+0 00:00:01.500",
	}},
	{"CAST(1.5 AS FLOAT)", map[string]string{
		"STRING": "1.5", "BOOLEAN": "TRUE", "DECIMAL(6, 2)": "1.50", "TINYINT": "1", "INT": "1", "BIGINT": "1", "FLOAT": "1.5", "DOUBLE": "1.5",
	}},
	{"9.2e9", map[string]string{
		"STRING": "9.2E9", "BOOLEAN": "TRUE", "DECIMAL(6, 2)": "NULL", "TINYINT": "-1", "INT": "2147483647", "BIGINT": "9200000000", "FLOAT": "9.2E9", "DOUBLE": "9.2E9",
	}},
	{"0e0", map[string]string{
		"STRING": "0.0", "BOOLEAN": "FALSE", "DECIMAL(6, 2)": "0.00", "TINYINT": "0", "INT": "0", "BIGINT": "0", "FLOAT": "0.0", "DOUBLE": "0.0",
	}},
	{"DATE '2021-09-27'", map[string]string{
		"STRING": "2021-09-27", "DATE": "2021-09-27", "TIMESTAMP(3)": "2021-09-27 00:00:00.000", "TIMESTAMP_LTZ(3)": "2021-09-27 00:00:00.000",
	}},
	{"TIME '12:34:56'", map[string]string{
		"STRING": "12:34:56", "TIME(0)": "12:34:56", "TIMESTAMP(3)": "1970-01-01 12:34:56.000", "TIMESTAMP_LTZ(3)": "1970-01-01 12:34:56.000",
	}},
	{"TIMESTAMP '2021-09-27 12:34:56.123456'", map[string]string{
		"STRING": "2021-09-27 12:34:56.123456", "DATE": "2021-09-27", "TIME(0)": "12:34:56", "TIMESTAMP(3)": "2021-09-27 12:34:56.123", "TIMESTAMP_LTZ(3)": "2021-09-27 12:34:56.123",
	}},
	{"CAST(TIMESTAMP '2021-09-27 12:34:56' AS TIMESTAMP_LTZ(0))", map[string]string{
		"STRING": "2021-09-27 12:34:56", "DATE": "2021-09-27", "TIME(0)": "12:34:56", "TIMESTAMP(3)": "2021-09-27 12:34:56.000", "TIMESTAMP_LTZ(3)": "2021-09-27 12:34:56.000",
	}},
	{"INTERVAL '2-10' YEAR TO MONTH", map[string]string{"STRING": "+2-10", "INT": "34", "BIGINT": "34", "INTERVAL YEAR TO MONTH": "+2-10"}},
	{"INTERVAL '1 10:17:36.789' DAY TO SECOND(3)", map[string]string{
		"STRING": "+1 10:17:36.789", "INT": "123456789", "BIGINT": "123456789", "INTERVAL DAY TO SECOND(3)": "+1 10:17:36.789",
	}},
	{"ARRAY[1, CAST(NULL AS INT)]", map[string]string{"STRING": "[1, NULL]", "ARRAY<STRING>": "[1, NULL]"}},
	{"MAP['a', 1]", map[string]string{"STRING": "{a=1}", "MAP<STRING, STRING>": "{a=1}"}},
	{"ROW(CAST(NULL AS INT))", map[string]string{"STRING": "(NULL)", "ROW<a STRING>": "(NULL)"}},
	{"OBJECT_OF('C', 'a', 1)", map[string]string{"STRING": "(a=1)"}},
	{"PARSE_JSON('300')", map[string]string{
		"BYTES": "!", "BOOLEAN": "!", "DECIMAL(6, 2)": "300.00", "TINYINT": "44", "INT": "300", "BIGINT": "300", "FLOAT": "300.0", "DOUBLE": "300.0",
		"DATE": "!", "TIMESTAMP(3)": "!", "TIMESTAMP_LTZ(3)": "!", "VARIANT": "300",
	}},
	{"BITMAP_BUILD(ARRAY[2, 1])", map[string]string{
		"STRING": "{1,2}", "BITMAP": "{1,2}", "BYTES": ":0\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00\x10\x00\x00\x00\x01\x00\x02\x00",
	}},
	{"CAST(NULL AS INT)", map[string]string{
		"STRING": "NULL", "BOOLEAN": "NULL", "DECIMAL(6, 2)": "NULL", "TINYINT": "NULL", "INT": "NULL", "BIGINT": "NULL", "FLOAT": "NULL", "DOUBLE": "NULL",
		"INTERVAL YEAR TO MONTH": "NULL",
	}},
}

// TestCastValues casts each value to each type, and tries to. Expected values follow
// from Flink's page of data types, in its table and the notes below it.
func TestCastValues(t *testing.T) {
	v := newEvaluator(time.UTC)
	for _, row := range castRows {
		for _, to := range castTargets {
			want, allowed := row.to[to]
			for _, word := range []string{"CAST", "TRY_CAST"} {
				sql := word + "(" + row.from + " AS " + to + ")"
				n, err := v.bind(sql)
				if !allowed {
					if diag.CodeOf(err) != diag.InvalidCast {
						t.Errorf("%s is no cast, but: %v", sql, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", sql, err)
					continue
				}
				if word == "TRY_CAST" && want == "!" && n.Type().NotNull {
					t.Errorf("%s is NOT NULL", sql)
				}
				got, err := v.eval(t, sql)
				switch {
				case want == "!" && word == "CAST":
					if err == nil {
						t.Errorf("%s is %q and does not fail", sql, got)
					}
				case want == "!":
					if err != nil || got != "NULL" {
						t.Errorf("%s is %q (%v), not NULL", sql, got, err)
					}
				case err != nil || got != want:
					t.Errorf("%s is %q (%v), not %q", sql, got, err, want)
				}
			}
		}
	}
}

// TestImplicitCasts asks of each pair of types whether values of the one become values of
// the other by themselves.
func TestImplicitCasts(t *testing.T) {
	list := []types.Type{
		types.CharT(3), types.VarCharT(5), types.StringT, {Kind: types.Binary, Prec: 2}, types.BytesT, types.BooleanT, types.TinyIntT, types.SmallIntT, types.IntT,
		types.BigIntT, types.DecimalT(5, 2), types.FloatT, types.DoubleT, types.DateT, types.TimeT, types.TimestampT(3), types.TimestampLTZT(3), types.YearMonthT(),
		types.DayTimeT(), {Kind: types.Variant}, {Kind: types.Bitmap}, {Kind: types.Raw, Class: "c"},
	}
	want := func(a, b types.Type) bool {
		switch {
		case types.SameIgnoringNull(a, b):
			return true
		case a.IsString() && b.IsString(), a.IsBinary() && b.IsBinary():
			return true
		case a.IsInteger() && b.IsInteger():
			return a.Kind < b.Kind
		case a.IsNumeric() && (b.Kind == types.Decimal || b.Kind == types.Double), a.IsExact() && b.Kind == types.Float:
			return true
		case a.Kind == types.Timestamp:
			return b.Kind == types.Date || b.Kind == types.Time || b.Kind == types.TimestampLTZ
		case a.Kind == types.TimestampLTZ:
			return b.Kind == types.Timestamp
		}
		return false
	}
	for _, a := range list {
		for _, b := range list {
			if got := function.CanCast(a, b, false); got != want(a, b) {
				t.Errorf("%s to %s by itself: %v", a, b, got)
			}
			// Element by element.
			if got := function.CanCast(types.ArrayT(a), types.ArrayT(b), false); got != want(a, b) {
				t.Errorf("ARRAY<%s> to ARRAY<%s> by itself: %v", a, b, got)
			}
		}
	}
}
