package expr

import "github.com/minkstream/mink/engine/types"

// castHint is the way out of a cast that there is not.
func castHint(from, to types.Type) string {
	switch {
	case from.IsNumeric() && to.IsTimestamp():
		return "TO_TIMESTAMP_LTZ(n, 0) takes seconds since 1970, TO_TIMESTAMP_LTZ(n, 3) milliseconds"
	case from.IsTimestamp() && to.IsNumeric():
		return "UNIX_TIMESTAMP(CAST(ts AS STRING)) gives seconds since 1970"
	}
	return "go through a type that both can be cast to, often STRING"
}
