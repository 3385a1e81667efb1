package plan

import "strconv"

// LookupHow says how a lookup join reads a table while its rows wait.
type LookupHow struct {
	// Async: calls are made outside of steps; without it only retries wait.
	Async bool
	// Unordered lets rows overtake each other; KeyOrder are columns of the input in which
	// equal rows do not, nil for none.
	Unordered bool
	KeyOrder  []int
	Capacity  int
	Timeout   int64 // milliseconds a row may wait, all tries counted
	// Retries is how often a key without a row is asked for again, after Delay
	// milliseconds each time.
	Retries int
	Delay   int64
}

// how shows mode, retry and cache.
func (n *LookupJoin) how() []Attr {
	var out []Attr
	if h := n.How; h != nil {
		if h.Async {
			mode := "ORDERED"
			if h.Unordered {
				mode = "UNORDERED"
			}
			out = append(out, Attr{"async", "[" + mode + ", KEY_ORDERED: " + strconv.FormatBool(h.KeyOrder != nil) + ", " +
				strconv.FormatInt(h.Timeout, 10) + "ms, " + strconv.Itoa(h.Capacity) + "]"})
		}
		if h.Retries > 0 {
			out = append(out, Attr{"retry", "[lookup_miss, FIXED_DELAY, " + strconv.FormatInt(h.Delay, 10) + "ms, " + strconv.Itoa(h.Retries) + "]"})
		}
	}
	if n.Cache.Kind == "PARTIAL" || n.Cache.Kind == "FULL" {
		out = append(out, Attr{"cache", "[" + n.Cache.Kind + "]"})
	}
	return out
}
