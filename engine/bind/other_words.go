package bind

import "strings"

// Words of other dialects, with what says the same here. They are for hints: nothing
// else takes them.

// otherFunctions are functions that people look for under another name.
var otherFunctions = map[string]string{
	"ARRAY_LENGTH": "CARDINALITY(array)", "ARRAY_SIZE": "CARDINALITY(array)", "ARRAY_TO_STRING": "ARRAY_JOIN(array, ',')",
	"CHARINDEX": "LOCATE(part, text)", "COUNT_IF": "COUNT(*) FILTER (WHERE condition)", "COUNTIF": "COUNT(*) FILTER (WHERE condition)",
	"DATEADD": "TIMESTAMPADD(DAY, n, ts), or ts + INTERVAL '1' DAY", "DATE_ADD": "ts + INTERVAL '1' DAY", "DATE_SUB": "ts - INTERVAL '1' DAY",
	"DATEDIFF": "TIMESTAMPDIFF(DAY, from, to)", "DATE_DIFF": "TIMESTAMPDIFF(DAY, from, to)", "DATE_PART": "EXTRACT(DAY FROM ts)",
	"DATE_TRUNC": "FLOOR(ts TO DAY)", "FORMAT_DATE": "DATE_FORMAT(ts, 'yyyy-MM-dd')", "GETDATE": "CURRENT_TIMESTAMP",
	"GROUP_CONCAT": "LISTAGG(text, ',')", "IIF": "IF(condition, a, b)", "ISNULL": "COALESCE(a, b), or a IS NULL",
	"JSON_EXTRACT": "JSON_VALUE(json, '$.path') for a value, JSON_QUERY for an object or array", "LEN": "CHAR_LENGTH(text)", "LENGTH": "CHAR_LENGTH(text)",
	"NVL": "COALESCE(a, b)", "NVL2": "IF(a IS NOT NULL, b, c)", "PARSE_DATE": "TO_DATE(text, 'yyyy-MM-dd')", "PARSE_TIMESTAMP": "TO_TIMESTAMP(text, 'yyyy-MM-dd HH:mm:ss')",
	"REGEXP_MATCHES": "REGEXP(text, pattern), or REGEXP_EXTRACT", "SAFE_CAST": "TRY_CAST(a AS type)", "SIZE": "CARDINALITY(array)",
	"STRFTIME": "DATE_FORMAT(ts, 'yyyy-MM-dd')", "STRING_AGG": "LISTAGG(text, ',')", "STRPOS": "LOCATE(part, text)", "SUMIF": "SUM(n) FILTER (WHERE condition)",
	"SYSDATE": "CURRENT_TIMESTAMP", "TO_CHAR": "DATE_FORMAT(ts, 'yyyy-MM-dd') for times, CAST(n AS STRING) for numbers", "TO_NUMBER": "CAST(text AS DECIMAL(10, 2))",
	"TRY_TO_NUMBER": "TRY_CAST(text AS DECIMAL(10, 2))", "UNIX_MILLIS": "UNIX_TIMESTAMP() * 1000", "ZEROIFNULL": "COALESCE(n, 0)",
}

// otherTypes are types that people look for under another name.
var otherTypes = map[string]string{
	"BIGNUMERIC": "DECIMAL(38, 9)", "BLOB": "BYTES", "BOOL": "BOOLEAN", "BYTEA": "BYTES", "CLOB": "STRING", "DATETIME": "TIMESTAMP(3)", "FLOAT4": "FLOAT", "FLOAT64": "DOUBLE",
	"FLOAT8": "DOUBLE", "INT16": "SMALLINT", "INT2": "SMALLINT", "INT32": "INT", "INT4": "INT", "INT64": "BIGINT", "INT8": "BIGINT", "JSON": "STRING, or VARIANT",
	"JSONB": "STRING, or VARIANT", "LONG": "BIGINT", "LONGTEXT": "STRING", "MONEY": "DECIMAL(19, 4)", "NUMBER": "DECIMAL(p, s)", "NVARCHAR": "STRING", "SERIAL": "BIGINT",
	"STRUCT": "ROW<name type, ...>", "TEXT": "STRING", "TIMESTAMPTZ": "TIMESTAMP_LTZ(3)", "TIMESTAMP_NTZ": "TIMESTAMP(3)", "UUID": "STRING", "VARCHAR2": "VARCHAR(n)",
}

// other finds what says the same as a word of another dialect.
func other(words map[string]string, name string) string { return words[strings.ToUpper(name)] }
