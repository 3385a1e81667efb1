package filesystem

// SetRangeBytes makes ranges of files smaller for a test and returns what undoes it.
func SetRangeBytes(n int64) func() {
	old := rangeBytes
	rangeBytes = n
	return func() { rangeBytes = old }
}

// BenchSearch searches m, vectors of dim elements, while loop says so.
func BenchSearch(loop func() bool, m []float32, dim int) {
	n := len(m) / dim
	sq := squares(nil, m, dim, n)
	q := make([]float64, dim)
	for i := range q {
		q[i] = float64(i%7) - 3
	}
	scores := make([]float64, n)
	var best []uint32
	for loop() {
		measure("COSINE", scores, m, sq, q)
		best = nearest(best[:0], scores, 10, false)
	}
}
