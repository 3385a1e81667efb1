//mink:det-ok the host's side of things

package fileok

import "sync"

var mu sync.Mutex

func run(m map[int]int, c chan int) {
	for range m {
		go func() { c <- 1 }()
	}
}
