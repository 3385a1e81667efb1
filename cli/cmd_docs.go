package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function/scalar"
)

// docsCommand writes docs/reference from what the parts say of themselves. It is
// for the repository, not for users, so it is hidden.
func (a *app) docsCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:    "docs",
		Short:  "Write the reference documentation",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			pages := map[string]string{
				"errors.md":     errorPage(),
				"connectors.md": connectorPage(),
				"functions.md":  functionPage(),
				"commands.md":   commandPage(c.Root()),
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			for name, text := range pages {
				if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "docs/reference", "directory to write to")
	return c
}

const generated = "<!-- Written by make gen; change the source, not this page. -->\n\n"

func errorPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Errors and advice\n\n`mink explain CODE` shows the same.\n")
	for _, c := range diag.All() {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n%s\n", c.Code, strings.TrimSuffix(c.Summary, "."), c.Cause)
		if c.Example != "" {
			fmt.Fprintf(&b, "\n```sql\n%s\n```\n", c.Example)
		}
		if c.Fix != "" {
			fmt.Fprintf(&b, "\nWay out: %s\n", c.Fix)
		}
	}
	return b.String()
}

func optionTable(b *strings.Builder, options []connect.Option, prefix string) {
	if len(options) == 0 {
		return
	}
	b.WriteString("\n| option | type | default | what it does |\n| --- | --- | --- | --- |\n")
	for _, o := range options {
		def := o.Default
		switch {
		case o.Required:
			def = "required"
		case def == "":
			def = "-"
		}
		key := prefix + o.Key
		if o.Prefix {
			key += "*"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", key, o.Type, cell(def), cell(o.Doc))
	}
}

func cell(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ") }

func connectorPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Connectors and formats\n\n## Options of every table\n")
	optionTable(&b, connect.General(), "")
	for _, c := range connectors.All() {
		var uses []string
		for _, u := range []struct {
			on   bool
			name string
		}{{c.Source != nil, "source"}, {c.Sink != nil, "sink"}, {c.Lookup != nil, "lookup"}} {
			if u.on {
				uses = append(uses, u.name)
			}
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s Use: %s.\n", c.Name, c.Summary, strings.Join(uses, ", "))
		optionTable(&b, c.Options, "")
		for _, m := range c.Metadata {
			fmt.Fprintf(&b, "\nMetadata `%s` %s: %s\n", m.Key, m.Type, m.Doc)
		}
	}
	b.WriteString("\n# Formats\n")
	for _, f := range connectors.Formats() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", f.Name, f.Summary)
		optionTable(&b, f.Options, f.Name+".")
	}
	return b.String()
}

func functionPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Scalar functions\n")
	groups := map[string][]string{}
	for _, f := range scalar.All() {
		var t strings.Builder
		fmt.Fprintf(&t, "\n### %s\n\n%s\n", f.Name, f.Summary)
		if len(f.Signatures) > 0 {
			fmt.Fprintf(&t, "\n`%s`\n", strings.Join(f.Signatures, "`, `"))
		}
		if len(f.Examples) > 0 {
			t.WriteString("\n| expression | value |\n| --- | --- |\n")
			for _, e := range f.Examples {
				fmt.Fprintf(&t, "| `%s` | `%s` |\n", cell(e.SQL), cell(e.Want))
			}
		}
		groups[f.Category] = append(groups[f.Category], t.String())
	}
	var names []string
	for g := range groups {
		names = append(names, g)
	}
	sort.Strings(names)
	for _, g := range names {
		fmt.Fprintf(&b, "\n## %s\n", g)
		for _, t := range groups[g] {
			b.WriteString(t)
		}
	}
	return b.String()
}

func commandPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(generated + "# Commands\n")
	writeCommands(&b, root)
	return b.String()
}

func writeCommands(b *strings.Builder, c *cobra.Command) {
	for _, c := range c.Commands() {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if c.Runnable() {
			text := c.Long
			if text == "" {
				text = c.Short + "."
			}
			fmt.Fprintf(b, "\n## %s\n\n%s\n", c.CommandPath(), text)
			fmt.Fprintf(b, "\n```\n%s\n```\n", c.UseLine())
			if c.Example != "" {
				fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
			}
			if flags := c.LocalFlags().FlagUsages(); flags != "" {
				fmt.Fprintf(b, "\n```\n%s```\n", flags)
			}
		}
		writeCommands(b, c)
	}
}
