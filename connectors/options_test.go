package connectors_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function/scalar"
)

// check runs statements one after the other, as a script does, and renders the
// first error.
func check(t *testing.T, statements ...string) (*diag.Error, string) {
	t.Helper()
	e, err := engine.New(engine.Config{Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All()})
	if err != nil {
		t.Fatal(err)
	}
	s := e.NewSession()
	text := strings.Join(statements, ";\n")
	at := 0
	for _, stmt := range statements {
		if _, err := s.Check(stmt); err != nil {
			d := diag.As(err)
			if d == nil {
				t.Fatalf("%s: %v has no code", stmt, err)
			}
			return d, diag.Render(diag.Source{Name: "job.sql", Text: text, Offset: at}, d)
		}
		at += len(stmt) + 2
	}
	return nil, ""
}

// Every option of every connector and format, with a letter missing, is refused at
// the place of its key in the WITH clause, and the right key is suggested.
func TestMisspeltOptionsAreRefusedAtTheirPlace(t *testing.T) {
	try := func(with string, d connect.Option, prefix string) {
		if d.Prefix || d.Key == "connector" || d.Key == "format" || strings.HasSuffix(d.Key, ".format") {
			return
		}
		if strings.HasPrefix(d.Key, "properties.") {
			return // Kafka's clients take settings that they do not know
		}
		key := prefix + d.Key
		wrong := key[:len(key)-2] + key[len(key)-1:]
		create := fmt.Sprintf("CREATE TABLE t (a BIGINT)\nWITH (%s,\n  '%s' = 'x')", with, wrong)
		d1, text := check(t, create, "SELECT a FROM t")
		if d1 == nil || d1.Code != diag.UnknownOption {
			t.Errorf("%s: %v", wrong, d1)
			return
		}
		shown := "x"
		if diag.IsSecret(wrong) {
			shown = "*"
		}
		if !strings.HasPrefix(text, "job.sql:3:3: unknown-option: ") || !strings.Contains(text, "\n    '"+wrong+"' = '"+shown+"'") ||
			!strings.Contains(text, "note: job.sql:4:15: ") || !strings.HasSuffix(text, "hint: did you mean '"+key+"'") {
			t.Errorf("%s:\n%s", wrong, text)
		}
	}
	for _, c := range connectors.All() {
		with := "'connector' = '" + c.Name + "'"
		if c.Source == nil {
			continue // below
		}
		if c.Formats {
			with += ", 'format' = 'json'"
		}
		for _, d := range c.Options {
			try(with, d, "")
		}
	}
	for _, f := range connectors.Formats() {
		for _, d := range f.Options {
			try("'connector' = 'filesystem', 'path' = 'x', 'format' = '"+f.Name+"'", d, f.Name+".")
		}
	}
}

func TestPlacesOfOptions(t *testing.T) {
	const csv = "CREATE TABLE t (a BIGINT) WITH ('connector' = 'filesystem', 'path' = 'x', 'format' = 'csv'"
	const kafkaTable = "CREATE TABLE t (a BIGINT) WITH ('connector' = 'kafka', 'topic' = 'x', 'properties.bootstrap.servers' = 'x:1', 'format' = 'csv'"
	for _, c := range []struct {
		name  string
		text  []string
		code  diag.Code
		place string // line and column in the joined text
		hint  string
	}{
		{"a sink", []string{"CREATE TABLE t (a BIGINT) WITH ('connector' = 'print',\n 'standard-eror' = 'true')", "INSERT INTO t VALUES (1)"}, diag.UnknownOption, "2:2", "did you mean 'standard-error'"},
		{"a value of the wrong type", []string{csv + ",\n\n  'source.monitor-interval' = 'often')", "SELECT * FROM t"}, diag.InvalidOption, "3:3", ""},
		{"a value the format refuses", []string{csv + ",\n 'csv.field-delimiter' = 'ab')", "SELECT * FROM t"}, diag.InvalidOption, "2:2", ""},
		{"no such connector", []string{"CREATE TABLE t (a BIGINT) WITH (\n'connector' = 'filesystm')", "SELECT * FROM t"}, diag.InvalidOption, "2:1", "did you mean 'filesystem'"},
		{"a connector of Flink's that is missing", []string{"CREATE TABLE t (a BIGINT) WITH (\n'connector' = 'pulsar')", "SELECT * FROM t"}, diag.Unsupported, "2:1", ""},
		{"no such format", []string{"CREATE TABLE t (a BIGINT) WITH ('connector' = 'filesystem', 'path' = 'x',\n'format' = 'cvs')", "SELECT * FROM t"}, diag.InvalidOption, "2:1", "did you mean 'csv'"},
		{"a missing option is shown where the table is used", []string{"CREATE TABLE t (a BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv')", "SELECT *\nFROM t"}, diag.MissingOption, "3:6", "add 'path' = '...' to the WITH clause"},
		{"ALTER TABLE", []string{csv + ")", "ALTER TABLE t SET ('pth' = 'y')", "SELECT * FROM t"}, diag.UnknownOption, "2:20", "did you mean 'path'"},
		{"LIKE", []string{csv + ",\n 'csv.null-litral' = 'n')", "CREATE TABLE u LIKE t", "SELECT * FROM u"}, diag.UnknownOption, "2:2", "did you mean 'csv.null-literal'"},
		{"a hint", []string{csv + ")", "SELECT * FROM t /*+ OPTIONS('csv.null-litral' = 'n') */"}, diag.UnknownOption, "2:29", "did you mean 'csv.null-literal'"},
		{"a reference in an option that takes none", []string{"CREATE TABLE t (a BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv',\n 'path' = '/x/${env:DIR}')", "SELECT * FROM t"}, diag.InvalidOption, "2:2", "write the value itself; references are for passwords, keys and addresses that nothing but the connection needs"},
		{"a reference where a number is taken", []string{csv + ",\n'sink.parallelism' = '${env:N}')", "INSERT INTO t VALUES (1)"}, diag.InvalidOption, "2:1", ""},
		{"a reference that names nothing", []string{kafkaTable + ",\n'properties.ssl.keystore.password' = '${env:}')", "SELECT * FROM t"}, diag.InvalidOption, "2:1", "write ${env:NAME} for a variable of the environment, ${file:PATH} for what is in a file"},
		{"a reference of another kind", []string{kafkaTable + ")", "SELECT * FROM t /*+ OPTIONS('properties.ssl.keystore.password' = '${vault:x}') */"}, diag.InvalidOption, "2:29", ""},
		{"a reference of a catalog", []string{"CREATE CATALOG c WITH ('type' = 'mink', 'path' = '${env:X}')"}, diag.InvalidOption, "1:50", ""},
	} {
		d, text := check(t, c.text...)
		if d == nil || d.Code != c.code || !strings.HasPrefix(text, "job.sql:"+c.place+": ") || c.hint != "" && !strings.HasSuffix(text, "hint: "+c.hint) {
			t.Errorf("%s:\n%s", c.name, text)
		}
	}
	// A table that is never used may have any options, as in Flink.
	if d, text := check(t, "CREATE TABLE t (a BIGINT) WITH ('connector' = 'filesystem', 'nonsense' = '1')"); d != nil {
		t.Error(text)
	}
}

// A value under a key that sounds secret is in no message.
func TestSecretsAreMasked(t *testing.T) {
	for _, key := range []string{"s3.secret-key", "password", "my.api-key"} {
		_, text := check(t, "CREATE TABLE t (a BIGINT) WITH ('connector' = 'print', '"+key+"' = 'hunter2')", "INSERT INTO t VALUES (1)")
		if !strings.Contains(text, "unknown-option") || !strings.Contains(text, "'"+key+"' = '*******')") || strings.Contains(text, "hunter2") {
			t.Errorf("%s:\n%s", key, text)
		}
	}
	decl := []connect.Option{{Key: "pin", Secret: true}, {Key: "auth.", Prefix: true, Secret: true}}
	got := connect.Redact(connect.Options{"pin": "1", "auth.x": "2", "password": "3", "token": "${env:T}", "path": "p"}, decl)
	want := connect.Options{"pin": "******", "auth.x": "******", "password": "******", "token": "${env:T}", "path": "p"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The error of a declared secret does not show its value either.
	err := connect.CheckValue(connect.Option{Key: "pin", Type: connect.Int, Secret: true}, "pin", "hunter2")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	if _, err := (connect.Options{"my.password": "hunter2"}).Int("my.password", 0); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}
