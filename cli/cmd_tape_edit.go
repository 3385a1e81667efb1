package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/trace"
)

func (a *app) tapeCut() *cobra.Command {
	var from, to, out string
	var embed bool
	c := &cobra.Command{
		Use:   "cut TAPE",
		Short: "Make a tape of a part of another",
		Long: `Executes a tape up to a moment and writes what was executed as a tape of its own. With --from it
begins at the newest checkpoint before that moment, whose state is put on it; what it prints when it
is replayed is what came behind. With --embed the rows of all sources are put on it, so that it
needs them no more.

` + untilHelp,
		Args:    cobra.ExactArgs(1),
		Example: examples("mink tape cut run.mtape --to 40:1284 -o part.mtape", "mink tape cut run.mtape --from 38:0 --to 40:1284 -o part.mtape", "mink tape cut run.mtape --embed -o fixture.mtape"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return needsOut()
			}
			t, err := a.openTape(args[0])
			if err != nil {
				return err
			}
			defer t.Close()
			var begin, u *until
			if from != "" {
				if begin, err = parseUntil(from, t); err != nil {
					return err
				}
			}
			if to != "" {
				if u, err = parseUntil(to, t); err != nil {
					return err
				}
			}
			return a.cutTape(c.Context(), t, begin, u, embed, out)
		},
	}
	c.Flags().StringVar(&from, "from", "", "begin at the newest checkpoint before this moment")
	c.Flags().StringVar(&to, "to", "", "end at this moment")
	c.Flags().StringVarP(&out, "out", "o", "", "the new tape")
	c.Flags().BoolVar(&embed, "embed", false, "put the rows of all sources on it")
	return c
}

func (a *app) tapeRedact() *cobra.Command {
	var columns []string
	var key, out string
	c := &cobra.Command{
		Use:   "redact TAPE",
		Short: "Mask columns of a tape",
		Long: `Writes a tape whose sources give other values in some columns, of the same types: equal values
stay equal, in all tables, so joins and groups are what they were. The rows of all sources are
put on the tape, and what operators keep and give follows from them. The new tape has the steps
of the old one where they can be taken over the masked rows; where they cannot, since a masked
column decides which rows go where, it is of a new run over them. So it is of a tape that begins
at a checkpoint: what was kept before is left out.

Without --key-file the key is drawn and forgotten. With the same key a value has the same mask
on all tapes.`,
		Args:    cobra.ExactArgs(1),
		Example: examples("mink tape redact run.mtape --mask email,customers.name -o shared.mtape"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return needsOut()
			}
			if len(columns) == 0 {
				return failed(exitUsage, diag.New(diag.Config, "no column to mask").WithHint("add --mask email,customers.name"))
			}
			secret := ""
			if key != "" {
				text, err := os.ReadFile(key)
				if err != nil {
					return failed(exitUnreachable, diag.Wrap(diag.IO, err, "cannot read the key"))
				}
				secret = strings.TrimSpace(string(text))
			}
			t, err := a.openTape(args[0])
			if err != nil {
				return err
			}
			defer t.Close()
			return a.redactTape(c.Context(), t, columns, secret, out)
		},
	}
	c.Flags().StringSliceVar(&columns, "mask", nil, "columns to mask, `column` or table.column, with commas between them")
	c.Flags().StringVar(&key, "key-file", "", "a file with the key of the masks")
	c.Flags().StringVarP(&out, "out", "o", "", "the new tape")
	return c
}

func (a *app) tapeMerge() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "merge TAPE TAPE...",
		Short: "Make one tape of the inputs of several",
		Long: `Runs the script of the first tape over what the sources of all of them gave, each table's rows
of the first tape, those of the second and so on side by side as splits of it, and writes a tape
of that run with the rows on it. So short recordings become one input for tests.`,
		Args:    cobra.MinimumNArgs(2),
		Example: examples("mink tape merge monday.mtape tuesday.mtape -o both.mtape"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return needsOut()
			}
			var tapes []*trace.File
			for _, name := range args {
				t, err := a.openTape(name)
				if err != nil {
					return err
				}
				defer t.Close()
				tapes = append(tapes, t)
			}
			return a.recordFork(c.Context(), out, nil, tapes...)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "the new tape")
	return c
}

func needsOut() error {
	return failed(exitUsage, diag.New(diag.Config, "a name for the new tape is missing").WithHint("add -o part.mtape"))
}
