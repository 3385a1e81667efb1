//go:build race

package state

// raceOn: the race detector is on, and everything takes several times as long.
const raceOn = true
