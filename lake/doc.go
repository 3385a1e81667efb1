// Package lake is the room of lake table formats, a folder each, on top of
// engine/connect. There are none yet.
package lake
