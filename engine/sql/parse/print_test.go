package parse_test

import (
	"os"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/sql/print"
)

// TestPrint reads statements and the one line they are printed as.
func TestPrint(t *testing.T) {
	b, err := os.ReadFile("testdata/print.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Split(strings.TrimSpace(string(b)), "\n\n") {
		in, want, ok := strings.Cut(c, "\n----\n")
		tree, err := parse.Statement(in)
		if err != nil || !ok {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := print.SQL(tree); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestPretty(t *testing.T) {
	cases := []struct{ in, want string }{
		{"select a, sum(b) as s from t join u on t.k = u.k and t.v > 1 where x = 1 and y = 2 group by a order by s limit 3", `SELECT
  a,
  sum(b) AS s
FROM t
  JOIN u ON t.k = u.k
    AND t.v > 1
WHERE x = 1
  AND y = 2
GROUP BY a
ORDER BY s
LIMIT 3`},
		{"create table t (a int, b string) with ('connector' = 'x')", `CREATE TABLE t (
  a INT,
  b STRING
) WITH (
  'connector' = 'x'
)`},
		{"insert into t with q as (select 1) select * from q union all (select 2 limit 1)", `INSERT INTO t
WITH q AS (
  SELECT 1
)
SELECT *
FROM q
UNION ALL
(
  SELECT 2
  LIMIT 1
)`},
	}
	for _, c := range cases {
		tree, err := parse.Statement(c.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := print.Pretty(tree); got != c.want {
			t.Errorf("%s\n got\n%s\nwant\n%s", c.in, got, c.want)
		}
	}
}

func TestTree(t *testing.T) {
	tree, err := parse.Statement("SELECT a + 1 AS `x` FROM t")
	if err != nil {
		t.Fatal(err)
	}
	want := "QueryStatement @0:26\n" +
		"  Query: Select @0:26\n" +
		"    Items: \n" +
		"      SelectItem\n" +
		"        Expr: Binary @7:12\n" +
		"          Op: +\n" +
		"          L: ColumnRef @7:8\n" +
		"            Name: a\n" +
		"          R: Literal @11:12\n" +
		"            Kind: integer\n" +
		"            Text: \"1\"\n" +
		"        Alias: `x`\n" +
		"    From: TableName @25:26\n" +
		"      Name: t"
	if got := print.Tree(tree); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, sql := range corpus(t) {
		tree, err := parse.Statement(sql)
		if err != nil || print.Tree(tree) == "" {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// TestValues checks decoded values of literals.
func TestValues(t *testing.T) {
	lit := func(sql string) *ast.Literal {
		x, err := parse.Expr(sql)
		if err != nil {
			t.Fatal(sql, err)
		}
		l, ok := x.(*ast.Literal)
		if !ok {
			t.Fatalf("%s is a %T", sql, x)
		}
		return l
	}
	for sql, want := range map[string]string{
		"'it''s'": "it's", "''": "", "'a' 'b'": "ab", `'\n'`: `\n`, `E'\n\t\b\f\r'`: "\n\t\b\f\r", `E'\101\x41\u0041\U0001F600'`: "AAA😀",
		`E'a''b\'c'`: "a'b'c", `E'\uD83D\uDE00'`: "😀", `U&'\263A'`: "☺", `U&'#263A#23' UESCAPE '#'`: "", `U&'\\x'`: `\x`, `U&'\+01F600'`: "😀",
		"x'45F0'": "45F0", "'😀'": "😀", "1.50": "1.50", "007": "007",
	} {
		if sql == `U&'#263A#23' UESCAPE '#'` {
			if _, err := parse.Expr(sql); err == nil {
				t.Errorf("%s is accepted", sql)
			}
			continue
		}
		if got := lit(sql).Text; got != want {
			t.Errorf("%s is %q, want %q", sql, got, want)
		}
	}
	// 2000-03-01 is day 11017 of the epoch: 30 years with 7 leap days, and 60 days.
	for sql, want := range map[string]int64{"DATE '1970-01-01'": 0, "DATE '1969-12-31'": -1, "DATE '2000-03-01'": 30*365 + 7 + 60, "DATE '1970-1-2'": 1, "DATE '0000-01-01'": -719528} {
		if got, ok := lit(sql).DateValue(); !ok || got != want {
			t.Errorf("%s is %d %v, want %d", sql, got, ok, want)
		}
	}
	for _, sql := range []string{"DATE '2020-02-30'", "DATE '2021-02-29'", "DATE '1900-02-29'", "DATE '20-01-01'", "DATE 'x'", "DATE '2020-13-01'", "TIME '24:00:00'", "TIME '1:2'", "TIMESTAMP '2020-01-01 1:60:00'", "TIME '00:00:00.1234567890'"} {
		if lit(sql).ValidTime() {
			t.Errorf("%s is valid", sql)
		}
	}
	days, nanos, precision, ok := lit("TIMESTAMP '1970-01-02 01:02:03.040'").TimestampValue()
	if !ok || days != 1 || precision != 3 || nanos != (3600+2*60+3)*1_000_000_000+40_000_000 {
		t.Error(days, nanos, precision, ok)
	}
	if b, ok := lit("x'45F0'").Bytes(); !ok || string(b) != "\x45\xf0" {
		t.Error(b, ok)
	}
	if _, ok := lit("x'4'").Bytes(); ok {
		t.Error("an odd binary literal decodes")
	}
}
