package parse_test

import (
	"reflect"
	"testing"

	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/sql/print"
)

// TestPrecedence compares expressions with how they group, parentheses written out.
// From tight to loose: index and field, sign, * / % ||, + -, IN BETWEEN LIKE,
// comparisons and IS DISTINCT FROM, IS, NOT, AND, OR, MULTISET INTERSECT, MULTISET
// UNION and EXCEPT.
func TestPrecedence(t *testing.T) {
	for short, long := range map[string]string{
		"a OR b AND c OR d":             "(a OR (b AND c)) OR d",
		"NOT a AND b OR c":              "((NOT a) AND b) OR c",
		"NOT a = b":                     "NOT (a = b)",
		"NOT a IS NULL":                 "NOT (a IS NULL)",
		"NOT a IN (1)":                  "NOT (a IN (1))",
		"a = b IS NULL":                 "(a = b) IS NULL",
		"a IS NULL IS TRUE":             "(a IS NULL) IS TRUE",
		"a = b AND c <> d":              "(a = b) AND (c <> d)",
		"a = b = c":                     "(a = b) = c",
		"a < b + c":                     "a < (b + c)",
		"a = b IN (1, 2)":               "a = (b IN (1, 2))",
		"a + b IN (1)":                  "(a + b) IN (1)",
		"a LIKE b || c":                 "a LIKE (b || c)",
		"a LIKE b = c":                  "(a LIKE b) = c",
		"a LIKE b AND c":                "(a LIKE b) AND c",
		"a BETWEEN b AND c AND d":       "(a BETWEEN b AND c) AND d",
		"a BETWEEN b + 1 AND c * 2 = d": "(a BETWEEN (b + 1) AND (c * 2)) = d",
		"a BETWEEN b OR c AND d":        "a BETWEEN (b OR c) AND d",
		"a NOT BETWEEN b AND c OR d":    "(a NOT BETWEEN b AND c) OR d",
		"a + b - c":                     "(a + b) - c",
		"a - b * c / d":                 "a - ((b * c) / d)",
		"a * b || c":                    "(a * b) || c",
		"-a * b":                        "(-a) * b",
		"-a.b[1]":                       "-(a.b[1])",
		"- a IS NULL":                   "(- a) IS NULL",
		"a - -b":                        "a - (-b)",
		"a IS DISTINCT FROM b AND c":    "(a IS DISTINCT FROM b) AND c",
		"a IS DISTINCT FROM b IS NULL":  "(a IS DISTINCT FROM b) IS NULL",
		"a > ALL (1) AND b":             "(a > ALL (1)) AND b",
		"a OR b MULTISET UNION c":       "(a OR b) MULTISET UNION c",
		"a MULTISET UNION b MULTISET INTERSECT c": "a MULTISET UNION (b MULTISET INTERSECT c)",
		"EXISTS (SELECT 1) AND a":                 "(EXISTS (SELECT 1)) AND a",
		"a = b OR c IS NOT TRUE":                  "(a = b) OR (c IS NOT TRUE)",
		"CASE WHEN a THEN b END + c":              "(CASE WHEN a THEN b END) + c",
		"ts - INTERVAL '1' DAY < b":               "(ts - INTERVAL '1' DAY) < b",
	} {
		x, err := parse.Expr(short)
		if err != nil {
			t.Errorf("%s: %v", short, err)
			continue
		}
		y, err := parse.Expr(long)
		if err != nil {
			t.Errorf("%s: %v", long, err)
			continue
		}
		if !equal(reflect.ValueOf(x), reflect.ValueOf(y)) {
			t.Errorf("%s does not group as %s:\n%s", short, long, print.Tree(x))
		}
	}
	for short, long := range map[string]string{
		"SELECT 1 UNION SELECT 2 EXCEPT SELECT 3":        "(SELECT 1 UNION SELECT 2) EXCEPT SELECT 3",
		"SELECT 1 UNION SELECT 2 INTERSECT SELECT 3":     "SELECT 1 UNION (SELECT 2 INTERSECT SELECT 3)",
		"SELECT 1 UNION ALL SELECT 2 ORDER BY 1 LIMIT 3": "(SELECT 1 UNION ALL SELECT 2) ORDER BY 1 LIMIT 3",
		"SELECT 1 FROM a, b JOIN c ON TRUE, d":           "SELECT 1 FROM a, (b JOIN c ON TRUE), d",
		"SELECT 1 FROM a JOIN b ON x LEFT JOIN c ON y":   "SELECT 1 FROM (a JOIN b ON x) LEFT JOIN c ON y",
	} {
		x, err := parse.Statement(short)
		y, err2 := parse.Statement(long)
		if err != nil || err2 != nil || !equal(reflect.ValueOf(x), reflect.ValueOf(y)) {
			t.Errorf("%s does not group as %s: %v %v", short, long, err, err2)
		}
	}
}
