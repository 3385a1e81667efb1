package filesystem

// SetRangeBytes makes ranges of files smaller for a test and returns what undoes it.
func SetRangeBytes(n int64) func() {
	old := rangeBytes
	rangeBytes = n
	return func() { rangeBytes = old }
}
