package sqltest

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/connectors/datagen"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
)

// jumpClock is the real clock, which can be put forward: what was to happen in between
// happens at once.
type jumpClock struct {
	env.Clock
	mu     sync.Mutex
	offset time.Duration
	timers map[*jumpTimer]bool
	// refreshes counts scheduled refreshes that are being started.
	refreshes sync.WaitGroup
}

type jumpTimer struct {
	at   int64
	f    func()
	stop func()
}

func (c *jumpClock) ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

func (c *jumpClock) Now() int64  { return c.Clock.Now() + c.ahead().Milliseconds() }
func (c *jumpClock) Mono() int64 { return c.Clock.Mono() + int64(c.ahead()) }

func (c *jumpClock) At(mono int64, f func()) func() {
	t := &jumpTimer{at: mono, f: f}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers[t] = true
	t.stop = c.Clock.At(mono-int64(c.offset), func() { c.fire(t) })
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, t)
		t.stop()
	}
}

// fire runs a timer once, whoever comes first.
func (c *jumpClock) fire(t *jumpTimer) {
	c.mu.Lock()
	due := c.timers[t]
	delete(c.timers, t)
	c.mu.Unlock()
	if due {
		t.f()
	}
}

// to puts the clock forward to a time and returns when the refreshes that became due
// have started.
func (c *jumpClock) to(t time.Time) {
	d := time.Duration(t.UnixMilli()-c.Now()+1) * time.Millisecond // Now is rounded down
	c.mu.Lock()
	c.offset += max(0, d)
	now := c.Clock.Mono() + int64(c.offset)
	var due []*jumpTimer
	for t := range c.timers {
		if t.at <= now {
			due = append(due, t)
		}
	}
	c.mu.Unlock()
	for _, t := range due {
		c.fire(t)
	}
	c.refreshes.Wait()
}

// matSession is a session of an engine whose clock jumps.
type matSession struct {
	*jobSession
	e     *engine.Engine
	clock *jumpClock
}

func newMatSession(t *testing.T, dir string) *matSession {
	t.Helper()
	outside := env.OS("")
	clock := &jumpClock{Clock: outside.Clock, timers: map[*jumpTimer]bool{}}
	outside.Clock = clock
	start := outside.Go
	outside.Go = func(name string, f func()) {
		if !strings.HasPrefix(name, "refresh of") {
			start(name, f)
			return
		}
		clock.refreshes.Add(1)
		start(name, func() { defer clock.refreshes.Done(); f() })
	}
	whole := datagen.Connector
	whole.Name, whole.Starts = "whole", false
	e, err := engine.New(engine.Config{
		Env: outside, Connectors: append(connectors.All(), &whole), Formats: connectors.Formats(), Functions: scalar.All(), Log: func(text string) { t.Log(text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	client := gateway.Local(e)
	t.Cleanup(func() { client.Close(); cancel() })
	m := &matSession{&jobSession{t: t, ctx: ctx, client: client, dir: dir}, e, clock}
	m.session = m.open()
	return m
}

func (m *matSession) open() gateway.Session {
	m.t.Helper()
	s, err := m.client.OpenSession(m.ctx, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	(&runner{ctx: m.ctx, session: s, dir: m.dir}).script("SET 'execution.checkpointing.savepoint-dir' = '${dir}/savepoints'")
	return s
}

// batch gives the rows of a batch query, cells by comma, in order.
func (m *matSession) batch(sql string) []string {
	m.t.Helper()
	var out []string
	for _, r := range m.rows("SET 'execution.runtime-mode' = 'batch'; " + sql + "; SET 'execution.runtime-mode' = 'streaming'") {
		out = append(out, strings.Join(r.cells, ","))
	}
	slices.Sort(out)
	return out
}

func (m *matSession) wantRows(sql string, want ...string) {
	m.t.Helper()
	if got := m.batch(sql); !slices.Equal(got, want) {
		m.t.Errorf("%s gives %q, want %q", sql, got, want)
	}
}

// settled waits for all jobs that end by themselves and returns how many there are.
func (m *matSession) settled() int {
	m.t.Helper()
	jobs := m.e.Jobs.Jobs()
	for _, j := range jobs {
		if err := j.Wait(m.ctx); err != nil {
			m.t.Fatal(j.Name, err)
		}
	}
	return len(jobs)
}

// next puts the clock to the next multiple of a period and lets the refresh end.
func (m *matSession) next(period time.Duration) {
	m.t.Helper()
	m.clock.to(time.UnixMilli(m.clock.Now()).Add(period).Truncate(period))
	m.settled()
}

// TestMaterializedSchedule: the schedule refreshes at whole multiples of the freshness,
// with the definition of the moment, not while the table is suspended and not after it
// was dropped (S39, S40, S41).
func TestMaterializedSchedule(t *testing.T) {
	m := newMatSession(t, t.TempDir())
	m.batch(`CREATE TABLE src (n INT) WITH ('connector' = 'filesystem', 'path' = '${dir}/src', 'format' = 'json');
		INSERT INTO src VALUES (1), (2)`)
	m.rows(`CREATE MATERIALIZED TABLE m WITH ('connector' = 'filesystem', 'path' = '${dir}/m', 'format' = 'json')
		FRESHNESS = INTERVAL '1' HOUR AS SELECT COUNT(*) AS c FROM src`)
	jobs := m.settled()
	m.clock.to(time.UnixMilli(m.clock.Now()).Add(time.Hour).Truncate(time.Hour).Add(-time.Second))
	if n := m.settled(); n != jobs {
		t.Errorf("%d refreshes before the hour", n-jobs)
	}
	m.next(time.Hour)
	if got := m.e.Jobs.Jobs(); got[len(got)-1].Name != "Materialized_table_default_catalog.default_database.m_periodic_refresh_job" {
		t.Errorf("the job is called %s", got[len(got)-1].Name)
	}
	m.wantRows("SELECT c FROM m", "2")
	m.batch("INSERT INTO src VALUES (3)")
	m.next(time.Hour)
	m.wantRows("SELECT c FROM m", "3")

	m.rows("ALTER MATERIALIZED TABLE m AS SELECT COUNT(*) AS c, MAX(n) AS top FROM src")
	m.next(time.Hour)
	m.wantRows("SELECT c, top FROM m", "3,3")
	m.rows("CREATE OR ALTER MATERIALIZED TABLE m FRESHNESS = INTERVAL '5' MINUTE AS SELECT COUNT(*) AS c, MIN(n) AS top FROM src")
	m.next(5 * time.Minute)
	m.wantRows("SELECT c, top FROM m", "3,1")

	m.rows("ALTER MATERIALIZED TABLE m SUSPEND")
	jobs = m.settled()
	m.next(time.Hour)
	if n := m.settled(); n != jobs {
		t.Errorf("%d refreshes while the table was suspended", n-jobs)
	}
	m.batch("INSERT INTO src VALUES (4)")
	m.rows("ALTER MATERIALIZED TABLE m RESUME")
	m.next(5 * time.Minute)
	m.wantRows("SELECT c, top FROM m", "4,1")

	m.rows("DROP MATERIALIZED TABLE m")
	jobs = m.settled()
	m.next(time.Hour)
	if n := m.settled(); n != jobs {
		t.Errorf("%d refreshes after DROP", n-jobs)
	}
	if _, err := os.Stat(filepath.Join(m.dir, "m")); err != nil {
		t.Errorf("the files of the table are gone: %v", err)
	}
}

// TestMaterializedPeriod: with a date-formatter the schedule refreshes the partition of
// the period that has ended, alone (S39).
func TestMaterializedPeriod(t *testing.T) {
	m := newMatSession(t, t.TempDir())
	day := time.UnixMilli(m.clock.Now()).UTC().Truncate(24 * time.Hour)
	ds := day.Format("2006-01-02")
	m.batch(`CREATE TABLE src (n INT, ds STRING) WITH ('connector' = 'filesystem', 'path' = '${dir}/src', 'format' = 'json');
		INSERT INTO src VALUES (1, '` + ds + `'), (2, '1999-01-01')`)
	m.rows(`CREATE MATERIALIZED TABLE m PARTITIONED BY (ds) WITH ('connector' = 'filesystem', 'path' = '${dir}/m', 'format' = 'json', 'partition.fields.ds.date-formatter' = 'yyyy-MM-dd')
		FRESHNESS = INTERVAL '1' DAY AS SELECT n, ds FROM src`)
	m.clock.to(day.Add(24 * time.Hour))
	m.settled()
	m.wantRows("SELECT n, ds FROM m", "1,"+ds)
	m.rows("ALTER MATERIALIZED TABLE m REFRESH")
	m.wantRows("SELECT n FROM m", "1", "2")
}

// TestMaterializedDatabase: what fills a table ends with the database it was in.
func TestMaterializedDatabase(t *testing.T) {
	m := newMatSession(t, t.TempDir())
	m.rows(`CREATE DATABASE d;
		CREATE TABLE d.src (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '10');
		CREATE MATERIALIZED TABLE d.hourly WITH ('connector' = 'filesystem', 'path' = '${dir}/hourly', 'format' = 'json') REFRESH_MODE = FULL AS SELECT 1 AS n;
		CREATE MATERIALIZED TABLE d.streaming WITH ('connector' = 'filesystem', 'path' = '${dir}/streaming', 'format' = 'json') AS SELECT n FROM d.src;
		DROP DATABASE d CASCADE`)
	jobs := m.e.Jobs.Jobs()
	if st := jobs[0].State().String(); len(jobs) != 1 || st != "CANCELED" {
		t.Errorf("%d jobs, the first %s", len(jobs), st)
	}
	m.clock.to(time.UnixMilli(m.clock.Now()).Add(2 * time.Hour))
	if n := len(m.e.Jobs.Jobs()); n != 1 {
		t.Errorf("%d refreshes after DROP DATABASE", n-1)
	}
}

const matNumbers = `CREATE TABLE IF NOT EXISTS numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '500', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000')`

// grows waits until a table has more than n rows, and returns how many.
func (m *matSession) grows(table string, n int) int {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Join(m.dir, table), 0o755); err != nil { // the first row makes it
		m.t.Fatal(err)
	}
	for m.ctx.Err() == nil {
		if got, _ := strconv.Atoi(m.batch("SELECT COUNT(*) FROM " + table)[0]); got > n {
			return got
		}
		m.clock.to(time.UnixMilli(m.clock.Now()).Add(time.Second)) // a checkpoint
	}
	m.t.Fatalf("%s never has more than %d rows", table, n)
	return 0
}

// once checks that a table has each number from 1 on, once.
func (m *matSession) once(table string) int {
	m.t.Helper()
	rows := m.batch("SELECT n FROM " + table)
	var ns []int
	for _, r := range rows {
		n, _ := strconv.Atoi(r)
		ns = append(ns, n)
	}
	slices.Sort(ns)
	for i, n := range ns {
		if n != i+1 {
			m.t.Fatalf("%s: number %d is %d of %d", table, i+1, n, len(ns))
		}
	}
	return len(ns)
}

func (m *matSession) status(table string) string {
	m.t.Helper()
	return m.batch("SELECT mode, status, job_id IS NULL FROM information_schema.materialized_tables WHERE table_name = '" + table + "'")[0]
}

// TestMaterializedOnDisk: tables in a catalog on disk outlive their process. A suspended
// one goes on from its savepoint, one whose process died from its last checkpoint, and a
// schedule is set up again; no row is lost or comes twice (S39, S40, S41).
func TestMaterializedOnDisk(t *testing.T) {
	dir := t.TempDir()
	open := func() *matSession {
		m := newMatSession(t, dir)
		m.rows("CREATE CATALOG c WITH ('type' = 'mink', 'path' = '${dir}/cat', 'default-database' = 'shop'); USE CATALOG c")
		return m
	}
	m := open()
	m.rows(matNumbers)
	m.rows(`CREATE TABLE src (n INT) WITH ('connector' = 'filesystem', 'path' = '${dir}/src', 'format' = 'json');
		CREATE MATERIALIZED TABLE m WITH ('connector' = 'filesystem', 'path' = '${dir}/m', 'format' = 'json') FRESHNESS = INTERVAL '1' SECOND AS SELECT n FROM numbers;
		CREATE MATERIALIZED TABLE f WITH ('connector' = 'filesystem', 'path' = '${dir}/f', 'format' = 'json') FRESHNESS = INTERVAL '1' HOUR AS SELECT COUNT(*) AS c FROM src`)
	create := m.rows("SHOW CREATE MATERIALIZED TABLE m")[0].cells[0]
	m.batch("INSERT INTO src VALUES (1), (2)")
	m.grows("m", 0)
	m.rows("ALTER MATERIALIZED TABLE m SUSPEND")
	if a, b := m.status("m"), m.status("f"); a != "CONTINUOUS,SUSPENDED,FALSE" || b != "FULL,ACTIVATED,TRUE" {
		t.Errorf("the catalog says %s and %s", a, b)
	}
	n := m.once("m")
	m.client.Close()

	m = open()
	if got := m.rows("SHOW CREATE MATERIALIZED TABLE m")[0].cells[0]; got != create {
		t.Errorf("the table was\n%s\nand is\n%s", create, got)
	}
	if got := m.status("m"); got != "CONTINUOUS,SUSPENDED,FALSE" {
		t.Errorf("the catalog says %s", got)
	}
	m.rows("ALTER MATERIALIZED TABLE f REFRESH")
	m.wantRows("SELECT c FROM f", "2")
	m.batch("INSERT INTO src VALUES (3)")
	m.next(time.Hour)
	m.wantRows("SELECT c FROM f", "2")
	m.rows("ALTER MATERIALIZED TABLE f RESUME")
	m.next(time.Hour)
	m.wantRows("SELECT c FROM f", "3")
	m.fails("ALTER MATERIALIZED TABLE f RESUME", diag.InvalidQuery)

	m.rows("ALTER MATERIALIZED TABLE m RESUME")
	m.fails("ALTER MATERIALIZED TABLE m RESUME", diag.InvalidQuery)
	n = m.grows("m", n)
	m.client.Close() // the job is cut off

	m = open()
	if got := m.status("m"); got != "CONTINUOUS,ACTIVATED,FALSE" {
		t.Errorf("the catalog says %s", got)
	}
	m.fails("ALTER MATERIALIZED TABLE m SUSPEND", diag.InvalidQuery)
	m.rows("ALTER MATERIALIZED TABLE m RESUME")
	m.grows("m", n)
	m.rows("ALTER MATERIALIZED TABLE m SUSPEND")
	if after := m.once("m"); after <= n {
		t.Errorf("%d rows after the process died with %d", after, n)
	}
	m.rows("DROP MATERIALIZED TABLE m")
	if _, err := os.Stat(filepath.Join(dir, "cat", ".refresh", "shop", "m")); !os.IsNotExist(err) {
		t.Errorf("checkpoints of the dropped table are left: %v", err)
	}
	m.client.Close()
	m = open()
	m.fails("ALTER MATERIALIZED TABLE m RESUME", diag.UnknownTable)
}

// TestMaterializedOtherProcess: a schedule heeds what another process did to its table,
// and of two that change one table at a time one is told.
func TestMaterializedOtherProcess(t *testing.T) {
	dir := t.TempDir()
	var m [2]*matSession
	for i := range m {
		m[i] = newMatSession(t, dir)
		m[i].rows("CREATE CATALOG c WITH ('type' = 'mink', 'path' = '${dir}/cat', 'default-database' = 'shop'); USE CATALOG c")
	}
	m[0].rows(`CREATE TABLE src (n INT) WITH ('connector' = 'filesystem', 'path' = '${dir}/src', 'format' = 'json');
		CREATE MATERIALIZED TABLE f WITH ('connector' = 'filesystem', 'path' = '${dir}/f', 'format' = 'json') FRESHNESS = INTERVAL '1' HOUR AS SELECT COUNT(*) AS c FROM src`)
	m[0].batch("INSERT INTO src VALUES (1), (2)")
	m[1].rows("ALTER MATERIALIZED TABLE f AS SELECT CAST(MAX(n) + 10 AS BIGINT) AS c FROM src WHERE n > 0")
	m[0].next(time.Hour)
	m[0].wantRows("SELECT c FROM f", "12")
	m[1].rows("ALTER MATERIALIZED TABLE f SUSPEND")
	jobs := m[0].settled()
	m[0].next(time.Hour)
	if n := m[0].settled(); n != jobs {
		t.Errorf("%d refreshes after another process had suspended the table", n-jobs)
	}
	m[0].rows("ALTER MATERIALIZED TABLE f RESUME")
	m[1].rows("DROP MATERIALIZED TABLE f")
	jobs = m[0].settled()
	m[0].next(time.Hour)
	if n := m[0].settled(); n != jobs {
		t.Errorf("%d refreshes after another process had dropped the table", n-jobs)
	}
}

// TestMaterializedStartMode: a streaming job reads from where START_MODE says; of files,
// those that were written since (S39).
func TestMaterializedStartMode(t *testing.T) {
	m := newMatSession(t, t.TempDir())
	m.rows(`CREATE TABLE src (n INT) WITH ('connector' = 'filesystem', 'path' = '${dir}/src', 'format' = 'json');
		SET 'table.local-time-zone' = 'Asia/Tokyo'`)
	if err := os.MkdirAll(filepath.Join(m.dir, "src"), 0o755); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, at := range map[string]time.Time{
		"1": time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), "2": time.Date(2024, 1, 1, 9, 0, 0, 0, time.UTC),
		"3": now.Add(-3 * time.Hour), "4": now.Add(time.Hour),
	} {
		file := filepath.Join(m.dir, "src", name+".json")
		if err := os.WriteFile(file, []byte(`{"n": `+name+"}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct{ mode, shown, rows string }{
		{"", "FROM_BEGINNING", "1 2 3 4"},
		{"START_MODE = FROM_BEGINNING", "FROM_BEGINNING", "1 2 3 4"},
		{"START_MODE = FROM_NOW", "FROM_NOW", "4"},
		{"START_MODE = FROM_NOW(INTERVAL '4' HOUR)", "FROM_NOW(INTERVAL '4' HOUR)", "3 4"},
		{"START_MODE = FROM_NOW(INTERVAL '2' MONTH)", "FROM_NOW(INTERVAL '2' MONTH)", "3 4"},
		{"START_MODE = FROM_TIMESTAMP(TIMESTAMP '2024-01-01 09:00:00')", "FROM_TIMESTAMP(TIMESTAMP '2024-01-01 09:00:00')", "2 3 4"},
		{"START_MODE = FROM_TIMESTAMP(TIMESTAMP '2024-01-01 09:00:00.001')", "FROM_TIMESTAMP(TIMESTAMP '2024-01-01 09:00:00.001')", "3 4"},
		{"START_MODE = FROM_TIMESTAMP(TIMESTAMP WITH LOCAL TIME ZONE '2024-01-01 18:00:00')", "FROM_TIMESTAMP(TIMESTAMP '2024-01-01 09:00:00')", "2 3 4"},
		{"START_MODE = FROM_TIMESTAMP(TIMESTAMP WITH LOCAL TIME ZONE '2024-01-01 18:00:01')", "FROM_TIMESTAMP(TIMESTAMP '2024-01-01 09:00:01')", "3 4"},
		{"START_MODE = RESUME_OR_FROM_BEGINNING", "RESUME_OR_FROM_BEGINNING", "1 2 3 4"},
		{"START_MODE = RESUME_OR_FROM_NOW", "RESUME_OR_FROM_NOW", "4"},
		{"START_MODE = RESUME_OR_FROM_TIMESTAMP(TIMESTAMP '2021-01-01')", "RESUME_OR_FROM_TIMESTAMP(TIMESTAMP '2021-01-01 00:00:00')", "2 3 4"},
	} {
		name := "m" + strconv.Itoa(i)
		m.rows("CREATE MATERIALIZED TABLE " + name + " WITH ('connector' = 'filesystem', 'path' = '${dir}/" + name + "', 'format' = 'json') " + c.mode + " AS SELECT n FROM src")
		m.settled()
		m.wantRows("SELECT n FROM "+name, strings.Fields(c.rows)...)
		if text := m.rows("SHOW CREATE MATERIALIZED TABLE " + name)[0].cells[0]; !strings.Contains(text, `\nSTART_MODE = `+c.shown+`\n`) {
			t.Errorf("%s is shown as\n%s", c.mode, text)
		}
	}
	m.rows(`CREATE TABLE few (n INT, p AS PROCTIME()) WITH ('connector' = 'datagen', 'number-of-rows' = '2', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '2');
		CREATE MATERIALIZED TABLE looked WITH ('connector' = 'filesystem', 'path' = '${dir}/looked', 'format' = 'json') START_MODE = FROM_NOW
		AS SELECT x.n FROM few AS x JOIN src FOR SYSTEM_TIME AS OF x.p AS s ON x.n = s.n`)
	m.settled()
	m.wantRows("SELECT n FROM looked", "1", "2") // what is looked up is read whole
	m.rows("CREATE TABLE o (n INT) WITH ('connector' = 'whole', 'number-of-rows' = '1')")
	m.fails("CREATE MATERIALIZED TABLE x WITH ('connector' = 'blackhole') START_MODE = FROM_NOW AS SELECT n FROM o", diag.InvalidQuery)
	m.fails("ALTER MATERIALIZED TABLE x SUSPEND", diag.UnknownTable)
	m.rows("CREATE MATERIALIZED TABLE x WITH ('connector' = 'blackhole') AS SELECT n FROM o")
	m.rows("SET 'materialized-table.default-start-mode' = 'FROM_NOW'; CREATE MATERIALIZED TABLE d WITH ('connector' = 'filesystem', 'path' = '${dir}/d', 'format' = 'json') AS SELECT n FROM src")
	m.settled()
	m.wantRows("SELECT n FROM d", "4")
}

// TestMaterializedResumeOr: another query goes on where the one before stopped reading,
// whether the table is being filled, suspended, or was cut off (S39).
func TestMaterializedResumeOr(t *testing.T) {
	m := newMatSession(t, t.TempDir())
	m.rows(matNumbers)
	m.rows(`SET 'execution.checkpointing.dir' = '${dir}/checkpoints';
		CREATE MATERIALIZED TABLE m WITH ('connector' = 'filesystem', 'path' = '${dir}/m', 'format' = 'json')
		START_MODE = RESUME_OR_FROM_BEGINNING FRESHNESS = INTERVAL '1' SECOND AS SELECT n FROM numbers`)
	m.grows("m", 0)
	m.rows("CREATE OR ALTER MATERIALIZED TABLE m START_MODE = RESUME_OR_FROM_NOW AS SELECT n, n * 2 AS twice FROM numbers")
	had := m.once("m")
	m.grows("m", had)
	m.rows("ALTER MATERIALIZED TABLE m SUSPEND")
	m.once("m")
	if got := m.batch("SELECT MIN(n) FROM m WHERE twice = n * 2")[0]; got != strconv.Itoa(had+1) {
		t.Errorf("the new query began at %s, the old one ended at %d", got, had)
	}
	m.rows("ALTER MATERIALIZED TABLE m AS SELECT n, n * 3 AS twice FROM numbers")
	had = m.once("m")
	m.rows("ALTER MATERIALIZED TABLE m RESUME")
	m.grows("m", had)
	jobs := m.e.Jobs.Jobs()
	if err := m.e.Jobs.Cancel(m.ctx, jobs[len(jobs)-1].ID()); err == nil {
		for _, j := range jobs {
			if strings.Contains(j.Name, "continuous") && !j.State().Ended() {
				if err := m.e.Jobs.Cancel(m.ctx, j.ID()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if got := m.batch("SELECT MIN(n) FROM m WHERE twice = n * 3")[0]; got != strconv.Itoa(had+1) {
		t.Errorf("the third query began at %s, the second one ended at %d", got, had)
	}
	had = m.once("m")
	m.rows("CREATE OR ALTER MATERIALIZED TABLE m START_MODE = RESUME_OR_FROM_BEGINNING AS SELECT n, n * 5 AS twice FROM numbers")
	m.grows("m", had)
	m.rows("ALTER MATERIALIZED TABLE m SUSPEND")
	m.once("m")
	// Without RESUME_OR_ all is read again.
	m.rows("CREATE OR ALTER MATERIALIZED TABLE m START_MODE = FROM_BEGINNING AS SELECT n, n * 7 AS twice FROM numbers; ALTER MATERIALIZED TABLE m RESUME")
	for m.ctx.Err() == nil && m.batch("SELECT COUNT(*) FROM m WHERE n = 1")[0] != "2" {
		time.Sleep(5 * time.Millisecond)
	}
}

// TestMaterializedEmptied: a suspended job has committed all it wrote, so what became of
// its files meanwhile does not hold up the one that goes on.
func TestMaterializedEmptied(t *testing.T) {
	m := newMatSession(t, t.TempDir())
	m.rows(matNumbers)
	m.rows(`CREATE MATERIALIZED TABLE m WITH ('connector' = 'filesystem', 'path' = '${dir}/m', 'format' = 'json') FRESHNESS = INTERVAL '1' SECOND AS SELECT n FROM numbers`)
	m.grows("m", 0)
	m.rows("ALTER MATERIALIZED TABLE m SUSPEND")
	had := m.once("m")
	m.batch("TRUNCATE TABLE m")
	m.rows("ALTER MATERIALIZED TABLE m RESUME")
	m.grows("m", 0)
	m.rows("ALTER MATERIALIZED TABLE m SUSPEND")
	if got := m.batch("SELECT MIN(n) FROM m")[0]; got != strconv.Itoa(had+1) {
		t.Errorf("the job goes on at %s, behind %d", got, had)
	}
}

// TestMaterializedAtOnce: sessions that do all there is to one table at once, with its
// schedule running, get what they ask for or are told why not, and leave nothing behind.
func TestMaterializedAtOnce(t *testing.T) {
	for _, mode := range []string{"CONTINUOUS", "FULL"} {
		t.Run(mode, func(t *testing.T) { atOnce(t, mode) })
	}
}

func atOnce(t *testing.T, mode string) {
	m := newMatSession(t, t.TempDir())
	m.rows(`CREATE TABLE src (n INT, d STRING) WITH ('connector' = 'filesystem', 'path' = '${dir}/src', 'format' = 'json')`)
	m.batch("INSERT INTO src VALUES (1, 'x'), (2, 'y')")
	create := `CREATE OR ALTER MATERIALIZED TABLE m PARTITIONED BY (d) WITH ('connector' = 'filesystem', 'path' = '${dir}/m', 'format' = 'json') FRESHNESS = INTERVAL '1' SECOND REFRESH_MODE = ` + mode + ` AS SELECT n, d FROM src`
	statements := []string{
		create, create, "ALTER MATERIALIZED TABLE m SUSPEND", "ALTER MATERIALIZED TABLE m RESUME", "ALTER MATERIALIZED TABLE m RESUME WITH ('sink.parallelism' = '1')",
		"ALTER MATERIALIZED TABLE m REFRESH", "ALTER MATERIALIZED TABLE m REFRESH PARTITION (d = 'x')", "ALTER MATERIALIZED TABLE m AS SELECT n, d FROM src WHERE n > 0",
		"ALTER MATERIALIZED TABLE m SET ('sink.parallelism' = '1')", "ALTER MATERIALIZED TABLE m RESET ('sink.parallelism')", "ALTER MATERIALIZED TABLE m ADD (p AS n + 1)",
		"ALTER MATERIALIZED TABLE m DROP (p)", "DROP MATERIALIZED TABLE m", "SHOW MATERIALIZED TABLES", "SELECT * FROM information_schema.materialized_tables",
	}
	told := []diag.Code{diag.Conflict, diag.InvalidQuery, diag.UnknownTable, diag.UnknownColumn, diag.AlreadyExists, diag.DuplicateName}
	var wg sync.WaitGroup
	for g := range 4 {
		session := m.open()
		r := rand.New(rand.NewPCG(1, uint64(g)))
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 30 {
				sql := statements[r.IntN(len(statements))]
				got := (&runner{ctx: m.ctx, session: session, dir: m.dir}).script(sql)
				if got.err != nil && !slices.Contains(told, diag.CodeOf(got.err)) {
					t.Errorf("%s: %v", sql, got.err)
				}
			}
		}()
	}
	for range 20 {
		m.clock.to(time.UnixMilli(m.clock.Now()).Add(time.Second))
	}
	wg.Wait()
	m.rows(create + "; DROP MATERIALIZED TABLE m")
	jobs := len(m.e.Jobs.Jobs())
	m.clock.to(time.UnixMilli(m.clock.Now()).Add(time.Minute))
	for _, j := range m.e.Jobs.Jobs() {
		if strings.Contains(j.Name, "continuous") && !j.State().Ended() {
			t.Errorf("%s is %s after DROP", j.Name, j.State())
		}
	}
	if n := len(m.e.Jobs.Jobs()); n != jobs {
		t.Errorf("%d refreshes after DROP", n-jobs)
	}
}

// TestMaterializedLease: one process at a time fills a table of a catalog on disk. While
// the first is alive another one is refused; one that died without a word is waited for,
// and its table taken over; a process that has lost its table ends its job.
func TestMaterializedLease(t *testing.T) {
	dir := t.TempDir()
	var m [2]*matSession
	for i := range m {
		m[i] = newMatSession(t, dir)
		m[i].rows("CREATE CATALOG c WITH ('type' = 'mink', 'path' = '${dir}/cat', 'default-database' = 'shop'); USE CATALOG c")
	}
	m[0].rows(matNumbers + `;
		CREATE MATERIALIZED TABLE m WITH ('connector' = 'filesystem', 'path' = '${dir}/m', 'format' = 'json') FRESHNESS = INTERVAL '1' SECOND AS SELECT n FROM numbers`)
	m[0].grows("m", 0)
	for _, sql := range []string{"ALTER MATERIALIZED TABLE m RESUME", "ALTER MATERIALIZED TABLE m AS SELECT n, n AS again FROM numbers"} {
		_, err := m[1].session.Execute(m[1].ctx, sql)
		if d := diag.As(err); d == nil || d.Code != diag.InvalidQuery || !strings.Contains(d.Msg, "another process fills") {
			t.Fatalf("%s beside a job that runs: %v", sql, err)
		}
	}
	m[0].rows("ALTER MATERIALIZED TABLE m SUSPEND")
	m[1].rows("ALTER MATERIALIZED TABLE m RESUME") // at once: the lease was given back
	n := m[1].grows("m", m[1].once("m"))

	// A third process takes the table, and is not heard of again.
	outside := env.OS("")
	catalogOfThird, err := catalog.OpenDisk(outside, filepath.Join(dir, "cat"), "shop")
	if err != nil {
		t.Fatal(err)
	}
	table := catalog.Path{Catalog: "c", Database: "shop", Object: "m"}
	holder, err := catalogOfThird.Holder(table)
	if err != nil || holder.Number != 2 {
		t.Fatalf("the holder is %v, %v", holder, err)
	}
	if _, err := catalogOfThird.TakeLease(table, holder, "third", outside.Clock.Now()+15_000); err != nil {
		t.Fatal(err)
	}
	if _, err := catalogOfThird.TakeLease(table, holder, "fourth", outside.Clock.Now()+15_000); diag.CodeOf(err) != diag.Conflict {
		t.Errorf("two took the table at once: %v", err)
	}
	jobs := m[1].e.Jobs.Jobs()
	last := jobs[0]
	for _, j := range jobs {
		if !j.State().Ended() {
			last = j
		}
	}
	m[1].clock.to(time.UnixMilli(m[1].clock.Now()).Add(5 * time.Second))
	select {
	case <-last.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the process that lost the table fills it as if nothing had happened")
	}
	if st := last.State().String(); st != "CANCELED" {
		t.Errorf("the job is %s", st)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		time.Sleep(200 * time.Millisecond)
		m[0].clock.to(time.UnixMilli(m[0].clock.Now()).Add(20 * time.Second))
	}()
	m[0].rows("ALTER MATERIALIZED TABLE m RESUME")
	<-ended
	m[0].grows("m", n)
	m[0].rows("ALTER MATERIALIZED TABLE m SUSPEND")
	m[0].once("m")
}
