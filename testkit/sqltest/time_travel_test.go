package sqltest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTimeTravel reads a table by the definitions of its versions, which stand in
// files as a catalog on disk keeps them: at noon of 2024-05-01 UTC the column b came
// and the data moved.
func TestTimeTravel(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"cat/mink-catalog":             "mink catalog, format 1\n",
		"cat/default/database.sql":     "CREATE DATABASE `default`\n",
		"cat/default/tables/t/3.x":     "not a version",
		"old/part.json":                `{"a":1}`,
		"new/part.json":                `{"a":2,"b":"two"}`,
		"cat/default/tables/t/1.sql":   version(1, "2024-01-01T00:00:00.000Z", "a INT", dir+"/old"),
		"cat/default/tables/t/002.sql": version(2, "2024-05-01T12:00:00.000Z", "a INT, b STRING", dir+"/new"),
	}
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ zone, query, want string }{
		{"UTC", "SELECT * FROM t", "[2 two]"},
		{"UTC", "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2024-05-01 11:59:59.999'", "[1]"},
		{"UTC", "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2024-05-01 12:00:00'", "[2 two]"},
		// The same words are two hours earlier in Berlin.
		{"Europe/Berlin", "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2024-05-01 13:59:59'", "[1]"},
		{"Europe/Berlin", "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2024-05-01 14:00:00'", "[2 two]"},
		{"UTC", "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2024-05-02 00:00:00' - INTERVAL '1' DAY", "[1]"},
		{"UTC", "SELECT n.b, o.a FROM t AS n JOIN t FOR SYSTEM_TIME AS OF TIMESTAMP '2024-02-01 00:00:00' AS o ON n.a = o.a + 1", "[two 1]"},
		{"UTC", "SELECT x.a FROM t FOR SYSTEM_TIME AS OF TO_TIMESTAMP('2024-02-01 00:00:00') AS x", "[1]"},
	} {
		ctx := context.Background()
		client := local(t, true)
		session, err := client.OpenSession(ctx, map[string]string{"table.local-time-zone": c.zone})
		if err != nil {
			t.Fatal(err)
		}
		got := (&runner{ctx: ctx, session: session, dir: dir}).script(
			"CREATE CATALOG c WITH ('type' = 'mink', 'path' = '${dir}/cat'); USE CATALOG c; " + c.query)
		if got.err != nil || len(got.rows) != 1 || strings.ReplaceAll(fmt.Sprint(got.rows[0].cells), `"`, "") != c.want {
			t.Errorf("%s in %s: %v, %v, not %s", c.query, c.zone, got.rows, got.err, c.want)
		}
		client.Close()
	}
}

func version(n int, since, columns, path string) string {
	return fmt.Sprintf("-- version %d of table `t`\n-- since %s\nCREATE TABLE t (%s) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '%s')\n", n, since, columns, path)
}
