package cli

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestUpAgain runs a script on the cluster twice, which Apache Flink allows since each of its
// sessions has a catalog of its own, then with another definition of its table.
func TestUpAgain(t *testing.T) {
	c := startCluster(t)
	script := func(text string) (string, int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(c.dir, "again.sql"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out, errOut, code := c.mink("run", "--dir", ".mink", "--output", "csv", "again.sql")
		return out + errOut, code
	}
	const text = `CREATE DATABASE shop;
CREATE TABLE shop.numbers (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '3', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '3');
CREATE VIEW shop.sums AS SELECT SUM(n) AS s FROM shop.numbers;
CREATE FUNCTION twice AS 'a * 2' LANGUAGE SQL WITH ('arguments' = 'a INT');
SET 'execution.runtime-mode' = 'batch';
SELECT twice(s) AS d FROM shop.sums;
`
	for range 2 {
		if out, code := script(text); code != 0 || !strings.Contains(out, "12") {
			t.Fatalf("exit %d: %s", code, out)
		}
	}
	out, code := script(strings.Replace(text, "'fields.n.end' = '3'", "'fields.n.end' = '4'", 1))
	if code != 1 || !strings.Contains(out, "again.sql:2:14: already-exists") || !strings.Contains(out, "word for word") {
		t.Errorf("another definition: exit %d: %s", code, out)
	}
}

// TestUnread stops reading the rows of a query that has no end: the query ends, too.
func TestUnread(t *testing.T) {
	c := startCluster(t)
	cmd := minkCommand(t, c.dir, "sql", "--dir", ".mink", "--output", "csv", "-e",
		"CREATE TABLE n (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000'); SELECT n FROM n")
	rows, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errOut strings.Builder
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(rows).ReadString('\n'); err != nil {
		t.Fatalf("%q: %v %s", line, err, &errOut)
	}
	rows.Close()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitUnread || errOut.String() != "OK\n" {
		t.Errorf("the client ended with %v: %q", err, errOut.String())
	}
	if !await(t.Context(), 20*time.Second, func() bool {
		out, _, _ := c.mink("jobs", "ls", "--output", "json")
		return strings.Contains(out, "CANCELED") && !strings.Contains(out, "RUNNING")
	}) {
		out, _, _ := c.mink("jobs", "ls")
		t.Errorf("the query goes on:\n%s", out)
	}
}
