// Package debugger is the room of stepping, looking and going back, over the replay
// host of engine/flow and the tapes of engine/trace. It renders nothing. It is not
// built yet.
package debugger
