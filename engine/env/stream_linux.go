//go:build linux && (amd64 || arm64)

package env

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// setDirect lets what is written to a file pass the system's cache, or not, and reports
// whether it could.
func setDirect(f *os.File, on bool) bool {
	c, err := f.SyscallConn()
	if err != nil {
		return false
	}
	ok := false
	_ = c.Control(func(fd uintptr) {
		flags, _, e := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
		if e != 0 {
			return
		}
		if flags &^= syscall.O_DIRECT; on {
			flags |= syscall.O_DIRECT
		}
		_, _, e = syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_SETFL, flags)
		ok = e == 0
	})
	return ok
}

// refusesDirect reports that a write failed because it was to pass the cache.
func refusesDirect(err error) bool { return errors.Is(err, syscall.EINVAL) }

// writeAll writes pieces that follow each other, in one call of the system, and says how
// many bytes it has written: fewer where they, or the system, have a reason.
func writeAll(f *os.File, list [][]byte, off int64) int64 {
	c, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	vec := make([]syscall.Iovec, len(list))
	for i, b := range list {
		vec[i].Base = unsafe.SliceData(b)
		vec[i].SetLen(len(b))
	}
	n := uintptr(0)
	_ = c.Control(func(fd uintptr) {
		k, _, e := syscall.Syscall6(syscall.SYS_PWRITEV, fd, uintptr(unsafe.Pointer(unsafe.SliceData(vec))), uintptr(len(vec)), uintptr(off), 0, 0)
		if e == 0 {
			n = k
		}
	})
	return int64(n)
}

// ReadSoon says that all of a file will be read, in order: the system may begin to fetch
// it from the disk. It returns at once.
func ReadSoon(f ReadFile) {
	o, ok := f.(*os.File)
	if !ok {
		return
	}
	info, err := o.Stat()
	if err != nil || info.Size() < readLong {
		return
	}
	c, err := o.SyscallConn()
	if err != nil {
		return
	}
	go func() {
		e := syscall.Errno(0)
		for off := int64(0); off < info.Size() && e == 0; off += readPiece {
			// The system takes no more than a few pieces of its own size at a time. A file
			// that was closed meanwhile ends this.
			if c.Control(func(fd uintptr) {
				_, _, e = syscall.Syscall6(syscall.SYS_FADVISE64, fd, uintptr(off), readPiece, fadviseWillNeed, 0, 0)
			}) != nil {
				return
			}
		}
	}()
}

const (
	fadviseWillNeed = 3

	readPiece = 1 << 20
	readLong  = 4 << 20
)
