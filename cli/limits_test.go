package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestLimits feeds what is larger than mink takes: each is refused with its place,
// and nothing hangs.
func TestLimits(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	columns := func(form string, n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(form, i))
		}
		return strings.Join(list, ",")
	}
	long := strings.Repeat("x", 16<<20)
	write("deep.json", strings.Repeat(`{"a":`, 101)+"1"+strings.Repeat("}", 101)+"\n")
	write("long.json", `{"a":"`+long+"\"}\n")
	write("long.csv", `"`+long+"\"\n")
	write("plain.csv", long+"x\n")
	table := func(file string) string {
		return fmt.Sprintf("CREATE TABLE t (a STRING) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = '%s');\nSELECT CHAR_LENGTH(a) FROM t",
			file, file[strings.Index(file, ".")+1:])
	}
	for _, c := range []struct {
		name, sql, want string
	}{
		{"statement of 1 MB", "SELECT 1;\nSELECT '" + strings.Repeat("x", 1<<20) + "'", "script.sql:2:1: limit-exceeded: "},
		{"expression 501 deep", "SELECT " + strings.Repeat("(", 501) + "1" + strings.Repeat(")", 501), ": limit-exceeded: nesting is deeper than 500 levels"},
		{"operators 501 deep", "SELECT " + strings.Repeat("- ", 501) + "1", ": limit-exceeded: nesting is deeper than 500 levels"},
		{"subqueries 501 deep", strings.Repeat("SELECT * FROM (", 501) + "SELECT 1" + strings.Repeat(")", 501), ": limit-exceeded: nesting is deeper than 500 levels"},
		{"type 501 deep", "CREATE TABLE t (a " + strings.Repeat("ARRAY<", 501) + "INT" + strings.Repeat(">", 501) + ") WITH ('connector' = 'datagen')", ": limit-exceeded: nesting is deeper than 500 levels"},
		{"10,001 columns of a table", "CREATE TABLE t (" + columns("c%d INT", 10_001) + ") WITH ('connector' = 'datagen')", ": limit-exceeded: "},
		{"10,001 columns of a result", "SELECT " + columns("1 AS c%d", 10_001), ": limit-exceeded: "},
		{"JSON 101 deep", table("deep.json"), "script.sql:2:"},
		{"JSON of 16 MB", table("long.json"), "'long.json': line 1 (byte 0): record is longer than 16 MB"},
		{"CSV of 16 MB in quotes", table("long.csv"), "'long.csv': line 1 (byte 0): record is longer than 16 MB"},
		{"CSV of 16 MB", table("plain.csv"), "'plain.csv': line 1 (byte 0): record is longer than 16 MB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			write("script.sql", c.sql)
			var out, errOut bytes.Buffer
			if code := Main([]string{"run", "--output", "json", "script.sql"}, strings.NewReader(""), &out, &errOut); code != exitFailed {
				t.Errorf("exit %d", code)
			}
			text := errOut.String()
			if !strings.Contains(text, c.want) {
				t.Errorf("%q is not in %q", c.want, text[:min(len(text), 600)])
			}
			if len(text) > 4000 {
				t.Errorf("a message of %d bytes", len(text))
			}
			if strings.Contains(text, "panic:") || strings.Contains(text, "fatal error:") {
				t.Error(text)
			}
		})
	}
	// What is just within is taken.
	write("script.sql", "SELECT "+strings.Repeat("(", 400)+"1"+strings.Repeat(")", 400))
	var out, errOut bytes.Buffer
	if code := Main([]string{"run", "--output", "json", "script.sql"}, strings.NewReader(""), &out, &errOut); code != exitOK {
		t.Errorf("400 deep: exit %d, %s", code, errOut.String())
	}
}
