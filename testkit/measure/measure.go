// Package measure has what measurements have in common: the time of processors that a
// process has used, and a median with its bounds.
package measure

import (
	"fmt"
	"math"
	"slices"
	"syscall"
	"time"
)

// CPU is the time that the process has used of all processors, user and system, 0 where
// the system does not tell. Beside other programs work takes longer by the clock, and
// hardly by this.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Percent is a median of percentages with bounds, between which that of all there could be
// is with a probability of 95 %. Of fewer than six the bounds are the least and the most.
type Percent struct{ Mid, Low, High float64 }

func (p Percent) String() string {
	return fmt.Sprintf("%+.1f %% (%+.1f to %+.1f)", p.Mid, p.Low, p.High)
}

// Median sorts v, which has one value at least. The bounds come from the order of the
// values alone: how many of n are below the true median is a sum of n throws of a coin.
func Median(v []float64) Percent {
	slices.Sort(v)
	n := len(v)
	reach := int(math.Ceil(1.96 * math.Sqrt(float64(n)) / 2))
	return Percent{v[n/2], v[max(0, n/2-reach)], v[min(n-1, n/2+reach)]}
}
