//go:build !(linux && (amd64 || arm64))

package env

import "os"

// setDirect reports that nothing passes the system's cache here.
func setDirect(*os.File, bool) bool { return false }

func refusesDirect(error) bool { return false }

// writeAll writes nothing: pieces are written one by one.
func writeAll(*os.File, [][]byte, int64) int64 { return 0 }

// ReadSoon says that all of a file will be read, in order. Nothing comes of it here.
func ReadSoon(ReadFile) {}
