package env

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Roots are the directories that a Confined disk may touch.
type Roots struct {
	// Dir resolves relative names; it is absolute.
	Dir string
	// Allowed are directories with all that is below them; absolute.
	Allowed []string
	// Denied are directories that stay closed although they are below an allowed one,
	// such as that of the cluster with its token; absolute.
	Denied []string
	// Who is whom it confines, and Help how more is allowed, for refusals.
	Who, Help string
}

// Confined is the disk of the machine as far as Roots lets one see it. Whatever else a name
// leads to, by dots, by links, or by links that are changed while it is followed, is
// refused with a *fs.PathError that is fs.ErrPermission: a name is followed directory by
// directory, each opened in the one before and compared with what stood there, so no name
// is ever given to the system as a whole.
func Confined(r Roots) Disk { return &confined{r} }

type confined struct{ roots Roots }

// outside is the cause of a refusal.
type outside struct{ Roots }

func (o outside) Error() string {
	return "it is outside of what " + o.Who + " may touch (" + strings.Join(o.Allowed, ", ") + "); " + o.Help
}

func (o outside) Is(err error) bool { return err == fs.ErrPermission }

// errSwapped says that what a name leads to was replaced while the name was followed.
var errSwapped = fmt.Errorf("it was replaced while it was opened: %w", fs.ErrPermission)

// linksMax is the number of links that a name may lead through.
const linksMax = 40

// place is where a name leads: an entry, which need not exist, of an open directory.
type place struct {
	dir  *os.Root
	name string // "." for the directory itself
}

func (c *confined) refuse(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: outside{c.roots}}
}

// split finds the allowed directory that a name is in, and the way from there.
func (c *confined) split(name string) (root string, parts []string, ok bool) {
	abs := filepath.FromSlash(name)
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(c.roots.Dir, abs)
	}
	abs = filepath.Clean(abs)
	for _, allowed := range c.roots.Allowed {
		real, err := filepath.EvalSymlinks(allowed)
		if err != nil {
			continue // not there now
		}
		for _, r := range []string{allowed, real} {
			if rest, ok := below(abs, r); ok && len(r) > len(root) {
				root, parts = r, rest
			}
		}
	}
	return root, parts, root != ""
}

// below gives the parts of a clean path below root.
func below(path, root string) ([]string, bool) {
	if path == root {
		return nil, true
	}
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(root, string(filepath.Separator))+string(filepath.Separator))
	if !ok {
		return nil, false
	}
	return strings.Split(rest, string(filepath.Separator)), true
}

// walk follows a name. With final the last part is followed too when it is a link. The
// place is closed by its user.
func (c *confined) walk(op, name string, final bool) (*place, error) {
	root, parts, ok := c.split(name)
	if !ok {
		return nil, c.refuse(op, name)
	}
	first, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	stack := []*os.Root{first}
	defer func() {
		for _, r := range stack {
			r.Close()
		}
	}()
	fail := func(err error) (*place, error) {
		if e := (*fs.PathError)(nil); errors.As(err, &e) {
			err = e.Err
		}
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	closed, err := c.closed(first)
	if err != nil {
		return fail(err)
	}
	if closed {
		return nil, c.refuse(op, name)
	}
	take := func(last string) *place {
		p := &place{stack[len(stack)-1], last}
		stack = stack[:len(stack)-1]
		return p
	}
	for links := 0; len(parts) > 0; {
		part, dir := parts[0], stack[len(stack)-1]
		parts = parts[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(stack) == 1 {
				return nil, c.refuse(op, name)
			}
			dir.Close()
			stack = stack[:len(stack)-1]
			continue
		}
		info, err := dir.Lstat(part)
		last := len(parts) == 0
		switch {
		case err == nil && info.Mode()&fs.ModeSymlink != 0 && (!last || final):
			to, err := dir.Readlink(part)
			if err != nil {
				return fail(err)
			}
			if links++; links > linksMax {
				return fail(syscall.ELOOP)
			}
			if filepath.IsAbs(to) {
				// Another allowed directory, or this one.
				next, err := c.walk(op, filepath.Join(append([]string{filepath.Clean(to)}, parts...)...), final)
				if err != nil {
					return fail(err)
				}
				return next, nil
			}
			parts = append(strings.Split(to, string(filepath.Separator)), parts...)
			continue
		case err != nil && last && errors.Is(err, fs.ErrNotExist):
			return take(part), nil
		case err != nil:
			return fail(err)
		}
		if last && !info.IsDir() {
			return take(part), nil
		}
		next, err := dir.OpenRoot(part)
		if err != nil {
			return fail(err)
		}
		stack = append(stack, next)
		now, err := next.Stat(".")
		if err != nil {
			return fail(err)
		}
		if !os.SameFile(info, now) {
			return fail(errSwapped)
		}
		if closed, err := c.closed(next); err != nil || closed {
			if err != nil {
				return fail(err)
			}
			return nil, c.refuse(op, name)
		}
		if last {
			if !final || op == "mkdir" || op == "remove" || op == "rename" {
				next.Close()
				stack = stack[:len(stack)-1]
				return take(part), nil
			}
			return take("."), nil
		}
	}
	return take("."), nil
}

// closed reports a directory that is denied.
func (c *confined) closed(dir *os.Root) (bool, error) {
	now, err := dir.Stat(".")
	if err != nil {
		return false, err
	}
	for _, d := range c.roots.Denied {
		if info, err := os.Stat(d); err == nil && os.SameFile(info, now) {
			return true, nil
		}
	}
	return false, nil
}

// open opens what a name leads to and makes sure that it is that.
func (c *confined) open(op, name string, flag int) (*os.File, error) {
	p, err := c.walk(op, name, true)
	if err != nil {
		return nil, err
	}
	defer p.dir.Close()
	wrap := func(err error) error {
		if e := (*fs.PathError)(nil); errors.As(err, &e) {
			err = e.Err
		}
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	f, err := p.dir.OpenFile(p.name, flag&^os.O_TRUNC, 0o644)
	if err != nil {
		return nil, wrap(err)
	}
	there, err := p.dir.Lstat(p.name)
	var got fs.FileInfo
	if err == nil {
		got, err = f.Stat()
	}
	if err == nil && !os.SameFile(there, got) {
		err = errSwapped
	}
	if err == nil && flag&os.O_TRUNC != 0 && got.Size() > 0 {
		err = f.Truncate(0)
	}
	if err != nil {
		f.Close()
		return nil, wrap(err)
	}
	return f, nil
}

// do calls f with the place of a name.
func (c *confined) do(op, name string, final bool, f func(p *place) error) error {
	p, err := c.walk(op, name, final)
	if err != nil {
		return err
	}
	defer p.dir.Close()
	if err := f(p); err != nil {
		if e := (*fs.PathError)(nil); errors.As(err, &e) {
			err = e.Err
		}
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// both calls f with the places of two names that are in one directory, or with the common
// directory above them.
func (c *confined) both(op, from, to string, f func(dir *os.Root, from, to string) error) error {
	return c.do(op, from, false, func(a *place) error {
		return c.do(op, to, false, func(b *place) error {
			x, err := a.dir.Stat(".")
			if err != nil {
				return err
			}
			y, err := b.dir.Stat(".")
			if err != nil {
				return err
			}
			if !os.SameFile(x, y) {
				return errors.New("a file cannot leave its directory")
			}
			return f(a.dir, a.name, b.name)
		})
	})
}

func (c *confined) Create(name string) (File, error) {
	return wrapFile(c.open("create", name, os.O_RDWR|os.O_CREATE|os.O_TRUNC))
}

func (c *confined) Append(name string) (File, error) {
	return wrapFile(c.open("append", name, os.O_APPEND|os.O_CREATE|os.O_WRONLY))
}

func (c *confined) Open(name string) (ReadFile, error) {
	f, err := c.open("open", name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (c *confined) Rename(from, to string) error {
	return c.both("rename", from, to, func(dir *os.Root, from, to string) error { return dir.Rename(from, to) })
}

func (c *confined) Link(from, to string) error {
	return c.both("link", from, to, func(dir *os.Root, from, to string) error { return dir.Link(from, to) })
}

func (c *confined) Remove(name string) error {
	return c.do("remove", name, false, func(p *place) error { return p.dir.Remove(p.name) })
}

// RemoveAll removes what a name leads to. What is in a denied directory stays, and so do
// the directories above it.
func (c *confined) RemoveAll(name string) error {
	p, err := c.walk("remove", name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.dir.Close()
	root, parts, _ := c.split(name)
	abs := filepath.Join(append([]string{root}, parts...)...)
	for _, d := range c.roots.Denied {
		if _, in := below(d, abs); in {
			return c.refuse("remove", name)
		}
	}
	return p.dir.RemoveAll(p.name)
}

func (c *confined) MkdirAll(name string) error {
	p, err := c.walk("mkdir", name, true)
	if err == nil {
		defer p.dir.Close()
		info, err := p.dir.Stat(p.name)
		switch {
		case err == nil && info.IsDir():
			return nil
		case err == nil:
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
		if err := p.dir.Mkdir(p.name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return &fs.PathError{Op: "mkdir", Path: name, Err: err}
		}
		return nil
	}
	parent := filepath.Dir(filepath.Clean(filepath.FromSlash(name)))
	if !errors.Is(err, fs.ErrNotExist) || parent == name || parent == "." {
		return err
	}
	if err := c.MkdirAll(parent); err != nil {
		return err
	}
	return c.do("mkdir", name, true, func(p *place) error {
		if err := p.dir.Mkdir(p.name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
}

func (c *confined) List(dir string) ([]fs.DirEntry, error) {
	f, err := c.open("open", dir, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := f.ReadDir(-1)
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, err
}

func (c *confined) Stat(name string) (fs.FileInfo, error) {
	var out fs.FileInfo
	err := c.do("stat", name, true, func(p *place) error {
		info, err := p.dir.Lstat(p.name)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			err = errSwapped
		}
		out = info
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *confined) SyncDir(dir string) error {
	f, err := c.open("open", dir, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
