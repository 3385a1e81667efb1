// Package sample is what the test of mutate breaks.
package sample

// Clamp brings v between the bounds.
func Clamp(v, low, high int) int {
	if v < low {
		return low
	}
	if v > high {
		return high
	}
	return v
}

type sum[T int | float64] struct{ total T }

func (s *sum[T]) add(_ string, vs ...T) *sum[T] {
	for _, v := range vs {
		s.total += v
	}
	return s
}

var double = func(v int) int { return v * 2 }

func text(a, b string) string { return a + b }
