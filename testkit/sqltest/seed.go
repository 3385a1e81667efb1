package sqltest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// firstSeed is where random cases begin. MINK_SEED names it, and one says that it was
// named; with MINK_ALL or MINK_FRESH it is another each time. Else it is always the same:
// what changes from run to run would blame a change for what it has not done.
func firstSeed(t testing.TB) (seed uint64, one bool) {
	if s := os.Getenv("MINK_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("MINK_SEED: %v", err)
		}
		return n, true
	}
	if os.Getenv("MINK_ALL") != "" || os.Getenv("MINK_FRESH") != "" {
		return rand.Uint64() >> 16, false
	}
	return 1 << 40, false
}
