package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestConfined: tests, their scripts, cassettes and files of formats and functions come from
// the project alone, whatever names and links say; nobody is asked over the network; no program
// starts. What is allowed runs.
func TestConfined(t *testing.T) {
	top := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	const canary = "canary-of-another-folder"
	const job = "CREATE TABLE t (k INT) WITH ('connector' = 'kafka', 'format' = 'json');\nSELECT k + 1 AS n FROM t;\n"
	const body = "@test one\n@given t\n  1\n@expect table\n  n\n  2\n"
	outside := write("outside/secret.sql", "SELECT '"+canary+"' "+canary+" FROM;\n")
	write("outside/job.sql", job)
	write("outside/m.proto", "syntax = \"proto3\"; message M { int32 k = 1; "+canary+" }\n")
	write("outside/data/a.csv", canary+"\n")
	write("project/.git/HEAD", "")
	write("project/jobs/job.sql", job)
	write("project/x.cassette", canary)
	proto := func(name string) string {
		return "CREATE TABLE t (k INT) WITH ('connector' = 'kafka', 'format' = 'protobuf', 'protobuf.schema-file' = '" + name + "', 'protobuf.message-class-name' = 'M');\nSELECT k + 1 AS n FROM t;\n"
	}
	link := func(from, to string) {
		t.Helper()
		to = filepath.Join(top, "project", to)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(from, to); err != nil {
			t.Fatal(err)
		}
	}
	link(outside, "tests/linked.sql")
	link(outside, "linked_test.sql")
	link(filepath.Join(top, "outside"), "out")
	link(outside, "tests/casette_test.cassette")
	python := ""
	if _, err := exec.LookPath("python3"); err == nil {
		python = filepath.ToSlash(write("project/f.py", `from pyflink.table import DataTypes
from pyflink.table.udf import udf

@udf(result_type=DataTypes.INT())
def more(x):
    open("`+filepath.ToSlash(top)+`/ran", "a").close()
    return x + 1
`))
	}
	const refused = "outside of what a test may touch"
	for _, c := range []struct {
		name, file, text string
		flags            []string
		want             string // "" passes
	}{
		{"a script of the project above the test", "tests/up_test.sql", "@use ../jobs/job.sql\n" + body, nil, ""},
		{"a script elsewhere", "tests/else_test.sql", "@use " + filepath.ToSlash(outside) + "\n" + body, nil, refused},
		{"a script elsewhere by dots", "tests/dots_test.sql", "@use ../../outside/secret.sql\n" + body, nil, refused},
		{"a script elsewhere by a link", "tests/link_test.sql", "@use linked.sql\n" + body, nil, refused},
		{"a script in a folder that is a link", "tests/folder_test.sql", "@use ../out/secret.sql\n" + body, nil, refused},
		{"a test that is a link", "linked_test.sql", "", nil, refused},
		{"a cassette that is a link", "tests/casette_test.sql", job + body, nil, refused},
		{"a schema elsewhere, which a test does not read", "tests/proto_test.sql", proto("../../outside/m.proto") + body, nil, ""},
		{"files elsewhere, which a test does not read", "tests/files_test.sql", "CREATE TABLE t (k INT, p STRING) PARTITIONED BY (p) WITH ('connector' = 'filesystem', 'path' = '" + filepath.ToSlash(top) + "/outside/data', 'format' = 'csv');\nSET 'execution.runtime-mode' = 'batch';\nSELECT k FROM t WHERE p = 'x';\n@test one\n@expect table\n", nil, ""},
		{"a function elsewhere", "tests/wasm_test.sql", "CREATE TABLE t (k INT) WITH ('connector' = 'kafka', 'format' = 'json');\nCREATE FUNCTION f AS '" + filepath.ToSlash(outside) + "#f' LANGUAGE WASM WITH ('arguments' = 'a INT', 'returns' = 'INT');\nSELECT f(k) FROM t;\n" + body, nil, refused},
		{"what is allowed", "tests/allowed_test.sql", "@use ../../outside/job.sql\n" + body, []string{"--allow-read", filepath.Join(top, "outside")}, ""},
		{"a registry", "tests/registry_test.sql", strings.Replace(job, "'json'", "'avro-confluent', 'avro-confluent.url' = '"+server.URL+"'", 1) + body, nil, ""},
		{"a program", "tests/program_test.sql", "SET 'python.executable' = '/bin/false';\n" + "CREATE TABLE t (k INT) WITH ('connector' = 'kafka', 'format' = 'json');\nCREATE FUNCTION f AS 'f.more' LANGUAGE PYTHON;\nSELECT f(k) FROM t;\n" + body, nil, "would run '/bin/false' with the rights of"},
		{"Python", "tests/python_test.sql", "SET 'python.files' = '" + python + "';\nCREATE TABLE t (k INT) WITH ('connector' = 'kafka', 'format' = 'json');\nCREATE FUNCTION more AS 'f.more' LANGUAGE PYTHON;\nSELECT more(k) AS n FROM t;\n" + body, nil, "mink test --allow-functions"},
		{"Python that is trusted", "tests/trusted_test.sql", "SET 'python.files' = '" + python + "';\nCREATE TABLE t (k INT) WITH ('connector' = 'kafka', 'format' = 'json');\nCREATE FUNCTION more AS 'f.more' LANGUAGE PYTHON;\nSELECT more(k) AS n FROM t;\n" + body, []string{"--allow-functions"}, ""},
	} {
		if strings.HasPrefix(c.name, "Python") && python == "" {
			continue
		}
		file := filepath.Join(top, "project", c.file)
		if c.text != "" {
			write("project/"+c.file, c.text)
		}
		var out, errs bytes.Buffer
		a := &app{out: &out, err: &errs}
		root := a.root()
		root.SetArgs(append([]string{"test", "--schedules", "1", file}, c.flags...))
		err := root.ExecuteContext(t.Context())
		said := out.String() + errs.String()
		if err != nil {
			said += err.Error()
		}
		if (err == nil) != (c.want == "") || !strings.Contains(said, c.want) {
			t.Errorf("%s: %v, want %q\n%s", c.name, err, c.want, said)
		}
		if strings.Contains(said, canary) {
			t.Errorf("%s: tells what is in a file that is none of its business\n%s", c.name, said)
		}
		_, ran := os.Stat(filepath.Join(top, "ran"))
		if (ran == nil) != (c.name == "Python that is trusted") {
			t.Errorf("%s: code in Python ran: %v", c.name, ran == nil)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("a server was asked %d times", n)
	}
	var out, errs bytes.Buffer
	root := (&app{out: &out, err: &errs}).root()
	root.SetArgs([]string{"test", "--allow-read", filepath.Join(top, "nowhere")})
	if err := root.Execute(); err == nil || !strings.Contains(err.Error(), "--allow-read") {
		t.Errorf("a folder that is not there: %v", err)
	}
}
