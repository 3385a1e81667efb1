package exec

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// processValues works out the arguments of a process table function that are no tables:
// once for a batch, a value for each of its rows.
type processValues struct {
	args  []ProcessValue
	prog  *expr.Program
	frame *function.Frame
	out   []*batch.Col
	dense []batch.Col  // flat copies, since functions read lanes of flat or const columns
	byArg []*batch.Col // by number of the argument
}

func (v *processValues) open(c *Ctx, args []ProcessValue, input []types.Type) error {
	if len(args) == 0 {
		return nil
	}
	v.args, v.frame = args, function.NewFrame(c, c.Zone)
	v.out, v.dense = make([]*batch.Col, len(args)), make([]batch.Col, len(args))
	exprs, most := make([]expr.Node, len(args)), 0
	for i, a := range args {
		exprs[i], most = a.Expr, max(most, a.Arg)
	}
	v.byArg = make([]*batch.Col, most+1)
	var err error
	v.prog, err = expr.Compile(exprs, input)
	return err
}

// of gives the values at the lanes of a batch, valid until the next call.
func (v *processValues) of(c *Ctx, b *batch.Batch) ([]*batch.Col, error) {
	if len(v.args) == 0 {
		return nil, nil
	}
	v.frame.SetEnv(c)
	if err := v.prog.Run(v.frame, b, v.out); err != nil {
		return nil, err
	}
	for i, a := range v.args {
		col := v.out[i]
		if col.Enc != batch.Flat && col.Enc != batch.Const || col.Type.Kind == types.Row {
			v.dense[i].Dense(col, b.N)
			col = &v.dense[i]
		}
		v.byArg[a.Arg] = col
	}
	return v.byArg, nil
}
