package scalar

import "github.com/minkstream/mink/engine/types"

// The lengths of text that functions give, as Flink derives them: some keep the type of
// their argument, some its length, some add lengths up; the rest give STRING.

// sameText is the type of the first argument, CHAR(n) or VARCHAR(n).
func sameText(params []types.Type) types.Type { return params[0] }

// varyingText is VARCHAR of the length of the first argument.
func varyingText(params []types.Type) types.Type { return types.VarCharT(params[0].Prec) }

// sumText is text as long as both arguments together: CHAR if both are.
func sumText(params []types.Type) types.Type {
	n := sumLength(params[0], params[1])
	if params[0].Kind == types.Char && params[1].Kind == types.Char && n < types.MaxLength {
		return types.CharT(n)
	}
	return types.VarCharT(n)
}

// sumVarying is VARCHAR as long as both arguments together.
func sumVarying(params []types.Type) types.Type {
	return types.VarCharT(sumLength(params[0], params[1]))
}

func sumLength(a, b types.Type) int { return int(min(int64(a.Prec)+int64(b.Prec), types.MaxLength)) }
