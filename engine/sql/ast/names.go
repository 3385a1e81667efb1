package ast

import "strconv"

// The names of the enumerations, for dumps of the tree and for messages.

func named[T ~uint8](v T, names ...string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return strconv.Itoa(int(v))
}

func (k LiteralKind) String() string {
	return named(k, "NULL", "TRUE", "FALSE", "UNKNOWN", "integer", "decimal", "double", "string", "bytes", "DATE", "TIME",
		"TIMESTAMP", "TIMESTAMP WITH LOCAL TIME ZONE", "TIME WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE", "UUID")
}

func (o UnaryOp) String() string { return named(o, "-", "+", "NOT") }

func (o BinaryOp) String() string {
	return named(o, "OR", "AND", "=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "||", "OVERLAPS", "CONTAINS",
		"EQUALS", "PRECEDES", "SUCCEEDS", "IMMEDIATELY PRECEDES", "IMMEDIATELY SUCCEEDS", "MEMBER OF", "SUBMULTISET OF",
		"MULTISET UNION", "MULTISET UNION DISTINCT", "MULTISET INTERSECT", "MULTISET INTERSECT DISTINCT",
		"MULTISET EXCEPT", "MULTISET EXCEPT DISTINCT")
}

func (k IsKind) String() string {
	return named(k, "NULL", "TRUE", "FALSE", "UNKNOWN", "JSON", "JSON SCALAR", "JSON ARRAY", "JSON OBJECT", "A SET", "EMPTY")
}

func (k LikeKind) String() string { return named(k, "LIKE", "SIMILAR TO", "ILIKE", "RLIKE") }

func (q Quantifier) String() string { return named(q, "SOME", "ALL") }

func (q SetQuantifier) String() string { return named(q, "", "ALL", "DISTINCT") }

func (n NullTreatment) String() string { return named(n, "", "IGNORE NULLS", "RESPECT NULLS") }

func (s CallSyntax) String() string {
	return named(s, "plain", "niladic", "extract", "trim", "substring-from", "position", "overlay", "round", "unit",
		"convert-using", "json", "minus-interval", "escape", "prefix", "method", "new", "format-json")
}

func (w JSONWrapper) String() string {
	return named(w, "", "WITHOUT ARRAY WRAPPER", "WITH CONDITIONAL ARRAY WRAPPER", "WITH UNCONDITIONAL ARRAY WRAPPER")
}

func (k JSONBehaviorKind) String() string {
	return named(k, "", "ERROR", "NULL", "TRUE", "FALSE", "UNKNOWN", "EMPTY", "EMPTY ARRAY", "EMPTY OBJECT", "DEFAULT")
}

func (n JSONOnNull) String() string { return named(n, "", "NULL ON NULL", "ABSENT ON NULL") }

func (u FrameUnit) String() string { return named(u, "ROWS", "RANGE") }

func (k BoundKind) String() string {
	return named(k, "UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING", "UNBOUNDED FOLLOWING")
}

func (e FrameExclude) String() string {
	return named(e, "", "EXCLUDE CURRENT ROW", "EXCLUDE GROUP", "EXCLUDE TIES", "EXCLUDE NO OTHERS")
}

func (k GroupKind) String() string {
	return named(k, "expression", "set", "ROLLUP", "CUBE", "GROUPING SETS")
}

func (n NullOrder) String() string { return named(n, "", "NULLS FIRST", "NULLS LAST") }

func (k SetOpKind) String() string { return named(k, "UNION", "INTERSECT", "EXCEPT") }

func (k JoinKind) String() string {
	return named(k, "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ",", "ASOF JOIN", "LEFT ASOF JOIN",
		"LEFT SEMI JOIN", "LEFT ANTI JOIN", "CROSS APPLY", "OUTER APPLY")
}

func (r RowsPerMatch) String() string {
	return named(r, "", "ONE ROW PER MATCH", "ALL ROWS PER MATCH")
}

func (k SkipKind) String() string {
	return named(k, "", "TO NEXT ROW", "PAST LAST ROW", "TO FIRST", "TO LAST")
}

func (n Nullness) String() string { return named(n, "", "NULL", "NOT NULL") }

func (k ColumnKind) String() string { return named(k, "physical", "metadata", "computed") }

func (e Enforcement) String() string { return named(e, "", "ENFORCED", "NOT ENFORCED") }

func (k AlterKind) String() string { return named(k, "SET", "RESET", "COMMENT", "RENAME TO", "AS") }

func (k DropKind) String() string {
	return named(k, "columns", "PRIMARY KEY", "CONSTRAINT", "WATERMARK", "DISTRIBUTION")
}

func (a ConflictAction) String() string { return named(a, "", "ERROR", "NOTHING", "DEDUPLICATE") }
