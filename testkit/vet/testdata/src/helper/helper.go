// Package helper is no task package: what it does is refused where a task calls it.
package helper

import "time"

func Direct() int64 { return time.Now().Unix() } // want Direct:`the clock is read`

func middle() int64 { return Direct() } // want middle:`Direct calls on: the clock`

func Deep() int64 { return middle() } // want Deep:`middle calls on`

type T struct{ m map[int]int }

func (t T) Method() (out []int) { // want Method:`the order of a map`
	for k := range t.m {
		out = append(out, k)
	}
	return out
}

func Excused() int64 {
	return time.Now().Unix() //mink:det-ok for a log only
}

func Plain() int { return 3 }
