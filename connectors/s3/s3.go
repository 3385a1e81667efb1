// Package s3 keeps checkpoints and savepoints in an S3-compatible object store.
//
// Disk puts the names s3://bucket/path on top of another disk, so that whoever writes
// checkpoints needs not know where they are. What it promises of them is what checkpoints
// rest on: an object is there whole or not at all, one that was written is seen by
// everyone from then on, and what was synced stays. What an object store cannot do (append
// to a file, rename a directory) is refused.
//
// A file that is written as name.tmp, synced and renamed becomes one PUT. Metadata of a
// checkpoint, which is never written twice, is put with If-None-Match, so that of two who
// write it one is told so. Large files go up in parts.
//
// Begin with Disk, then client.go, write.go and read.go.
package s3

import (
	"io/fs"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/env"
)

// Keys are the settings that name the store and how it is reached, as in Flink.
var Keys = []string{"s3.endpoint", "s3.access-key", "s3.secret-key", "s3.session-token", "s3.path.style.access", "s3.region"}

// Named reports whether a name is one of an object store.
func Named(name string) bool {
	_, _, ok := split(name)
	return ok
}

// split takes bucket and key out of a name. A name may have lost a slash in being cleaned.
func split(name string) (bucket, key string, ok bool) {
	for _, scheme := range []string{"s3:/", "s3a:/", "s3p:/"} {
		rest, found := strings.CutPrefix(name, scheme)
		if !found {
			continue
		}
		bucket, key, _ = strings.Cut(strings.TrimLeft(rest, "/"), "/")
		var parts []string
		for _, p := range strings.Split(key, "/") {
			switch p {
			case "", ".":
			case "..":
				if len(parts) > 0 {
					parts = parts[:len(parts)-1]
				}
			default:
				parts = append(parts, p)
			}
		}
		return bucket, strings.Join(parts, "/"), bucket != ""
	}
	return "", "", false
}

// Disk is a disk whose names s3://bucket/path are objects of a store, and all others files
// of below. Setting gives the values of Keys; what it does not have is taken of the environment
// (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL_S3,
// AWS_ENDPOINT_URL). resolve gives what references in the settings stand for; nil: they have none.
// Nothing is asked before the first such name comes.
func Disk(below env.Disk, clock env.Clock, setting, environment func(key string) string, resolve func(key, value string) (string, error)) env.Disk {
	return &disk{below: below, c: sync.OnceValues(func() (*client, error) { return newClient(clock, setting, environment, resolve) }), pending: map[string][]byte{}}
}

type disk struct {
	below env.Disk
	c     func() (*client, error)

	mu      sync.Mutex
	pending map[string][]byte // files name.tmp that wait to be renamed
}

// object is a name of the store.
type object struct {
	*client
	bucket, key string
}

// at finds the object of a name; ok is false for a file. A store that cannot be reached for
// what its settings say is an error of any use.
func (d *disk) at(op, name string) (o object, ok bool, err error) {
	bucket, key, ok := split(name)
	if !ok {
		return object{}, false, nil
	}
	c, err := d.c()
	if err != nil {
		return object{}, true, &fs.PathError{Op: op, Path: shown(bucket, key), Err: err}
	}
	return object{c, bucket, key}, true, nil
}

func shown(bucket, key string) string { return "s3://" + bucket + "/" + key }

func (d *disk) Create(name string) (env.File, error) {
	o, ok, err := d.at("create", name)
	switch {
	case !ok:
		return d.below.Create(name)
	case err != nil:
		return nil, err
	case strings.HasSuffix(name, ".tmp"):
		return &draft{d: d, name: name}, nil
	}
	return &writer{object: o}, nil
}

func (d *disk) Open(name string) (env.ReadFile, error) {
	o, ok, err := d.at("open", name)
	switch {
	case !ok:
		return d.below.Open(name)
	case err != nil:
		return nil, err
	}
	return o.open()
}

func (d *disk) Append(name string) (env.File, error) {
	if o, ok, _ := d.at("append", name); ok {
		return nil, &fs.PathError{Op: "append", Path: shown(o.bucket, o.key), Err: errCannot}
	}
	return d.below.Append(name)
}

// Rename makes a draft an object. An object that is there is copied and removed, which is
// not one step.
func (d *disk) Rename(from, to string) error {
	a, ok, err := d.at("rename", from)
	b, ok2, err2 := d.at("rename", to)
	switch {
	case !ok && !ok2:
		return d.below.Rename(from, to)
	case ok != ok2:
		return &fs.PathError{Op: "rename", Path: from, Err: errCannot}
	case err != nil:
		return err
	case err2 != nil:
		return err2
	}
	d.mu.Lock()
	data, drafted := d.pending[from]
	d.mu.Unlock()
	if !drafted {
		if err := b.copyOf(a); err != nil {
			return err
		}
		return a.remove()
	}
	if err := b.put(data, strings.HasSuffix(b.key, "/_metadata")); err != nil {
		return err
	}
	d.mu.Lock()
	delete(d.pending, from)
	d.mu.Unlock()
	return nil
}

// Link copies: objects do not share.
func (d *disk) Link(from, to string) error {
	a, ok, err := d.at("link", from)
	b, ok2, err2 := d.at("link", to)
	switch {
	case !ok && !ok2:
		return d.below.Link(from, to)
	case ok != ok2:
		return &fs.PathError{Op: "link", Path: from, Err: errCannot}
	case err != nil:
		return err
	case err2 != nil:
		return err2
	}
	return b.copyOf(a)
}

func (d *disk) Remove(name string) error {
	o, ok, err := d.at("remove", name)
	switch {
	case !ok:
		return d.below.Remove(name)
	case err != nil:
		return err
	}
	d.mu.Lock()
	delete(d.pending, name)
	d.mu.Unlock()
	return o.remove()
}

func (d *disk) RemoveAll(name string) error {
	o, ok, err := d.at("remove", name)
	switch {
	case !ok:
		return d.below.RemoveAll(name)
	case err != nil:
		return err
	}
	return o.removeAll()
}

// MkdirAll looks whether the bucket is there: an object needs no directory.
func (d *disk) MkdirAll(name string) error {
	o, ok, err := d.at("mkdir", name)
	switch {
	case !ok:
		return d.below.MkdirAll(name)
	case err != nil:
		return err
	}
	return o.exists()
}

func (d *disk) List(dir string) ([]fs.DirEntry, error) {
	o, ok, err := d.at("open", dir)
	switch {
	case !ok:
		return d.below.List(dir)
	case err != nil:
		return nil, err
	}
	return o.list()
}

func (d *disk) Stat(name string) (fs.FileInfo, error) {
	o, ok, err := d.at("stat", name)
	switch {
	case !ok:
		return d.below.Stat(name)
	case err != nil:
		return nil, err
	}
	return o.stat()
}

// Room is that of the disk below; of a store nobody knows.
func (d *disk) Room(dir string) (free, total int64, err error) {
	if r, ok := d.below.(env.Roomy); ok && !Named(dir) {
		return r.Room(dir)
	}
	return 0, 0, errCannot
}

// SyncDir has nothing to do for a store, which answers when it has what it was given.
func (d *disk) SyncDir(dir string) error {
	if Named(dir) {
		return nil
	}
	return d.below.SyncDir(dir)
}
