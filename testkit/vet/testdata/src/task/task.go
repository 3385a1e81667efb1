package task

import (
	crand "crypto/rand" // want `crypto/rand cannot be repeated`
	"fmt"
	"helper"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync" // want `sync orders goroutines`
	"time"
	_ "unsafe" //mink:det-ok a view of bytes
)

type clock interface{ Now() int64 }

func maps1(m map[string]int) (out []string) {
	for k := range m { // want `the order of a map is not fixed`
		out = append(out, k)
	}
	out = append(out, slices.Sorted(maps.Keys(m))...)
	for k := range maps.Keys(m) { // want `sort with slices.Sorted at once`
		out = append(out, k)
	}
	return out
}

type table map[int]int

func named(t table) {
	for range t { // want `the order of a map is not fixed`
	}
}

func channels(c chan int, mu *sync.Mutex) {
	go named(nil) // want `starts no goroutine`
	c <- 1        // want `uses no channel`
	<-c           // want `uses no channel`
	for range c { // want `uses no channel`
	}
	select {} // want `select picks at random`
}

func makes() {
	close(make(chan int)) // want `uses no channel` `uses no channel`
	_ = make(map[int]int)
}

func clocks(c clock) int64 {
	t := time.Now()      // want `the clock is read through Ctx.Now`
	_ = time.Since(t)    // want `the clock is read through Ctx.Now`
	_ = t.In(time.Local) // want `the zone is the session's`
	_ = time.Duration(3) * time.Second
	f := time.Now // a value, not a call: what calls it is not known here
	_ = f
	return c.Now() // an interface is a door
}

func chance() int {
	r := rand.New(rand.NewPCG(1, 2))
	crand.Read(nil)                 // want `crypto/rand cannot be repeated`
	return r.IntN(3) + rand.IntN(3) // want `the shared generator cannot be repeated`
}

func outside() {
	os.Getenv("HOME")          // want `environment and host are behind env`
	fmt.Printf("%p", new(int)) // want `%p prints an address`
	fmt.Printf("%d", 3)
}

func calls() {
	helper.Direct()     // want `helper.Direct is not the same each time: the clock is read`
	helper.Deep()       // want `helper.Deep is not the same each time: middle calls on: Direct calls on: the clock is read`
	helper.T{}.Method() // want `helper.T.Method is not the same each time: the order of a map`
	helper.Excused()
	helper.Plain()
}

func excused(m map[int]int) (n int) {
	for range m { //mink:det-ok counts only
		n++
	}
	//mink:det-ok counts only
	for range m {
		n++
	}
	return n
}

// whole is excused.
//
//mink:det-ok the host's side
func whole(m map[int]int) {
	for range m {
	}
	go named(nil)
}

func noReason(m map[int]int) {
	for range m { //mink:det-ok // want `needs a reason`
	}
}

func nothing(m []int) {
	for range m { //mink:det-ok a slice // want `excuses nothing here`
	}
}
