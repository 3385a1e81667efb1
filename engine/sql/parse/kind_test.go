package parse_test

import (
	"testing"

	"github.com/minkstream/mink/engine/sql/parse"
)

func TestKind(t *testing.T) {
	for text, want := range map[string]string{
		"select 1": "SELECT", "  -- x\nCREATE OR REPLACE TEMPORARY SYSTEM FUNCTION f AS 'x'": "CREATE FUNCTION", "DROP MATERIALIZED TABLE t": "DROP TABLE",
		"ALTER TABLE t ADD c INT": "ALTER TABLE", "INSERT INTO t VALUES ('secret')": "INSERT", "": "", "'x'": "", "REPLACE TABLE t AS SELECT 1": "REPLACE",
		"(SELECT 1)": "",
	} {
		if got := parse.Kind(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
