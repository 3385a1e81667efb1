// Package tui is the room of the workbench's screens. A screen is a folder below
// it; all of them are clients of engine/gateway and know nothing of the engine.
// There are none yet: the live table of `mink run` is in cli/show.
package tui
