package filesystem

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// resolve turns the option 'path' into a name for env.Disk.
func resolve(t *connect.Table) (string, error) {
	p := t.Options.Text("path", "")
	if p == "" {
		return "", connect.Missing("path", "connector 'filesystem' needs it")
	}
	if scheme, rest, ok := strings.Cut(p, "://"); ok {
		if scheme != "file" {
			return "", connect.Invalid("path", "has scheme '%s', which is not supported yet; only file:// and plain paths are", scheme)
		}
		p = rest
	} else {
		p = strings.TrimPrefix(p, "file:")
	}
	if t.Deps.Dir != "" && !path.IsAbs(p) {
		p = path.Join(t.Deps.Dir, p)
	}
	if p == "" {
		return "", connect.Invalid("path", "names no file")
	}
	return path.Clean(p), nil
}

// ioError says what was attempted on which path, with a code for what went wrong.
func ioError(err error, attempt, name string) error {
	if err == nil {
		return nil
	}
	if e := diag.As(err); e != nil {
		// A format's own error, such as a value it cannot hold: its code stays.
		out := *e
		out.Msg = "cannot " + attempt + " '" + name + "': " + e.Msg
		return &out
	}
	reason := err
	var pe *fs.PathError
	if errors.As(err, &pe) {
		reason = pe.Err // the path is said once
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e := diag.New(diag.IO, "cannot %s '%s': no such file or directory", attempt, name)
		e.Cause = err
		return e
	case errors.Is(err, fs.ErrPermission):
		return diag.Wrap(diag.Permission, err, "cannot %s '%s'", attempt, name)
	}
	e := diag.New(diag.IO, "cannot %s '%s': %s", attempt, name, reason)
	e.Cause = err
	return e
}

// hidden reports names that readers skip.
func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") }

func hasPattern(p string) bool { return strings.ContainsAny(p, "*?[") }

// list gives the files of a path in byte order: the file itself, all files below a
// directory, or what a pattern matches and is below that.
func list(disk env.Disk, root string) ([]string, error) {
	var out []string
	st, err := disk.Stat(root)
	switch {
	case err == nil && !st.IsDir():
		return []string{root}, nil
	case err == nil:
		// A change that is committed between two looks is seen whole.
		for again := true; again && err == nil; {
			if _, err = finishReplacements(disk, root); err != nil {
				break
			}
			out = out[:0]
			if err = walk(disk, root, &out); err == nil {
				again, err = finishReplacements(disk, root)
			}
		}
	case hasPattern(root) && errors.Is(err, fs.ErrNotExist):
		err = glob(disk, root, &out)
	default:
		err = ioError(err, "read", root)
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(out)
	return out, nil
}

// walk adds the files below dir. A directory that vanishes meanwhile is skipped.
func walk(disk env.Disk, dir string, out *[]string) error {
	entries, err := disk.List(dir)
	if err != nil {
		return ioError(err, "list", dir)
	}
	for _, e := range entries {
		if hidden(e.Name()) {
			continue
		}
		p := path.Join(dir, e.Name())
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			if st, err := disk.Stat(p); err == nil {
				isDir = st.IsDir()
			}
		}
		if !isDir {
			*out = append(*out, p)
			continue
		}
		if err := walk(disk, p, out); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// glob adds the files that match a pattern, part by part.
func glob(disk env.Disk, pattern string, out *[]string) error {
	dirs := []string{"."}
	rest := pattern
	if path.IsAbs(pattern) {
		dirs, rest = []string{"/"}, pattern[1:]
	}
	for part := range strings.SplitSeq(rest, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return connect.Invalid("path", "has a pattern that is not closed: '%s'", part)
		}
		var next []string
		for _, d := range dirs {
			if !hasPattern(part) {
				p := path.Join(d, part)
				if _, err := disk.Stat(p); err == nil {
					next = append(next, p)
				}
				continue
			}
			entries, err := disk.List(d)
			if errors.Is(err, fs.ErrPermission) {
				return ioError(err, "list", d)
			}
			for _, e := range entries {
				// A directory that is not one gave no entries.
				if ok, _ := path.Match(part, e.Name()); ok && !hidden(e.Name()) {
					next = append(next, path.Join(d, e.Name()))
				}
			}
		}
		dirs = next
	}
	for _, p := range dirs {
		st, err := disk.Stat(p)
		if err != nil {
			continue
		}
		if !st.IsDir() {
			*out = append(*out, p)
		} else if err := walk(disk, p, out); err != nil {
			return err
		}
	}
	if len(*out) == 0 {
		return diag.New(diag.IO, "cannot read '%s': no file matches the pattern", pattern)
	}
	return nil
}
