package env

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// confinedTree is a project with a cluster in it, a data directory, and secrets outside.
func confinedTree(t *testing.T) (base string, d Disk) {
	t.Helper()
	base = t.TempDir()
	write := func(name, text string) {
		p := filepath.Join(base, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(base, name)); err != nil {
			t.Fatal(err)
		}
	}
	write("project/in/a.csv", "1")
	write("project/in/deep/b.csv", "2")
	write("project/.mink/token", "secret")
	write("project/.mink/store/x", "secret")
	write("data/c.csv", "3")
	write("outside/secret", "secret")
	write("project-other/secret", "secret")
	link("a.csv", "project/in/alias.csv")
	link("in/deep", "project/short")
	link(filepath.Join(base, "data"), "project/data")
	link("../outside", "project/up")
	link("../../outside/secret", "project/in/up.csv")
	link(filepath.Join(base, "outside"), "project/abs")
	link(filepath.Join(base, "outside", "secret"), "project/abs.csv")
	link(".mink", "project/cluster")
	link("../.mink/token", "project/in/token.csv")
	link(filepath.Join(base, "project", ".mink", "token"), "project/in/abs-token.csv")
	link("loop-b", "project/loop-a")
	link("loop-a", "project/loop-b")
	link("../outside/new", "project/dangling")
	link("/", "project/root")
	link("/proc/self/root", "project/proc")
	return base, Confined(Roots{
		Who: "this cluster", Help: "mink up --data-dir allows another directory",
		Dir:     filepath.Join(base, "project"),
		Allowed: []string{filepath.Join(base, "project"), filepath.Join(base, "data")},
		Denied:  []string{filepath.Join(base, "project", ".mink")},
	})
}

func TestConfinedLetsIn(t *testing.T) {
	base, d := confinedTree(t)
	for name, want := range map[string]string{
		"in/a.csv": "1", "./in/a.csv": "1", "in/../in/a.csv": "1", "in/alias.csv": "1", "in/deep/../a.csv": "1",
		"short/b.csv": "2", "short/../a.csv": "", "data/c.csv": "3",
		base + "/project/in/a.csv": "1", base + "/data/c.csv": "3", base + "/project/../data/c.csv": "3",
	} {
		f, err := d.Open(name)
		if want == "" {
			continue // dots are taken before links are followed: it may or may not be there
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, _ := io.ReadAll(f)
		f.Close()
		if string(text) != want {
			t.Errorf("%s holds %q", name, text)
		}
	}
	list, err := d.List("in")
	if err != nil || len(list) != 6 || list[0].Name() != "a.csv" {
		t.Errorf("List: %v, %v", list, err)
	}
	if err := d.MkdirAll("out/x/y"); err != nil {
		t.Fatal(err)
	}
	if err := d.MkdirAll("out/x/y"); err != nil {
		t.Fatal(err)
	}
	f, err := d.Create("out/x/y/.part")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("row\n")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close(), d.Rename("out/x/y/.part", "out/x/y/part"), d.Link("out/x/y/part", "out/x/y/again"), d.SyncDir("out/x/y")); err != nil {
		t.Fatal(err)
	}
	if info, err := d.Stat("out/x/y/part"); err != nil || info.Size() != 4 {
		t.Errorf("Stat: %v, %v", info, err)
	}
	if f, err = d.Append("out/x/y/part"); err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write([]byte("row\n"))
	f.Close()
	// A shorter file in place of a longer one.
	if f, err = d.Create("out/x/y/part"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if info, _ := d.Stat("out/x/y/part"); info.Size() != 0 {
		t.Errorf("Create left %d bytes", info.Size())
	}
	if err := d.RemoveAll("out"); err != nil {
		t.Error(err)
	}
	if _, err := d.Stat("out/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after RemoveAll: %v", err)
	}
	if _, err := d.Open("in/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// harmless leads to a file beside those of the system: what must be refused costs nobody theirs
// where it is not.
func harmless(name string) string { return strings.Replace(name, "etc/passwd", "etc/mink-test", 1) }

// TestConfinedRefuses has names that lead out, by every operation.
func TestConfinedRefuses(t *testing.T) {
	base, d := confinedTree(t)
	names := []string{
		"../outside/secret", "..", "../", "./..", "in/../../outside/secret", "in/deep/../../../outside/secret",
		"/", "/etc/passwd", "//etc/passwd", "/etc/../etc/passwd", "/proc/self/environ", "/proc/self/cwd/../outside/secret",
		base, base + "/outside/secret", base + "/project/../outside/secret", base + "/data/../outside/secret", base + "/project-other/secret",
		"../project-other/secret", base + "/project/../project-other/secret",
		"up/secret", "up", "up/./secret", "in/up.csv", "abs/secret", "abs.csv", "short/../../up/secret",
		"root/etc/passwd", "proc/etc/passwd", "root", "root" + base + "/outside/secret",
		".mink", ".mink/token", "./.mink/token", "in/../.mink/token", ".mink/store/x", ".mink/./store/../token",
		base + "/project/.mink/token", "cluster", "cluster/token", "cluster/store/x", "in/token.csv", "in/abs-token.csv",
		"data/../../outside/secret", base + "/project/data/../../outside/secret",
		"loop-a", "loop-a/x", "dangling", "in//..//..//outside/secret", "./in/./../../outside/secret", "short/../../outside/secret",
		"up/../../outside/secret", base + "/project/in/../../outside/./secret", "proc" + base + "/outside/secret", "in/a.csv/../../../outside/secret",
	}
	if len(names) < 50 {
		t.Fatalf("%d names", len(names))
	}
	ops := map[string]func(name string) error{
		"open": func(n string) error {
			f, err := d.Open(n)
			if err == nil {
				text, _ := io.ReadAll(f)
				f.Close()
				if !strings.Contains(string(text), "secret") && !strings.Contains(string(text), "root:") {
					return fs.ErrPermission // a directory opens and cannot be read; what is listed shows below
				}
			}
			return err
		},
		"stat":   func(n string) error { _, err := d.Stat(n); return err },
		"list":   func(n string) error { _, err := d.List(n); return err },
		"create": func(n string) error { f, err := d.Create(harmless(n)); closeFile(f); return err },
		"append": func(n string) error { f, err := d.Append(harmless(n)); closeFile(f); return err },
		"mkdir":  func(n string) error { return d.MkdirAll(n + "/made") },
		"rename": func(n string) error { return d.Rename("in/a.csv", n+"/x") },
		"steal":  func(n string) error { return d.Rename(n+"/secret", "in/stolen") },
		"link":   func(n string) error { return d.Link(n, "in/linked") },
	}
	before := listing(t, base)
	for _, n := range names {
		for op, f := range ops {
			if err := f(n); err == nil {
				// Links themselves are the project's own, and may be named by what does not follow them.
				if op == "link" && !strings.Contains(n, "/") {
					_ = os.Remove(filepath.Join(base, "project/in/linked"))
					continue
				}
				if op == "link" {
					if f, err := d.Open("in/linked"); err != nil {
						_ = os.Remove(filepath.Join(base, "project/in/linked"))
						continue
					} else {
						f.Close()
					}
				}
				t.Errorf("%s of %s went through", op, n)
			}
		}
	}
	for _, n := range []string{"../outside", "up/secret", "/etc", "abs/secret", ".mink", ".mink/token", "cluster/token", ".", base + "/project", ".."} {
		if err := d.RemoveAll(n); err == nil {
			t.Errorf("RemoveAll of %s went through", n)
		}
	}
	if after := listing(t, base); !slices.Equal(before, after) {
		t.Errorf("the tree changed:\n%s\n%s", before, after)
	}
	_, err := d.Open("../outside/secret")
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("the error does not say what to do: %v", err)
	}
}

func closeFile(f File) {
	if f != nil {
		f.Close()
	}
}

// listing has the names and sizes of a tree.
func listing(t *testing.T, base string) []string {
	var out []string
	err := filepath.WalkDir(base, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		text := p
		if !e.IsDir() && e.Type()&fs.ModeSymlink == 0 {
			b, _ := os.ReadFile(p)
			text += " " + string(b)
		}
		out = append(out, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestConfinedRace swaps a directory and a file for links that lead out, while they are
// opened: what is read is never the secret, and what is written never lands outside.
func TestConfinedRace(t *testing.T) {
	base, d := confinedTree(t)
	project := filepath.Join(base, "project")
	for _, dir := range []string{"swap", "real"} {
		if err := os.MkdirAll(filepath.Join(project, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"real/secret", "real/token"} {
		if err := os.WriteFile(filepath.Join(project, name), []byte("fine"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	swap := func(name string, to ...string) {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				tmp := filepath.Join(project, "tmp-"+filepath.Base(name))
				_ = os.Remove(tmp)
				_ = os.Symlink(to[i%len(to)], tmp)
				_ = os.Rename(tmp, filepath.Join(project, name))
			}
		}()
	}
	_ = os.Remove(filepath.Join(project, "swap"))
	swap("swap", "real", "../outside", ".mink", filepath.Join(base, "outside"))
	swap("swap.csv", "real/secret", "../outside/secret", ".mink/token")
	// A file that is itself in turn and a link to the token, inside of the same folder.
	all.Add(1)
	go func() {
		defer all.Done()
		tmp := filepath.Join(project, "tmp-plain.csv")
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Remove(tmp)
			if i%2 == 0 {
				_ = os.WriteFile(tmp, []byte("fine"), 0o644)
			} else {
				_ = os.Symlink(".mink/token", tmp)
			}
			_ = os.Rename(tmp, filepath.Join(project, "plain.csv"))
		}
	}()
	until := time.Now().Add(300 * time.Millisecond)
	opened := 0
	for time.Now().Before(until) {
		for _, n := range []string{"swap/secret", "swap/token", "swap.csv", "plain.csv"} {
			f, err := d.Open(n)
			if err != nil {
				continue
			}
			text, _ := io.ReadAll(f)
			f.Close()
			if opened++; string(text) != "fine" {
				t.Fatalf("%s held %q", n, text)
			}
		}
		if f, err := d.Create("swap/new"); err == nil {
			f.Close()
		}
	}
	close(stop)
	all.Wait()
	if opened == 0 {
		t.Error("nothing was ever opened")
	}
	for _, p := range []string{"outside/new", "project/.mink/new"} {
		if _, err := os.Lstat(filepath.Join(base, p)); err == nil {
			t.Errorf("%s was written", p)
		}
	}
}
