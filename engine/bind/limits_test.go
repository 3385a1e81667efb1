package bind_test

import (
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/sql/parse"
)

// TestColumnsMax: results and tables have at most 10,000 columns, however they are
// written.
func TestColumnsMax(t *testing.T) {
	host := &catalog.Host{Functions: function.NewRegistry(scalar.All()), UserFunctions: map[string]*function.Func{}}
	session := catalog.NewSession(catalog.NewStore(), host)
	from := " FROM (VALUES (1, 2)) AS t(a, b)"
	for _, c := range []struct {
		sql  string
		code diag.Code
	}{
		{"SELECT 1" + strings.Repeat(", 1", 9_999), ""},
		{"SELECT 1" + strings.Repeat(", 1", 10_000), diag.LimitExceeded},
		{"SELECT *" + strings.Repeat(", *", 4_999) + from, ""},
		{"SELECT *" + strings.Repeat(", *", 300_000) + from, diag.LimitExceeded},
	} {
		q, err := parse.Query(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = bind.New(session, c.sql).Query(q); diag.CodeOf(err) != c.code {
			t.Errorf("%.20s... of %d bytes: %v, want %q", c.sql, len(c.sql), err, c.code)
		}
	}
	sql := "CREATE TABLE t (c INT" + strings.Repeat(", c INT", 10_000) + ")"
	stmt, err := parse.Statement(sql)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = bind.New(session, sql).Statement(stmt); diag.CodeOf(err) != diag.LimitExceeded {
		t.Errorf("CREATE TABLE: %v", err)
	}
}
