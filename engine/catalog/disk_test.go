package catalog

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
)

// handClock is moved by hand.
type handClock struct {
	env.Clock
	now, mono int64
}

func (c *handClock) Now() int64  { return c.now }
func (c *handClock) Mono() int64 { c.mono++; return c.mono }

func diskEnv() (*env.Env, *env.MemDisk, *handClock) {
	disk, clock := env.NewCrashDisk(), &handClock{now: 1_000}
	return &env.Env{Disk: disk, Clock: clock}, disk, clock
}

func mustOpen(t *testing.T, e *env.Env) *Disk {
	t.Helper()
	d, err := OpenDisk(e, "/cat", "default")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func table(name, connector string) *Table {
	return &Table{
		Path:    Path{"c", "default", name},
		Columns: []Column{{Name: "a", Type: types.IntT}},
		Options: connect.Options{"connector": connector},
	}
}

func text(t *testing.T, d *Disk, name string) string {
	t.Helper()
	o, err := d.Get(Tables, Path{"c", "default", name})
	if err != nil {
		t.Fatal(err)
	}
	if o == nil {
		return ""
	}
	return o.DDL()
}

// changed is a copy of what the catalog has, with another connector.
func changed(t *testing.T, d *Disk, name, connector string) *Table {
	t.Helper()
	o, err := d.Get(Tables, Path{"c", "default", name})
	if err != nil {
		t.Fatal(err)
	}
	c := table(name, connector)
	Loaded(c, o.(*Definition))
	return c
}

func TestDiskKeepsAcrossOpens(t *testing.T) {
	e, _, _ := diskEnv()
	d := mustOpen(t, e)
	if err := d.PutDatabase("Größe/x", Info{Comment: "it's", Options: connect.Options{"k": "v"}}); err != nil {
		t.Fatal(err)
	}
	odd := table("weird `name`/..%", "print")
	for _, o := range []*Table{table("t", "print"), table("T2", "print"), odd} {
		if err := d.Put(o); err != nil {
			t.Fatal(err)
		}
	}
	d = mustOpen(t, e)
	names, err := d.Databases()
	if err != nil || strings.Join(names, ",") != "Größe/x,default" {
		t.Errorf("databases %q, %v", names, err)
	}
	info, err := d.Database("Größe/x")
	if err != nil || info == nil || info.Comment != "it's" || info.Options["k"] != "v" {
		t.Errorf("database %+v, %v", info, err)
	}
	list, err := d.List(Tables, "default")
	if err != nil || fmt.Sprint(list) != "[{T2 table false} {t table false} {weird `name`/..% table false}]" {
		t.Errorf("tables %v, %v", list, err)
	}
	if got := text(t, d, odd.Path.Object); got != odd.DDL() {
		t.Errorf("it reads back as\n%s", got)
	}
}

func TestDiskVersions(t *testing.T) {
	e, _, clock := diskEnv()
	d := mustOpen(t, e)
	put := func(now int64, o *Table) {
		t.Helper()
		clock.now = now
		if err := d.Put(o); err != nil {
			t.Fatal(err)
		}
	}
	put(1_000, table("t", "one"))
	put(2_000, changed(t, d, "t", "two"))
	put(2_000, changed(t, d, "t", "three")) // the clock stands still, versions do not share a time
	clock.now = 3_000
	if err := d.Remove(changed(t, d, "t", "")); err != nil {
		t.Fatal(err)
	}
	put(4_000, table("t", "four"))
	p := Path{"c", "default", "t"}
	for _, c := range []struct {
		at   int64
		want string
	}{{999, ""}, {1_000, "one"}, {1_999, "one"}, {2_000, "two"}, {2_001, "three"}, {2_999, "three"}, {3_000, ""}, {3_999, ""}, {4_000, "four"}, {1 << 40, "four"}} {
		v, err := d.AsOf(Tables, p, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := v != nil; got != (c.want != "") || got && !strings.Contains(v.Text, "'"+c.want+"'") {
			t.Errorf("as of %d: %+v, not %q", c.at, v, c.want)
		}
	}
	if err := d.DropVersions(Tables, p, []int{1, 3, 5}); err != nil {
		t.Fatal(err)
	}
	list, err := d.Versions(Tables, p)
	if err != nil || len(list) != 3 || list[0].Version() != 2 || list[2].Version() != 5 {
		t.Errorf("left are %v, %v: the newest must stay", list, err)
	}
}

// Two writers that read the same version: the second one loses, whatever it does.
func TestDiskConflict(t *testing.T) {
	e, _, _ := diskEnv()
	first, second := mustOpen(t, e), mustOpen(t, e)
	if err := first.Put(table("t", "one")); err != nil {
		t.Fatal(err)
	}
	if err := second.Put(table("t", "other")); diag.CodeOf(err) != diag.Conflict {
		t.Errorf("created twice: %v", err)
	}
	a, b := changed(t, first, "t", "a"), changed(t, second, "t", "b")
	if err := first.Put(a); err != nil {
		t.Fatal(err)
	}
	if err := second.Put(b); diag.CodeOf(err) != diag.Conflict {
		t.Errorf("changed after another: %v", err)
	}
	if err := second.Remove(b); diag.CodeOf(err) != diag.Conflict {
		t.Errorf("dropped after another: %v", err)
	}
	if got := text(t, second, "t"); !strings.Contains(got, "'a'") {
		t.Errorf("it is\n%s", got)
	}
}

// Between the look at the newest version and the write of the next one another
// writer may come: the link decides.
func TestDiskRace(t *testing.T) {
	e, disk, _ := diskEnv()
	first, second := mustOpen(t, e), mustOpen(t, e)
	once := true
	disk.Fault = func(op, name string) error {
		if op == "Link" && once {
			once = false
			if err := second.Put(table("t", "second")); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	if err := first.Put(table("t", "first")); diag.CodeOf(err) != diag.Conflict {
		t.Errorf("the loser got %v", err)
	}
	if got := text(t, first, "t"); !strings.Contains(got, "'second'") {
		t.Errorf("it is\n%s", got)
	}
}

// A write that fails anywhere changes nothing, and a machine that stops at any moment
// leaves the old or the new definition.
func TestDiskCrash(t *testing.T) {
	for seed := range uint64(200) {
		e, disk, _ := diskEnv()
		d := mustOpen(t, e)
		if err := d.Put(table("t", "old")); err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, 1))
		left := r.IntN(12)
		disk.Fault = func(op, _ string) error {
			if op == "Open" || op == "List" || op == "Stat" {
				return nil
			}
			if left--; left < 0 {
				return errors.New("the disk is gone")
			}
			return nil
		}
		err := d.Put(changed(t, d, "t", "new"))
		made := d.PutDatabase("extra", Info{})
		disk.Fault = nil
		disk.Crash(func(n int) int { return r.IntN(n) })
		d = mustOpen(t, e)
		got := text(t, d, "t")
		if !strings.Contains(got, "'new'") && (err == nil || !strings.Contains(got, "'old'")) {
			t.Fatalf("seed %d: after %v it is\n%s", seed, err, got)
		}
		if info, derr := d.Database("extra"); derr != nil || made == nil && info == nil {
			t.Fatalf("seed %d: database after %v: %v, %v", seed, made, info, derr)
		}
	}
}

func TestDiskRefusesOtherFolders(t *testing.T) {
	e, disk, _ := diskEnv()
	f, err := disk.Create("/cat/letters.txt")
	if err == nil {
		_, err = io.WriteString(f, "dear")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDisk(e, "/cat", "default"); diag.CodeOf(err) != diag.InvalidOption {
		t.Errorf("a folder of letters: %v", err)
	}
}

func TestDiskSaysWhichFileIsBroken(t *testing.T) {
	e, disk, _ := diskEnv()
	d := mustOpen(t, e)
	if err := d.Put(table("t", "one")); err != nil {
		t.Fatal(err)
	}
	f, err := disk.Create("/cat/default/tables/t/00000001.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "CREATE TABLE t (a INT)"); err != nil {
		t.Fatal(err)
	}
	_, err = d.Get(Tables, Path{"c", "default", "t"})
	if diag.CodeOf(err) != diag.IO || !strings.Contains(err.Error(), "00000001.sql") {
		t.Errorf("%v", err)
	}
}

// A database that is made again has nothing of the old one, even when its removal was
// cut short.
func TestDiskDropDatabase(t *testing.T) {
	e, disk, _ := diskEnv()
	d := mustOpen(t, e)
	o := table("t", "one")
	o.Path.Database = "d"
	if err := d.PutDatabase("d", Info{}); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(o); err != nil {
		t.Fatal(err)
	}
	disk.Fault = func(op, _ string) error {
		if op == "RemoveAll" {
			return errors.New("the disk is gone")
		}
		return nil
	}
	if err := d.RemoveDatabase("d"); err == nil {
		t.Fatal("the disk failed, and the drop did not")
	}
	disk.Fault = nil
	if info, err := d.Database("d"); info != nil || err != nil {
		t.Fatalf("it is there: %v, %v", info, err)
	}
	if err := d.PutDatabase("d", Info{}); err != nil {
		t.Fatal(err)
	}
	if list, err := d.List(Tables, "d"); len(list) != 0 || err != nil {
		t.Errorf("it has %v, %v", list, err)
	}
}
