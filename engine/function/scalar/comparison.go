package scalar

import "github.com/minkstream/mink/engine/function"

// The functions of this file become nodes of expressions; here are their names and
// what documentation says of them.

var equal = function.Func{
	Name: "=", Category: function.Comparison, Form: function.FormEqual,
	Summary:    "TRUE if both values are equal.",
	Signatures: []string{"a = b"},
	Examples:   []function.Example{{SQL: "1 = 1.0", Want: "TRUE"}, {SQL: "'a' = CAST(NULL AS STRING)", Want: "NULL"}},
}

var notEqual = function.Func{
	Name: "<>", Category: function.Comparison, Form: function.FormNotEqual,
	Summary:    "TRUE if the values differ.",
	Signatures: []string{"a <> b"},
	Examples:   []function.Example{{SQL: "1 <> 2", Want: "TRUE"}, {SQL: "'a' <> 'a'", Want: "FALSE"}},
}

var less = function.Func{
	Name: "<", Category: function.Comparison, Form: function.FormLess,
	Summary:    "TRUE if the left value is below the right one.",
	Signatures: []string{"a < b"},
	Examples:   []function.Example{{SQL: "1 < 2", Want: "TRUE"}, {SQL: "'b' < 'a'", Want: "FALSE"}},
}

var lessEqual = function.Func{
	Name: "<=", Category: function.Comparison, Form: function.FormLessEqual,
	Summary:    "TRUE if the left value is not above the right one.",
	Signatures: []string{"a <= b"},
	Examples:   []function.Example{{SQL: "2 <= 2", Want: "TRUE"}, {SQL: "DATE '2020-01-02' <= '2020-01-01'", Want: "FALSE"}},
}

var greater = function.Func{
	Name: ">", Category: function.Comparison, Form: function.FormGreater,
	Summary:    "TRUE if the left value is above the right one.",
	Signatures: []string{"a > b"},
	Examples:   []function.Example{{SQL: "2 > 1", Want: "TRUE"}, {SQL: "1e0 > 1.5", Want: "FALSE"}},
}

var greaterEqual = function.Func{
	Name: ">=", Category: function.Comparison, Form: function.FormGreaterEqual,
	Summary:    "TRUE if the left value is not below the right one.",
	Signatures: []string{"a >= b"},
	Examples:   []function.Example{{SQL: "2 >= 2", Want: "TRUE"}, {SQL: "1 >= 2", Want: "FALSE"}},
}

var distinctFrom = function.Func{
	Name: "IS DISTINCT FROM", Category: function.Comparison, Form: function.FormDistinct,
	Summary:    "TRUE if the values differ; NULL equals NULL.",
	Signatures: []string{"a IS DISTINCT FROM b"},
	Examples:   []function.Example{{SQL: "1 IS DISTINCT FROM CAST(NULL AS INT)", Want: "TRUE"}, {SQL: "1 IS DISTINCT FROM 1", Want: "FALSE"}},
}

var notDistinctFrom = function.Func{
	Name: "IS NOT DISTINCT FROM", Category: function.Comparison, Form: function.FormNotDistinct,
	Summary:    "TRUE if the values are equal or both NULL.",
	Signatures: []string{"a IS NOT DISTINCT FROM b"},
	Examples: []function.Example{
		{SQL: "CAST(NULL AS INT) IS NOT DISTINCT FROM CAST(NULL AS INT)", Want: "TRUE"},
		{SQL: "1 IS NOT DISTINCT FROM CAST(NULL AS INT)", Want: "FALSE"},
	},
}

var isNull = function.Func{
	Name: "IS NULL", Category: function.Comparison, Form: function.FormIsNull,
	Summary:    "TRUE if the value is NULL.",
	Signatures: []string{"x IS NULL"},
	Examples:   []function.Example{{SQL: "CAST(NULL AS INT) IS NULL", Want: "TRUE"}, {SQL: "1 IS NULL", Want: "FALSE"}},
}

var isNotNull = function.Func{
	Name: "IS NOT NULL", Category: function.Comparison, Form: function.FormIsNotNull,
	Summary:    "TRUE if the value is not NULL.",
	Signatures: []string{"x IS NOT NULL"},
	Examples:   []function.Example{{SQL: "1 IS NOT NULL", Want: "TRUE"}},
}

var between = function.Func{
	Name: "BETWEEN", Category: function.Comparison, Form: function.FormBetween,
	Summary:    "TRUE if the value is within both bounds, which belong to the range.",
	Signatures: []string{"x BETWEEN [ASYMMETRIC] low AND high"},
	Examples: []function.Example{
		{SQL: "2 BETWEEN 1 AND 2", Want: "TRUE"},
		{SQL: "12 BETWEEN CAST(NULL AS INT) AND 10", Want: "FALSE"},
		{SQL: "12 BETWEEN 10 AND CAST(NULL AS INT)", Want: "NULL"},
	},
}

var notBetween = function.Func{
	Name: "NOT BETWEEN", Category: function.Comparison, Form: function.FormNotBetween,
	Summary:    "TRUE if the value is outside the bounds.",
	Signatures: []string{"x NOT BETWEEN [ASYMMETRIC] low AND high"},
	Examples:   []function.Example{{SQL: "3 NOT BETWEEN 1 AND 2", Want: "TRUE"}},
}

var betweenSymmetric = function.Func{
	Name: "BETWEEN SYMMETRIC", Category: function.Comparison, Form: function.FormBetweenSymmetric,
	Summary:    "BETWEEN with bounds in any order.",
	Signatures: []string{"x BETWEEN SYMMETRIC a AND b"},
	Examples:   []function.Example{{SQL: "2 BETWEEN SYMMETRIC 3 AND 1", Want: "TRUE"}},
}

var notBetweenSymmetric = function.Func{
	Name: "NOT BETWEEN SYMMETRIC", Category: function.Comparison, Form: function.FormNotBetweenSymmetric,
	Summary:    "NOT BETWEEN with bounds in any order.",
	Signatures: []string{"x NOT BETWEEN SYMMETRIC a AND b"},
	Examples:   []function.Example{{SQL: "2 NOT BETWEEN SYMMETRIC 3 AND 1", Want: "FALSE"}},
}

var in = function.Func{
	Name: "IN", Category: function.Comparison, Form: function.FormIn,
	Summary:    "TRUE if the value is in the list; NULL in the list makes what is not found unknown.",
	Signatures: []string{"x IN (a, ...)"},
	Examples: []function.Example{
		{SQL: "'a' IN ('b', 'a')", Want: "TRUE"},
		{SQL: "1 IN (2, 3)", Want: "FALSE"},
		{SQL: "1 IN (2, CAST(NULL AS INT))", Want: "NULL"},
	},
}

var notIn = function.Func{
	Name: "NOT IN", Category: function.Comparison, Form: function.FormNotIn,
	Summary:    "TRUE if the value is not in the list.",
	Signatures: []string{"x NOT IN (a, ...)"},
	Examples:   []function.Example{{SQL: "1 NOT IN (2, 3)", Want: "TRUE"}, {SQL: "1 NOT IN (2, CAST(NULL AS INT))", Want: "NULL"}},
}
