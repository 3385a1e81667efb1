package catalog

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// OnDisk is the 'type' of a Disk catalog.
const OnDisk = "mink"

// Disk is a catalog in a folder. Everything in it is SQL text that can be read and
// put under version control:
//
//	PATH/mink-catalog                        says that the folder is a catalog
//	PATH/shop/database.sql                   CREATE DATABASE
//	PATH/shop/tables/orders/00000001.sql     the versions of a table or view,
//	PATH/shop/tables/orders/00000002.sql     the newest one last
//	PATH/shop/functions/f/00000001.sql       functions, models, connections alike
//	PATH/.refresh/shop/sales/                checkpoints of the job that fills a
//	                                         materialized table
//
// A version is never changed. A new one is written beside it, synced, and given its
// name by a link that fails when the name is taken: so a reader sees whole files
// only, and of two writers that change the same version one gets the error conflict.
// No lock is held and none can be left behind; any number of processes may read and
// write. The last version of a dropped object says that it is dropped. Old versions
// stay until system.drop_versions removes them or the database is dropped.
//
// Files hold secrets of options as they were written.
type Disk struct {
	disk  env.Disk
	clock env.Clock
	dir   string
	first string
	mu    sync.Mutex // of writers in this process, so that they do not conflict
}

// marker is the file that makes a folder a catalog.
const marker = "mink-catalog"

// OpenDisk opens the catalog in dir, which is made when it is not there. first is its
// first database. A folder with other things in it is refused.
func OpenDisk(e *env.Env, dir, first string) (*Disk, error) {
	d := &Disk{disk: e.Disk, clock: e.Clock, dir: path.Clean(dir), first: first}
	old, err := d.read(d.join(marker))
	switch {
	case err == nil:
		if !strings.HasPrefix(old, "mink catalog, format 1\n") {
			return nil, diag.New(diag.IO, "%s is a catalog of another version of mink", dir)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, diag.Wrap(diag.IO, err, "cannot open the catalog in %s", dir)
	default:
		list, err := d.disk.List(d.dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, diag.Wrap(diag.IO, err, "cannot open the catalog in %s", dir)
		}
		for _, f := range list {
			if !strings.HasPrefix(f.Name(), ".") {
				return nil, diag.New(diag.InvalidOption, "%s is not a catalog, and not empty: it has %s", dir, f.Name()).
					WithHint("name a folder of its own in 'path'")
			}
		}
		if err := d.replace(d.join(marker), "mink catalog, format 1\n"); err != nil {
			return nil, err
		}
	}
	if info, err := d.Database(first); err != nil || info == nil {
		if err == nil {
			err = d.PutDatabase(first, Info{})
		}
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// First is the database that USE CATALOG makes current.
func (d *Disk) First() string { return d.first }

// Close does nothing: no file stays open.
func (d *Disk) Close() error { return nil }

// Keeps takes every kind.
func (d *Disk) Keeps(Kind) error { return nil }

// Lend gives folders beside the databases, where no name of one leads.
func (d *Disk) Lend(p Path) string {
	return d.join(".refresh", fileEncode(p.Database), fileEncode(p.Object))
}

// Databases lists names in order.
func (d *Disk) Databases() ([]string, error) {
	list, err := d.disk.List(d.dir)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot list the catalog in %s", d.dir)
	}
	var out []string
	for _, f := range list {
		if f.IsDir() && !strings.HasPrefix(f.Name(), ".") {
			if _, err := d.disk.Stat(d.join(f.Name(), databaseFile)); err == nil {
				out = append(out, fileDecode(f.Name()))
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

const databaseFile = "database.sql"

// Database reads what is known of a database.
func (d *Disk) Database(name string) (*Info, error) {
	file := d.join(fileEncode(name), databaseFile)
	text, err := d.read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot read %s", file)
	}
	s, err := parseDatabase(text)
	if err != nil {
		return nil, broken(file, err)
	}
	return s, nil
}

// PutDatabase writes database.sql.
func (d *Disk) PutDatabase(name string, info Info) error {
	text := "CREATE DATABASE " + Quote(name)
	if info.Comment != "" {
		text += "\nCOMMENT " + Text(info.Comment)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	dir := d.join(fileEncode(name))
	if _, err := d.disk.Stat(path.Join(dir, databaseFile)); errors.Is(err, fs.ErrNotExist) {
		// What a removal that was cut short has left does not come back.
		if err := d.disk.RemoveAll(dir); err != nil {
			return diag.Wrap(diag.IO, err, "cannot make database %s", name)
		}
	}
	return d.replace(path.Join(dir, databaseFile), text+WithText(info.Options)+"\n")
}

// RemoveDatabase removes the folder, database.sql first: without it there is no
// database, whatever a crash leaves.
func (d *Disk) RemoveDatabase(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := d.join(fileEncode(name))
	err := d.disk.Remove(path.Join(from, databaseFile))
	if err == nil {
		err = d.disk.SyncDir(from)
	}
	if err == nil {
		err = d.disk.RemoveAll(from)
	}
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot drop database %s", name)
	}
	return nil
}

// List gives an entry for each object that is not dropped.
func (d *Disk) List(k Kind, db string) ([]Entry, error) {
	list, err := d.disk.List(d.join(fileEncode(db), k.Folder()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot list the catalog in %s", d.dir)
	}
	var out []Entry
	for _, f := range list {
		p := Path{Database: db, Object: fileDecode(f.Name())}
		o, err := d.newest(k, p)
		if err != nil {
			return nil, err
		}
		if o != nil && !o.Dropped {
			out = append(out, Entry{Name: p.Object, What: o.Word})
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Get returns the newest definition.
func (d *Disk) Get(k Kind, p Path) (Object, error) {
	o, err := d.newest(k, p)
	if err != nil || o == nil || o.Dropped {
		return nil, err
	}
	return o, nil
}

// newest returns the newest version, which may say that the object is dropped.
func (d *Disk) newest(k Kind, p Path) (*Definition, error) {
	list, err := d.numbers(k, p)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return d.load(k, p, list[len(list)-1])
}

// Put writes a new version.
func (d *Disk) Put(o Object) error {
	def := &Definition{Kind: o.Space(), Path: o.Where(), Word: o.What(), Text: o.DDL()}
	if t, ok := o.(*Table); ok && (t.View || t.Materialized != nil) {
		def.Scope = t.Scope
		if def.Scope.Catalog == def.Path.Catalog {
			def.Scope.Catalog = ""
		}
		if t.Materialized != nil {
			def.Refresh = &t.Materialized.Refresh
		}
	}
	return d.add(def, o.base())
}

// Remove writes a version that says that the object is gone.
func (d *Disk) Remove(o Object) error {
	return d.add(&Definition{Kind: o.Space(), Path: o.Where(), Word: o.What(), Dropped: true}, o.base())
}

// add writes a version over the one numbered base; 0 stands for no object.
func (d *Disk) add(def *Definition, base int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, err := d.newest(def.Kind, def.Path)
	if err != nil {
		return err
	}
	at := d.clock.Now()
	if last != nil {
		if base == 0 && !last.Dropped || base != 0 && base != last.version {
			return conflict(def)
		}
		def.version, at = last.version, max(at, last.From+1)
	}
	def.version++
	def.From = at
	return d.write(def)
}

func conflict(def *Definition) error {
	return diag.New(diag.Conflict, "%s %s was changed by another writer", def.Word, def.Path).
		WithHint("look at what it is now and run the statement again")
}

// AsOf returns the version that held at a time.
func (d *Disk) AsOf(k Kind, p Path, millis int64) (*Definition, error) {
	list, err := d.Versions(k, p)
	if err != nil {
		return nil, err
	}
	var out *Definition
	for _, v := range list {
		if v.From <= millis {
			out = v
		}
	}
	if out == nil || out.Dropped {
		return nil, nil
	}
	return out, nil
}

// Versions reads all versions, oldest first.
func (d *Disk) Versions(k Kind, p Path) ([]*Definition, error) {
	list, err := d.numbers(k, p)
	if err != nil {
		return nil, err
	}
	var out []*Definition
	for _, f := range list {
		v, err := d.load(k, p, f)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out = append(out, v)
		}
	}
	return out, nil
}

// DropVersions removes versions but the newest.
func (d *Disk) DropVersions(k Kind, p Path, numbers []int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	list, err := d.numbers(k, p)
	if err != nil {
		return err
	}
	dir := d.folder(k, p)
	for i, f := range list {
		if i == len(list)-1 || !slices.Contains(numbers, f.number) {
			continue
		}
		if err := d.disk.Remove(path.Join(dir, f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return diag.Wrap(diag.IO, err, "cannot remove version %d of %s", f.number, p)
		}
	}
	return d.sync(dir)
}
