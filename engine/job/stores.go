package job

import (
	"io/fs"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// Stores is what Options.Stores makes of a session's settings, for flow.Graph.Disk. Without
// them names in object stores are refused: a disk would take s3://bucket for a folder s3:.
func Stores(open func(below env.Disk, setting func(key string) string) env.Disk, s *catalog.Config) func(env.Disk) env.Disk {
	if open == nil {
		return func(below env.Disk) env.Disk { return noStores{below} }
	}
	values := map[string]string{}
	for _, kv := range s.All() {
		if strings.HasPrefix(kv[0], "s3.") {
			values[kv[0]] = kv[1] // as they are now
		}
	}
	return func(below env.Disk) env.Disk { return open(below, func(key string) string { return values[key] }) }
}

// noStore fails for a name in an object store.
func noStore(name string) error {
	if !env.Remote(name) {
		return nil
	}
	return diag.New(diag.Config, "%s is in an object store, and this engine was made without any", name).
		WithHint("give engine.Config.Stores, such as connectors/s3.Disk, or name a folder")
}

// noStores is a disk that refuses names in object stores.
type noStores struct{ below env.Disk }

func (d noStores) Create(name string) (env.File, error) {
	if err := noStore(name); err != nil {
		return nil, err
	}
	return d.below.Create(name)
}

func (d noStores) Open(name string) (env.ReadFile, error) {
	if err := noStore(name); err != nil {
		return nil, err
	}
	return d.below.Open(name)
}

func (d noStores) Append(name string) (env.File, error) {
	if err := noStore(name); err != nil {
		return nil, err
	}
	return d.below.Append(name)
}

func (d noStores) Rename(from, to string) error {
	if err := noStore(to); err != nil {
		return err
	}
	return d.below.Rename(from, to)
}

func (d noStores) Link(from, to string) error {
	if err := noStore(to); err != nil {
		return err
	}
	return d.below.Link(from, to)
}

func (d noStores) Remove(name string) error {
	if err := noStore(name); err != nil {
		return err
	}
	return d.below.Remove(name)
}

func (d noStores) RemoveAll(name string) error {
	if err := noStore(name); err != nil {
		return err
	}
	return d.below.RemoveAll(name)
}

func (d noStores) MkdirAll(name string) error {
	if err := noStore(name); err != nil {
		return err
	}
	return d.below.MkdirAll(name)
}

func (d noStores) List(dir string) ([]fs.DirEntry, error) {
	if err := noStore(dir); err != nil {
		return nil, err
	}
	return d.below.List(dir)
}

func (d noStores) Stat(name string) (fs.FileInfo, error) {
	if err := noStore(name); err != nil {
		return nil, err
	}
	return d.below.Stat(name)
}

func (d noStores) SyncDir(dir string) error {
	if err := noStore(dir); err != nil {
		return err
	}
	return d.below.SyncDir(dir)
}
