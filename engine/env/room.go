package env

import (
	"path/filepath"
	"syscall"
)

// Roomy is a Disk that knows how much room there is where a folder lies.
type Roomy interface {
	// Room gives the bytes that may still be written, and those of all of the file system.
	Room(dir string) (free, total int64, err error)
}

// Room asks the file system.
func (d osDisk) Room(dir string) (free, total int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.path(dir), &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), nil
}

// Room is that of the machine's disk; how full it is is nobody's secret.
func (c *confined) Room(dir string) (free, total int64, err error) {
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(c.roots.Dir, filepath.FromSlash(dir))
	}
	return osDisk{}.Room(dir)
}
