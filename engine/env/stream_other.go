//go:build !(linux && (amd64 || arm64))

package env

import "os"

// setDirect reports that nothing passes the system's cache here.
func setDirect(*os.File, bool) bool { return false }

func refusesDirect(error) bool { return false }

// writeAll writes nothing: pieces are written one by one.
func writeAll(*os.File, [][]byte, int64) int64 { return 0 }

// queue is none here: a stream waits for what it writes.
type queue struct{}

func takeQueue() *queue { return nil }

func (*queue) write(*os.File, []byte, [][]byte, int64, int64) bool { return false }
func (*queue) sync(*os.File) (bool, error)                         { return false, nil }
func (*queue) buffer() []byte                                      { return nil }
func (*queue) land() []written                                     { return nil }
func (*queue) giveBack()                                           {}

func reserve(*os.File, int64) bool { return false }

// ReadSoon says that all of a file will be read, in order. Nothing comes of it here.
func ReadSoon(ReadFile) {}
