package cli

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	canaryUser     = "canary-user-3f0c"
	canaryPassword = "canary-password-91b7"
)

// secureBroker is a Kafka that lets one user in, and the options of a table of it but for
// its user and password.
func secureBroker(t *testing.T, topics ...string) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topics...), kfake.EnableSASL(), kfake.Superuser("PLAIN", canaryUser, canaryPassword))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return "'connector' = 'kafka', 'properties.bootstrap.servers' = '" + strings.Join(c.ListenAddrs(), ",") + "', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', " +
		"'properties.security.protocol' = 'SASL_PLAINTEXT', 'properties.sasl.mechanism' = 'PLAIN', 'properties.default.api.timeout.ms' = '5000', 'properties.sasl.jaas.config' = "
}

const canaryJAAS = `org.apache.kafka.common.security.plain.PlainLoginModule required username="` + canaryUser + `" password="` + canaryPassword + `";`

// A tape of a job with references has these and not what they gave; where the rows are on
// it, it runs again where the variable is not set.
func TestTapeReferences(t *testing.T) {
	t.Chdir(t.TempDir())
	with := secureBroker(t, "in")
	t.Setenv("MINK_TEST_PASSWORD", canaryPassword)
	t.Setenv("MINK_TEST_USER", canaryUser)
	writeText(t, "job.sql", "CREATE TABLE k (n INT) WITH ("+with+`'x required username="${env:MINK_TEST_USER}" password="${env:MINK_TEST_PASSWORD}";', 'topic' = 'in', 'scan.bounded.mode' = 'latest-offset');
SET 'table.dml-sync' = 'true';
INSERT INTO k VALUES (1), (2), (40);
SHOW CREATE TABLE k;
EXPLAIN SELECT SUM(n) AS total FROM k;
SELECT SUM(n) AS total FROM k`)
	want, errs, code := command(t, "tape", "record", "--embed", "job.sql")
	if code != 0 || !strings.Contains(want, "43") {
		t.Fatalf("exit %d\n%s%s", code, want, errs)
	}
	all := want + errs + tapeText(t, "job.mtape")
	if i := strings.Index(all, "canary"); i >= 0 {
		t.Errorf("a secret is said or on the tape: %q", all[max(0, i-100):i+20])
	}
	for _, part := range []string{want, tapeText(t, "job.mtape")} {
		if !strings.Contains(part, "${env:MINK_TEST_PASSWORD}") {
			t.Errorf("the reference is not in %s", part)
		}
	}
	if err := os.Unsetenv("MINK_TEST_PASSWORD"); err != nil { // t.Setenv puts it back
		t.Fatal(err)
	}
	if got, errs, code := command(t, "tape", "replay", "job.mtape"); code != 0 || got != want {
		t.Errorf("without the variable: exit %d\n%s%s", code, got, errs)
	}
	// A tape with positions alone reads the topic again, and so do secrets that were no references.
	t.Setenv("MINK_TEST_PASSWORD", canaryPassword)
	if _, errs, code := command(t, "tape", "record", "job.sql"); code != 0 {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	if got, errs, code := command(t, "tape", "replay", "job.mtape"); code != exitFailed || !strings.Contains(errs, "a tape has no secrets") || strings.Contains(got+errs, "canary") {
		t.Errorf("a tape of positions: exit %d\n%s%s", code, got, errs)
	}
	if err := os.Unsetenv("MINK_TEST_PASSWORD"); err != nil {
		t.Fatal(err)
	}
	// The job itself says what is missing and where.
	_, errs, code = command(t, "run", "job.sql")
	if code != exitFailed || !strings.Contains(errs, "not-found: ") || !strings.Contains(errs, "the variable MINK_TEST_PASSWORD, which option 'properties.sasl.jaas.config' refers to, is not set") || !strings.Contains(errs, "job.sql:3:") {
		t.Errorf("run without the variable: exit %d\n%s", code, errs)
	}
	// It is planned and checked without.
	if _, errs, code := command(t, "run", "--dry-run", "job.sql"); code != 0 {
		t.Errorf("checked without the variable: exit %d\n%s", code, errs)
	}
}

// Statements of a cluster name the variables and files that it lets them; what references
// give is in nothing that it says or keeps, and a job that comes back asks anew.
func TestUpReferences(t *testing.T) {
	with := secureBroker(t, "out", "copy")
	t.Setenv("MINK_TEST_JAAS", canaryJAAS)
	t.Setenv("MINK_TEST_OTHER", "canary-other")
	c := startCluster(t, "--allow-env", "MINK_TEST_J*")
	c.whole()
	secret := filepath.Join(c.dir, "jaas")
	rotate := func(text string) {
		t.Helper()
		if err := os.WriteFile(secret+".new", []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(secret+".new", secret); err != nil {
			t.Fatal(err)
		}
	}
	rotate(canaryJAAS)
	if err := os.WriteFile(filepath.Join(filepath.Dir(c.dir), "outside"), []byte("canary-outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := c.session()
	var said bytes.Buffer
	ask := func(sql string) (string, bool) {
		text, ok := s.run(sql)
		said.WriteString(sql + "\n" + text)
		return text, ok
	}
	table := func(name, jaas, topic string) {
		t.Helper()
		s.must("CREATE TABLE " + name + " (n BIGINT) WITH (" + with + "'" + jaas + "', 'topic' = '" + topic + "')")
	}
	table("k", "${env:MINK_TEST_JAAS}", "out")
	table("f", "${file:jaas}", "copy")
	if text, ok := ask("SHOW CREATE TABLE k"); !ok || !strings.Contains(text, "${env:MINK_TEST_JAAS}") {
		t.Error(text)
	}
	ask("EXPLAIN SELECT * FROM k")
	ask("DESCRIBE EXTENDED k")
	// What is refused, and how. A file that is not there may come, so a job waits for it.
	s.must("SET 'restart-strategy.type' = 'none'")
	for i, x := range []struct{ jaas, says string }{
		{"${env:MINK_TEST_OTHER}", "--allow-env"},
		{"${env:MINK_TEST_JOTHER}", "is not set"},
		{"${file:../outside}", "--data-dir"},
		{"${file:.mink/token}", "refers to, cannot be read"},
		{"${file:/proc/self/environ}", "--data-dir"},
		{"${file:nope}", "there is no file"},
		{"${vault:x}", "kind"},
	} {
		name := "r" + strconv.Itoa(i)
		table(name, `x required username="u" password="`+x.jaas+`";`, "out")
		if text, ok := ask("SELECT * FROM " + name + " /*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */"); ok || !strings.Contains(text, x.says) {
			t.Errorf("%s: %s", x.jaas, text)
		}
	}
	s.must("RESET 'restart-strategy.type'")
	s.must("CREATE TABLE gen (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '50')")
	s.must("SET 'execution.checkpointing.interval' = '200 ms'")
	if text, ok := ask("INSERT INTO k SELECT n FROM gen"); !ok {
		t.Fatal(text)
	}
	if text, ok := ask("INSERT INTO f SELECT n FROM k"); !ok {
		t.Fatal(text)
	}
	count := func() string {
		text, _ := s.run("SELECT COUNT(*) >= 20 AS enough FROM (SELECT * FROM f /*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */)")
		return text
	}
	s.must("SET 'execution.runtime-mode' = 'batch'")
	flows := func(what string) {
		t.Helper()
		if !await(t.Context(), 60*time.Second, func() bool { return strings.Contains(count(), "true") }) {
			t.Fatalf("%s: %s", what, count())
		}
	}
	flows("rows do not come")
	// Another secret, and a coordinator that begins again with the plans it kept.
	rotate(strings.ReplaceAll(canaryJAAS, canaryPassword, "canary-wrong"))
	pid := c.status().Coordinator.PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if !await(t.Context(), 60*time.Second, func() bool { st := c.status(); return st.Coordinator.PID != pid && st.Coordinator.PID > 0 }) {
		t.Fatal("the coordinator does not come back")
	}
	c.whole()
	s = c.session()
	logs := func() string {
		text, _ := os.ReadFile(c.home.Path("log", "coordinator.log"))
		return string(text)
	}
	if !await(t.Context(), 60*time.Second, func() bool {
		return strings.Contains(logs(), "do 'properties.security.protocol'") || strings.Contains(logs(), "cannot write") || strings.Contains(logs(), "at "+strings.Split(with, "'")[7])
	}) {
		t.Errorf("the job that came back with another secret does not fail:\n%s", logs())
	}
	rotate(canaryJAAS)
	s.must("SET 'execution.runtime-mode' = 'batch'")
	flows("rows do not come with the secret that is right again")
	info, _ := c.home.Info()
	for id := range c.jobStates() {
		for _, path := range []string{"", "/plan", "/config", "/exceptions", "/checkpoints", "/jobmanager/config", "/metrics"} {
			_, text := c.call("GET", info.Rest+"/jobs/"+id+path, s.head, "")
			said.WriteString(text)
		}
		out, errOut, _ := c.mink("jobs", "savepoint", id)
		said.WriteString(out + errOut)
	}
	_, text := c.call("GET", info.Rest+"/metrics", s.head, "")
	said.WriteString(text)
	_ = filepath.WalkDir(c.dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || p == secret {
			return nil // a file of a moment, or the secret
		}
		if strings.HasSuffix(p, ".mtape") {
			said.WriteString(tapeText(t, p))
		} else if text, err := os.ReadFile(p); err == nil {
			said.WriteString("in " + p + ": ")
			said.Write(append(text, '\n'))
		}
		return nil
	})
	for line := range strings.Lines(said.String()) {
		if strings.Contains(line, "canary") {
			t.Errorf("a secret: %.300q", line)
		}
	}
}
