package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
)

// A version's file has comments in front, which the catalog reads back:
//
//	-- version 2 of table `orders`
//	-- since 2026-11-29T01:05:46.123Z
//	-- names resolved in `shop`          (a query; with the catalog when it is another)
//	-- refresh ACTIVATED ...             (a materialized table; see Refresh.encode)
//	-- dropped                           (no statement follows)
//	CREATE TABLE `orders` (...)
const (
	headVersion = "-- version "
	headSince   = "-- since "
	headScope   = "-- names resolved in "
	sinceLayout = "2006-01-02T15:04:05.000Z"

	headDropped = "-- dropped"

	suffix = ".sql"
	// fileBytesMax bounds what is read of one definition.
	fileBytesMax = 4 << 20
)

func (d *Disk) join(parts ...string) string { return path.Join(append([]string{d.dir}, parts...)...) }

func (d *Disk) folder(k Kind, p Path) string {
	return d.join(fileEncode(p.Database), k.Folder(), fileEncode(p.Object))
}

// versionFile is the name of a version's file.
type versionFile struct {
	number int
	name   string
}

// numbers lists the versions of an object by their files, oldest first.
func (d *Disk) numbers(k Kind, p Path) ([]versionFile, error) {
	dir := d.folder(k, p)
	list, err := d.disk.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot list %s", dir)
	}
	var out []versionFile
	for _, f := range list {
		v := versionFile{name: f.Name()}
		digits, ok := strings.CutSuffix(f.Name(), suffix)
		if v.number, err = strconv.Atoi(digits); ok && err == nil && v.number > 0 {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b versionFile) int { return a.number - b.number })
	return out, nil
}

// load reads a version; nil when it was removed since it was listed.
func (d *Disk) load(k Kind, p Path, f versionFile) (*Definition, error) {
	file := path.Join(d.folder(k, p), f.name)
	text, err := d.read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot read %s", file)
	}
	def := &Definition{Held: Held{f.number}, Kind: k, Path: p}
	name, err := def.decode(text)
	if err != nil {
		return nil, broken(file, err)
	}
	if name != p.Object {
		if strings.EqualFold(name, p.Object) {
			// The disk does not tell apart names that differ in case.
			return nil, nil
		}
		return nil, broken(file, fmt.Errorf("it defines %s", name))
	}
	return def, nil
}

// encode is the text of a version's file.
func (def *Definition) encode() string {
	s := headVersion + strconv.Itoa(def.version) + " of " + def.Word + " " + Quote(def.Path.Object) + "\n" +
		headSince + time.UnixMilli(def.From).UTC().Format(sinceLayout) + "\n"
	if def.Scope.Database != "" {
		in := Quote(def.Scope.Database)
		if def.Scope.Catalog != "" {
			in = Quote(def.Scope.Catalog) + "." + in
		}
		s += headScope + in + "\n"
	}
	if def.Refresh != nil {
		s += def.Refresh.encode()
	}
	if def.Dropped {
		return s + headDropped + "\n"
	}
	return s + def.Text + "\n"
}

// decode reads what encode wrote and returns the object's name.
func (def *Definition) decode(text string) (name string, err error) {
	since := false
	for strings.HasPrefix(text, "--") {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		switch {
		case strings.HasPrefix(line, headVersion):
			_, of, _ := strings.Cut(line[len(headVersion):], " of ")
			word, quoted, _ := strings.Cut(of, " `")
			def.Word = word
			name = strings.ReplaceAll(strings.TrimSuffix(quoted, "`"), "``", "`")
		case strings.HasPrefix(line, headSince):
			at, err := time.Parse(sinceLayout, strings.TrimSpace(line[len(headSince):]))
			if err != nil {
				return "", err
			}
			def.From, since = at.UnixMilli(), true
		case line == headDropped:
			def.Dropped = true
		case strings.HasPrefix(line, headScope):
			n, err := parseName(line[len(headScope):])
			if err != nil {
				return "", err
			}
			def.Scope = Path{Database: n[len(n)-1]}
			if len(n) > 1 {
				def.Scope.Catalog = n[0]
			}
		case def.Word == materializedTable:
			if def.Refresh == nil {
				def.Refresh = &Refresh{}
			}
			if err := def.Refresh.decode(line); err != nil {
				return "", err
			}
		}
	}
	if def.Word == "" || !since {
		return "", errors.New("the comments at its head are not there")
	}
	def.Text = strings.TrimSpace(text)
	return name, nil
}

// parseName reads a quoted name of one or two parts.
func parseName(text string) ([]string, error) {
	stmt, err := parse.Statement("USE " + text)
	if err != nil {
		return nil, err
	}
	return stmt.(*ast.UseDatabase).Name.Parts(), nil
}

// parseDatabase reads database.sql.
func parseDatabase(text string) (*Info, error) {
	stmt, err := parse.Statement(text)
	if err != nil {
		return nil, err
	}
	s, ok := stmt.(*ast.CreateDatabase)
	if !ok {
		return nil, errors.New("it is no CREATE DATABASE")
	}
	info := &Info{Comment: s.Comment.Value, Options: connect.Options{}}
	for _, o := range s.Options {
		info.Options[o.Key.Value] = o.Value.Value
	}
	return info, nil
}

func broken(file string, err error) error {
	return diag.Wrap(diag.IO, err, "%s of the catalog cannot be understood", file).
		WithHint("put back the version the file had, or remove it")
}

// write makes the file of a version. It fails with conflict when there is one.
func (d *Disk) write(def *Definition) error {
	dir := d.folder(def.Kind, def.Path)
	if len(path.Base(dir)) > 200 {
		return diag.New(diag.LimitExceeded, "the name %s is too long for a file", Quote(def.Path.Object))
	}
	err := d.make(dir)
	if err != nil {
		return err
	}
	temp, err := d.temporary(dir, def.encode())
	if err != nil {
		return err
	}
	err = d.disk.Link(temp, path.Join(dir, fmt.Sprintf("%08d", def.version)+suffix))
	if rerr := d.disk.Remove(temp); err == nil && rerr != nil {
		err = rerr
	}
	if errors.Is(err, fs.ErrExist) {
		return conflict(def)
	}
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot write %s %s", def.Word, def.Path)
	}
	return d.sync(dir)
}

// replace writes a file anew, whole or not at all.
func (d *Disk) replace(file, text string) error {
	dir := path.Dir(file)
	if err := d.make(dir); err != nil {
		return err
	}
	temp, err := d.temporary(dir, text)
	if err != nil {
		return err
	}
	if err := d.disk.Rename(temp, file); err != nil {
		return diag.Wrap(diag.IO, err, "cannot write %s", file)
	}
	return d.sync(dir)
}

// temporary writes a synced file with a name of its own.
func (d *Disk) temporary(dir, text string) (string, error) {
	name := path.Join(dir, fmt.Sprintf(".new-%d-%d", d.clock.Now(), d.clock.Mono()))
	f, err := d.disk.Create(name)
	if err == nil {
		_, err = io.WriteString(f, text)
		if err == nil {
			err = f.Sync()
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			_ = d.disk.Remove(name) // the first error is the one to tell
		}
	}
	if err != nil {
		return "", diag.Wrap(diag.IO, err, "cannot write in %s", dir)
	}
	return name, nil
}

// make makes a folder that survives a crash, and those above it.
func (d *Disk) make(dir string) error {
	if _, err := d.disk.Stat(dir); err == nil {
		return nil
	}
	if err := d.disk.MkdirAll(dir); err != nil {
		return diag.Wrap(diag.IO, err, "cannot make the folder %s", dir)
	}
	for up := dir; up != d.dir && len(up) > len(d.dir); {
		up = path.Dir(up)
		if err := d.sync(up); err != nil {
			return err
		}
	}
	return nil
}

func (d *Disk) sync(dir string) error {
	if err := d.disk.SyncDir(dir); err != nil {
		return diag.Wrap(diag.IO, err, "cannot write in %s", dir)
	}
	return nil
}

func (d *Disk) read(file string) (string, error) {
	f, err := d.disk.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, fileBytesMax))
	return string(b), err
}

// fileEncode makes a file name of any name: letters, digits, - and _ stand for
// themselves, other bytes are %XX.
func fileEncode(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// fileDecode is the opposite of fileEncode.
func fileDecode(file string) string {
	var b strings.Builder
	for i := 0; i < len(file); i++ {
		if file[i] == '%' && i+2 < len(file) {
			if n, err := strconv.ParseUint(file[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(file[i])
	}
	return b.String()
}
