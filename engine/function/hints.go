package function

import "github.com/minkstream/mink/engine/types"

// arithHint is the way out of an operator between types that it does not take.
func arithHint(op string, a, b types.Type) string {
	switch {
	case op == "+" && (a.IsString() || b.IsString()) && !(a.IsString() && b.IsNumeric() || a.IsNumeric() && b.IsString()):
		return "strings are joined with ||"
	case a.IsString() && b.IsNumeric() || a.IsNumeric() && b.IsString():
		return "CAST the string to a number, as in CAST(s AS INT); strings are joined with ||"
	case a.IsTemporal() && b.IsTemporal():
		return "TIMESTAMPDIFF(SECOND, from, to) is the time between two times"
	case a.IsTemporal() && b.IsNumeric() || a.IsNumeric() && b.IsTemporal():
		return "times move by intervals: ts + INTERVAL '5' SECOND, or TIMESTAMPADD(SECOND, n, ts)"
	}
	return "CAST one side to the type of the other"
}
