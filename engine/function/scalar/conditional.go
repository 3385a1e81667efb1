package scalar

import "github.com/minkstream/mink/engine/function"

// Choices; see comparison.go on functions with a form. Values that are not chosen
// are not computed.

var caseWhen = function.Func{
	Name: "CASE", Category: function.Conditional, Form: function.FormCase,
	Summary:    "The value behind the first condition that is TRUE, else that of ELSE, else NULL.",
	Signatures: []string{"CASE x WHEN a [, b] THEN r ... [ELSE z] END", "CASE WHEN c THEN r ... [ELSE z] END"},
	Examples: []function.Example{
		{SQL: "CASE WHEN 1 > 2 THEN 'a' WHEN 2 > 1 THEN 'b' END", Want: "b"},
		{SQL: "CASE 3 WHEN 1, 2 THEN 'low' ELSE 'high' END", Want: "high"},
		{SQL: "CASE WHEN 1 > 2 THEN 'a' END", Want: "NULL"},
		{SQL: "CASE WHEN 1 > 2 THEN 1 / 0 ELSE 5 END", Want: "5"},
	},
}

var coalesce = function.Func{
	Name: "COALESCE", Category: function.Conditional, Form: function.FormCoalesce,
	Summary:    "The first value that is not NULL.",
	Signatures: []string{"COALESCE(a, ...)"},
	Examples:   []function.Example{{SQL: "COALESCE(CAST(NULL AS INT), 5)", Want: "5"}, {SQL: "COALESCE(7, 1 / 0)", Want: "7"}},
}

var ifNull = function.Func{
	Name: "IFNULL", Category: function.Conditional, Form: function.FormIfNull,
	Summary:    "The first value, or the second where the first is NULL.",
	Signatures: []string{"IFNULL(a, b)"},
	Examples:   []function.Example{{SQL: "IFNULL(CAST(NULL AS INT), 5)", Want: "5"}, {SQL: "TYPEOF(IFNULL(CAST(1 AS INT), CAST(2 AS DECIMAL(5, 2))))", Want: "DECIMAL(12, 2) NOT NULL"}},
}

var nullIf = function.Func{
	Name: "NULLIF", Category: function.Conditional, Form: function.FormNullIf,
	Summary:    "NULL if the values are equal, else the first.",
	Signatures: []string{"NULLIF(a, b)"},
	Examples:   []function.Example{{SQL: "NULLIF(5, 5)", Want: "NULL"}, {SQL: "NULLIF(5, 0)", Want: "5"}},
}

var ifThenElse = function.Func{
	Name: "IF", Category: function.Conditional, Form: function.FormIf,
	Summary:    "The second value where the condition is TRUE, else the third.",
	Signatures: []string{"IF(condition, a, b)"},
	Examples:   []function.Example{{SQL: "IF(5 > 3, 'yes', 'no')", Want: "yes"}, {SQL: "IF(CAST(NULL AS BOOLEAN), 1, 2)", Want: "2"}},
}
