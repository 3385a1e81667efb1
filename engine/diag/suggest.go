package diag

import "strings"

// Suggest returns the candidate that name was most likely meant to be, or "" when
// none is near. Letter case does not count. Of equally near candidates the first
// one in byte order wins, so the answer does not depend on their order.
func Suggest(name string, candidates []string) string {
	if name == "" {
		return ""
	}
	lower := []rune(strings.ToLower(name))
	if len(lower) > suggestRunesMax {
		return ""
	}
	// A third of the letters may be wrong, and at least one in a two-letter name.
	limit := max(1, (len(lower)+1)/3)
	best, bestDist := "", limit+1
	for _, c := range candidates {
		if c == "" || c == name {
			continue
		}
		other := []rune(strings.ToLower(c))
		if len(other) > suggestRunesMax || abs(len(other)-len(lower)) > limit {
			continue
		}
		d := editDistance(lower, other)
		if d >= max(len(lower), len(other)) {
			continue // nothing in common
		}
		if d < bestDist || (d == bestDist && best != "" && c < best) {
			best, bestDist = c, d
		}
	}
	return best
}

// suggestRunesMax bounds the work on absurd names.
const suggestRunesMax = 128

// editDistance counts insertions, deletions, replacements and swaps of neighbours
// (optimal string alignment).
func editDistance(a, b []rune) int {
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, prev2[j-2]+1)
			}
			cur[j] = d
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
