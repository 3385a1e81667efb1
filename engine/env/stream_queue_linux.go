//go:build linux && (amd64 || arm64)

package env

import (
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"unsafe"
)

// queue is what the system writes for one stream while that goes on (io_submit(2)). A
// thread that waits for a disk keeps its processor from other goroutines for as long as
// the runtime takes to see it, which is longer than most such waits: with two processors
// and two tasks one task stood still while the other's snapshot was written. A
// goroutine that waits for a queue waits as for a network.
type queue struct {
	context uintptr
	event   *os.File // an eventfd(2): readable when something was written
	eventFD uint32

	flights [queueDepth]flight
	busy    int
	bytes   int64
	buffers int // of the stream, on their way
	failed  []written
	synced  int64 // what came of the newest sync
}

const (
	queueDepth   = 16
	queueBytes   = 8 << 20 // on their way at a time, if there is more than one write
	queueBuffers = 3       // of a stream, on their way at a time
	queuesIdle   = 16      // are kept
)

// flight is one write, or one sync.
type flight struct {
	block iocb
	vec   []syscall.Iovec
	what  written // keeps the bytes
	own   []byte
	n     int64
	busy  bool
}

// iocb is struct iocb of linux/aio_abi.h on a machine with the lowest byte first.
type iocb struct {
	data              uint64
	key, flags        uint32
	opcode            uint16
	priority          int16
	fd                uint32
	buf, n            uint64
	off               int64
	_                 uint64
	blockFlags, event uint32
}

// ioEvent is struct io_event.
type ioEvent struct {
	data uint64
	_    uint64
	res  int64
	_    int64
}

const (
	iocbSync   = 2
	iocbWriteV = 8
	iocbEvent  = 1 // the event tells of it

	eventFlags = syscall.O_NONBLOCK | syscall.O_CLOEXEC
)

var queues struct {
	mu   sync.Mutex
	idle []*queue
}

// takeQueue gives a queue that nobody uses, nil where there are none.
func takeQueue() *queue {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	if n := len(queues.idle); n > 0 {
		q := queues.idle[n-1]
		queues.idle = queues.idle[:n-1]
		return q
	}
	q := &queue{}
	if _, _, e := syscall.Syscall(syscall.SYS_IO_SETUP, queueDepth, uintptr(unsafe.Pointer(&q.context)), 0); e != 0 {
		return nil
	}
	fd, _, e := syscall.Syscall(syscall.SYS_EVENTFD2, 0, eventFlags, 0)
	if e != 0 {
		syscall.Syscall(syscall.SYS_IO_DESTROY, q.context, 0, 0)
		return nil
	}
	q.event, q.eventFD = os.NewFile(fd, "eventfd"), uint32(fd)
	return q
}

// giveBack is called when nothing is on its way.
func (q *queue) giveBack() {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	if len(queues.idle) < queuesIdle {
		queues.idle = append(queues.idle, q)
		return
	}
	syscall.Syscall(syscall.SYS_IO_DESTROY, q.context, 0, 0)
	q.event.Close()
}

// write begins to write pieces that follow each other at a place of a file, n bytes together,
// and reports whether it could. They stay as they are until land has come back. own is the
// stream's buffer, if some of them lie in it: it is the queue's from now on.
func (q *queue) write(f *os.File, own []byte, list [][]byte, off, n int64) bool {
	for q.busy > 0 && q.bytes+n > queueBytes {
		q.wait()
	}
	x := q.free()
	x.what = written{append(x.what.list[:0], list...), off}
	x.vec = slices.Grow(x.vec[:0], len(list))[:len(list)]
	for i, b := range list {
		x.vec[i].Base = unsafe.SliceData(b)
		x.vec[i].SetLen(len(b))
	}
	x.own, x.n = own, n
	x.block.opcode, x.block.buf, x.block.n, x.block.off = iocbWriteV, uint64(uintptr(unsafe.Pointer(unsafe.SliceData(x.vec)))), uint64(len(list)), off
	if !q.submit(f, x) {
		x.forget()
		return false
	}
	if q.bytes += n; own != nil {
		q.buffers++
	}
	return true
}

// sync makes durable what was written, if it can.
func (q *queue) sync(f *os.File) (can bool, err error) {
	x := q.free()
	x.n = -1
	x.block.opcode, x.block.buf, x.block.n, x.block.off = iocbSync, 0, 0, 0
	if !q.submit(f, x) {
		return false, nil
	}
	for q.busy > 0 {
		q.wait()
	}
	if q.synced < 0 {
		// A second call would find nothing wrong: the system tells of it once.
		return true, &os.PathError{Op: "sync", Path: f.Name(), Err: syscall.Errno(-q.synced)}
	}
	return true, nil
}

func (q *queue) free() *flight {
	for q.busy == queueDepth {
		q.wait()
	}
	return &q.flights[slices.IndexFunc(q.flights[:], func(x flight) bool { return !x.busy })]
}

func (q *queue) submit(f *os.File, x *flight) bool {
	c, err := f.SyscallConn()
	if err != nil {
		return false
	}
	ok := false
	_ = c.Control(func(fd uintptr) {
		x.block.data, x.block.fd = uint64(uintptr(unsafe.Pointer(x))-uintptr(unsafe.Pointer(&q.flights)))/uint64(unsafe.Sizeof(*x)), uint32(fd)
		x.block.blockFlags, x.block.event = iocbEvent, q.eventFD
		list := [1]*iocb{&x.block}
		n, _, e := syscall.Syscall(syscall.SYS_IO_SUBMIT, q.context, 1, uintptr(unsafe.Pointer(&list)))
		ok = e == 0 && n == 1
	})
	if ok {
		x.busy = true
		q.busy++
	}
	return ok
}

func (x *flight) forget() {
	clear(x.what.list)
	x.own, x.busy = nil, false
}

// wait waits until something was written.
func (q *queue) wait() {
	var events [queueDepth]ioEvent
	var now syscall.Timespec
	for {
		n, _, e := syscall.Syscall6(syscall.SYS_IO_GETEVENTS, q.context, 0, queueDepth, uintptr(unsafe.Pointer(&events)), uintptr(unsafe.Pointer(&now)), 0)
		if e == 0 && n > 0 {
			for _, x := range events[:n] {
				q.done(&q.flights[x.data], x.res)
			}
			return
		}
		var count [8]byte
		if _, err := q.event.Read(count[:]); err != nil && !errors.Is(err, syscall.EAGAIN) {
			panic("env: an eventfd cannot be read: " + err.Error())
		}
	}
}

func (q *queue) done(x *flight, res int64) {
	q.busy--
	switch {
	case x.n < 0:
		q.synced = res
	case res != x.n:
		q.failed = append(q.failed, written{slices.Clone(x.what.list), x.what.off})
		q.buffers -= min(1, len(x.own))
		q.bytes -= x.n
	default:
		q.bytes -= x.n
		if own := x.own; own != nil {
			q.buffers--
			streamBuffers.Put(&own)
		}
	}
	x.forget()
}

// buffer gives the stream another buffer.
func (q *queue) buffer() []byte {
	for q.buffers >= queueBuffers {
		q.wait()
	}
	if b, ok := streamBuffers.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return alignedBytes(streamBuffer)
}

var streamBuffers sync.Pool

// land waits for all that is being written, and gives what could not be.
func (q *queue) land() []written {
	for q.busy > 0 {
		q.wait()
	}
	list := q.failed
	q.failed = nil
	return list
}

// reserve gives a file room on the disk up to a place.
func reserve(f *os.File, to int64) bool {
	c, err := f.SyscallConn()
	if err != nil {
		return false
	}
	_ = c.Control(func(fd uintptr) { err = syscall.Fallocate(int(fd), 0, 0, to) })
	return err == nil
}
