package cli

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/aggregate"
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
			pages := docPages(c.Root())
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

// docPages are the pages of docs/reference by file name.
func docPages(root *cobra.Command) map[string]string {
	return map[string]string{
		"README.md":     indexPage(),
		"errors.md":     errorPage(),
		"connectors.md": connectorPage(),
		"config.md":     configPage(),
		"functions.md":  functionPage(),
		"commands.md":   commandPage(root),
	}
}

func indexPage() string {
	return generated + `# Reference

- [commands](commands.md): what the binary does, with flags and examples
- [connectors and formats](connectors.md): tables and their options
- [settings](config.md): the keys of SET and ` + "`--set`" + `
- [functions](functions.md): scalar, aggregate and windowing functions
- [errors and advice](errors.md): every code with cause, example and fix
`
}

func configPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Settings\n\nSet with `SET 'key' = 'value'` or `--set key=value`. Keys are Flink's; those that begin with `mink.` or `state.memory` are mink's own.\n")
	b.WriteString("\n| key | type | default | what it does |\n| --- | --- | --- | --- |\n")
	for _, k := range catalog.Keys() {
		if catalog.Idle(k.Name) != "" {
			continue
		}
		def := k.Default
		if def == "" {
			def = "-"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, k.Type, cell(def), cell(k.Doc+oneOf(k.Values)))
	}
	b.WriteString("\n## Taken without effect\n\nFlink has these too. Their values are checked; nothing depends on them here.\n\n| key | type | default | why |\n| --- | --- | --- | --- |\n")
	for _, k := range catalog.Keys() {
		if why := catalog.Idle(k.Name); why != "" {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, k.Type, cell(cmp.Or(k.Default, "-")), cell(why))
		}
	}
	return b.String()
}

// oneOf is the sentence with the values of an Enum.
func oneOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return " One of `" + strings.Join(values, "`, `") + "`."
}

const generated = "<!-- Written by make gen; change the source, not this page. -->\n\n"

func errorPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Errors and advice\n\n`mink explain CODE` shows the same.\n")
	for i, c := range codes() {
		if i == len(diag.All()) {
			b.WriteString("\n# Advice\n\nEXPLAIN and `mink run --dry-run` show it; `SET 'mink.advice' = 'warn, cross-join=deny, float-sum=off'` chooses.\n")
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n%s\n", c.Code, strings.TrimSuffix(c.Summary, "."), c.Cause)
		if c.Example != "" {
			fmt.Fprintf(&b, "\n```sql\n%s\n```\n", c.Example)
		}
		if c.Better != "" {
			fmt.Fprintf(&b, "\nBetter:\n\n```sql\n%s\n```\n", c.Better)
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
		doc := o.Doc + oneOf(o.Values)
		if o.Reference {
			doc += " May be a [reference](../security.md#references-to-secrets)."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", key, o.Type, cell(def), cell(doc))
	}
}

func cell(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ") }

func connectorPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Connectors and formats\n\n## Options of every table\n")
	optionTable(&b, connect.General(), "")
	for _, c := range append(connectors.All(), engine.SavepointConnector(nil)) {
		var uses []string
		for _, u := range []struct {
			on   bool
			name string
		}{{c.Source != nil, "source"}, {c.Sink != nil, "sink"}, {c.Lookup != nil, "lookup"}, {c.VectorSearch != nil, "vector search"}} {
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
	b.WriteString(generated + "# Functions\n")
	groups := map[string][]string{}
	for _, f := range scalar.All() {
		groups[f.Category] = append(groups[f.Category], functionEntry(f.Name, f.Aliases, f.Summary, f.Signatures, f.Examples))
	}
	var names []string
	for g := range groups {
		names = append(names, g)
	}
	sort.Strings(names)
	for _, g := range names {
		fmt.Fprintf(&b, "\n## Scalar: %s\n", g)
		for _, t := range groups[g] {
			b.WriteString(t)
		}
	}
	b.WriteString("\n## Aggregate\n")
	for _, f := range aggregate.All() {
		summary := f.Summary
		if f.OverOnly {
			summary += " Only in OVER."
		}
		b.WriteString(functionEntry(f.Name, f.Aliases, summary, f.Signatures, f.Examples))
	}
	b.WriteString("\n## Windowing\n\nIn FROM, as `TABLE(TUMBLE(...))`; each adds window_start, window_end and window_time.\n\n")
	for _, w := range bind.WindowSignatures() {
		fmt.Fprintf(&b, "- `%s`\n", w)
	}
	return b.String()
}

func functionEntry(name string, aliases []string, summary string, signatures []string, list []function.Example) string {
	var t strings.Builder
	fmt.Fprintf(&t, "\n### %s\n\n%s\n", name, summary)
	if len(aliases) > 0 {
		fmt.Fprintf(&t, "\nAlso: `%s`\n", strings.Join(aliases, "`, `"))
	}
	if len(signatures) > 0 {
		fmt.Fprintf(&t, "\n`%s`\n", strings.Join(signatures, "`, `"))
	}
	if len(list) > 0 {
		t.WriteString("\n| expression | value |\n| --- | --- |\n")
		for _, e := range list {
			fmt.Fprintf(&t, "| `%s` | `%s` |\n", cell(e.SQL), cell(e.Want))
		}
	}
	return t.String()
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
		if does(c) {
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
