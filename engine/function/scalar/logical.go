package scalar

import "github.com/minkstream/mink/engine/function"

// Three-valued logic; see comparison.go on functions with a form.

var and = function.Func{
	Name: "AND", Category: function.Logical, Form: function.FormAnd,
	Summary:    "TRUE if all are; FALSE if one is, whatever the others.",
	Signatures: []string{"a AND b"},
	Examples:   []function.Example{{SQL: "TRUE AND FALSE", Want: "FALSE"}, {SQL: "FALSE AND CAST(NULL AS BOOLEAN)", Want: "FALSE"}, {SQL: "TRUE AND CAST(NULL AS BOOLEAN)", Want: "NULL"}},
}

var or = function.Func{
	Name: "OR", Category: function.Logical, Form: function.FormOr,
	Summary:    "TRUE if one is, whatever the others; FALSE if all are.",
	Signatures: []string{"a OR b"},
	Examples:   []function.Example{{SQL: "TRUE OR CAST(NULL AS BOOLEAN)", Want: "TRUE"}, {SQL: "FALSE OR CAST(NULL AS BOOLEAN)", Want: "NULL"}},
}

var not = function.Func{
	Name: "NOT", Category: function.Logical, Form: function.FormNot,
	Summary:    "TRUE for FALSE, FALSE for TRUE, NULL for NULL.",
	Signatures: []string{"NOT a"},
	Examples:   []function.Example{{SQL: "NOT TRUE", Want: "FALSE"}, {SQL: "NOT CAST(NULL AS BOOLEAN)", Want: "NULL"}},
}

var isTrue = function.Func{
	Name: "IS TRUE", Category: function.Logical, Form: function.FormIsTrue,
	Summary: "TRUE if the value is TRUE, else FALSE.", Signatures: []string{"a IS TRUE"},
	Examples: []function.Example{{SQL: "CAST(NULL AS BOOLEAN) IS TRUE", Want: "FALSE"}},
}

var isNotTrue = function.Func{
	Name: "IS NOT TRUE", Category: function.Logical, Form: function.FormIsNotTrue,
	Summary: "TRUE if the value is FALSE or NULL.", Signatures: []string{"a IS NOT TRUE"},
	Examples: []function.Example{{SQL: "CAST(NULL AS BOOLEAN) IS NOT TRUE", Want: "TRUE"}},
}

var isFalse = function.Func{
	Name: "IS FALSE", Category: function.Logical, Form: function.FormIsFalse,
	Summary: "TRUE if the value is FALSE, else FALSE.", Signatures: []string{"a IS FALSE"},
	Examples: []function.Example{{SQL: "FALSE IS FALSE", Want: "TRUE"}, {SQL: "CAST(NULL AS BOOLEAN) IS FALSE", Want: "FALSE"}},
}

var isNotFalse = function.Func{
	Name: "IS NOT FALSE", Category: function.Logical, Form: function.FormIsNotFalse,
	Summary: "TRUE if the value is TRUE or NULL.", Signatures: []string{"a IS NOT FALSE"},
	Examples: []function.Example{{SQL: "CAST(NULL AS BOOLEAN) IS NOT FALSE", Want: "TRUE"}},
}

var isUnknown = function.Func{
	Name: "IS UNKNOWN", Category: function.Logical, Form: function.FormIsUnknown,
	Summary: "TRUE if the value is NULL.", Signatures: []string{"a IS UNKNOWN"},
	Examples: []function.Example{{SQL: "CAST(NULL AS BOOLEAN) IS UNKNOWN", Want: "TRUE"}},
}

var isNotUnknown = function.Func{
	Name: "IS NOT UNKNOWN", Category: function.Logical, Form: function.FormIsNotUnknown,
	Summary: "TRUE if the value is TRUE or FALSE.", Signatures: []string{"a IS NOT UNKNOWN"},
	Examples: []function.Example{{SQL: "TRUE IS NOT UNKNOWN", Want: "TRUE"}},
}
