// Package connectors lists what mink can read and write: its connectors and the
// formats of their bytes. Each lives in a folder of its own, implements the
// interfaces of engine/connect and is known to the engine only through these
// lists. A new one is a folder and a line in all.go.
package connectors
