package connect

import (
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// general are the options that every connector takes.
var general = []Option{
	{Key: "connector", Required: true, Doc: "Which connector the table uses."},
	{Key: "property-version", Type: Int, Doc: "Version of the option names; 1 is the only one."},
	{Key: "scan.parallelism", Type: Int, Doc: "Parallelism of the source; that of the job by default."},
	{Key: "sink.parallelism", Type: Int, Doc: "Parallelism of the sink; that of the job by default."},
	{Key: "scan.watermark.emit.strategy", Type: Enum, Values: []string{"on-event", "on-periodic"},
		Default: "on-event", Doc: "When the source emits watermarks."},
	{Key: "scan.watermark.alignment.group", Doc: "Name of a group of sources whose watermarks stay together."},
	{Key: "scan.watermark.alignment.max-drift", Type: Duration, Doc: "How far a source may run ahead of its group."},
	{Key: "scan.watermark.alignment.update-interval", Type: Duration, Default: "1 s", Doc: "How often the group's watermark is taken."},
	{Key: "scan.watermark.idle-timeout", Type: Duration, Doc: "After how long without rows a split no longer holds back the watermark."},
}

var formatKeys = []Option{
	{Key: "format", Doc: "Which format the bytes have."},
	{Key: "key.format", Doc: "Which format the key's bytes have."},
	{Key: "value.format", Doc: "Which format the value's bytes have."},
}

// General lists the options that every connector takes, for documentation and
// completion.
func General() []Option { return slices.Clone(general) }

// Names of formats and connectors that Flink documents and mink does not have, so
// that a script which uses one gets the right error.
var (
	flinkFormats = []string{"avro", "avro-confluent", "debezium-avro-confluent", "canal-json", "maxwell-json",
		"ogg-json", "orc", "protobuf", "single-value"}
	flinkConnectors = []string{"kafka", "upsert-kafka", "jdbc", "elasticsearch-6", "elasticsearch-7", "elasticsearch-8",
		"opensearch", "hbase-1.4", "hbase-2.2", "hbase-2.6", "hive", "kinesis", "kinesis-legacy", "firehose", "dynamodb",
		"mongodb", "pulsar", "sqs", "mysql-cdc", "postgres-cdc", "mongodb-cdc", "oracle-cdc", "sqlserver-cdc", "prometheus"}
)

// FlinkConnectors lists connectors that Flink documents; mink has some of them.
func FlinkConnectors() []string { return slices.Clone(flinkConnectors) }

// Pick returns the connector that the option 'connector' names.
func Pick(list []*Connector, o Options) (*Connector, error) {
	name, ok := o["connector"]
	if !ok {
		return nil, Missing("connector", "a table needs to say where its rows are")
	}
	var names []string
	for _, c := range list {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return nil, unknownName("connector", "connector", name, names, flinkConnectors)
}

func unknownName(key, what, name string, have, flink []string) *diag.Error {
	slices.Sort(have)
	if slices.Contains(flink, name) {
		return keyed(key, diag.New(diag.Unsupported, "%s '%s' is not supported yet", what, name)).
			WithHint("%ss are: %s", what, strings.Join(have, ", "))
	}
	e := keyed(key, diag.New(diag.InvalidOption, "no %s '%s'; %ss are: %s", what, name, what, strings.Join(have, ", ")))
	if s := diag.Suggest(name, have); s != "" {
		e = e.WithHint("did you mean '%s'", s)
	}
	return e
}

// Check validates the options of a table of this connector: every key is known,
// every value is of its type, nothing required is missing. Keys are taken in byte
// order, so the error reported does not depend on map order.
func (c *Connector) Check(o Options, formats map[string]*Format) error {
	if c.Formats {
		if err := checkFormatNames(o, formats); err != nil {
			return err
		}
	}
	for _, k := range o.Keys() {
		d := c.find(o, formats, k)
		if d == nil {
			return c.unknown(o, formats, k)
		}
		if err := checkOption(*d, k, o[k]); err != nil {
			return err
		}
	}
	for _, d := range c.Options {
		if d.Required && !o.Has(d.Key) {
			return keyed(d.Key, Missing(d.Key, "connector '"+c.Name+"' needs it"))
		}
	}
	if c.Formats && !o.Has("format") && !o.Has("key.format") && !o.Has("value.format") {
		return keyed("format", Missing("format", "connector '"+c.Name+"' needs it"))
	}
	return nil
}

// All lists the options of the connector and, when the chosen formats are given,
// theirs with the format's name in front.
func (c *Connector) all(o Options, formats map[string]*Format) []Option {
	out := slices.Concat(c.Options, general)
	if !c.Formats {
		return out
	}
	out = append(out, formatKeys...)
	for _, role := range formatRoles {
		f := formats[o[role.key]]
		if f == nil {
			continue
		}
		for _, d := range f.Options {
			if d.Plain {
				out = append(out, d)
			}
			d.Key = role.prefix + f.Name + "." + d.Key
			out = append(out, d)
		}
	}
	return out
}

var formatRoles = []struct{ key, prefix string }{
	{"format", ""}, {"key.format", "key."}, {"value.format", "value."},
}

func (c *Connector) find(o Options, formats map[string]*Format, key string) *Option {
	return find(c.all(o, formats), key)
}

// find looks a key up, whole keys before prefixes.
func find(decl []Option, key string) *Option {
	for i := range decl {
		if !decl[i].Prefix && decl[i].Key == key {
			return &decl[i]
		}
	}
	for i := range decl {
		if decl[i].Prefix && len(key) > len(decl[i].Key) && strings.HasPrefix(key, decl[i].Key) {
			return &decl[i]
		}
	}
	return nil
}

func (c *Connector) unknown(o Options, formats map[string]*Format, key string) error {
	var keys []string
	for _, d := range c.all(o, formats) {
		if d.Prefix {
			d.Key += "*"
		}
		keys = append(keys, d.Key)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	e := keyed(key, diag.New(diag.UnknownOption, "connector '%s' has no option '%s'", c.Name, key))
	if s := diag.Suggest(key, keys); s != "" {
		return e.WithHint("did you mean '%s'", s)
	}
	return e.WithHint("options are: %s", strings.Join(keys, ", "))
}

func checkFormatNames(o Options, formats map[string]*Format) error {
	for _, role := range formatRoles {
		name, ok := o[role.key]
		if !ok || formats[name] != nil {
			continue
		}
		var names []string
		for n := range formats {
			names = append(names, n)
		}
		return unknownName(role.key, "format", name, names, flinkFormats)
	}
	return nil
}

// FormatOf returns the format that the option key ("format", "key.format" or
// "value.format") of t names, with its own options, the format's name removed.
func FormatOf(t *Table, key string) (*Format, Options, error) {
	name, ok := t.Options[key]
	if !ok {
		return nil, nil, keyed(key, Missing(key, ""))
	}
	if err := checkFormatNames(Options{key: name}, t.Deps.Formats); err != nil {
		return nil, nil, err
	}
	f := t.Deps.Formats[name]
	o := t.Options.Sub(strings.TrimSuffix(key, "format") + name + ".")
	for _, d := range f.Options {
		if v, ok := t.Options[d.Key]; ok && d.Plain && !o.Has(d.Key) {
			o[d.Key] = v
		}
	}
	return f, o, nil
}

// checkOption is CheckValue for an option that may have references, or must not.
func checkOption(d Option, key, value string) error {
	if list, bad := diag.References(value); bad != "" {
		return badReference(key, bad)
	} else if len(list) > 0 && !d.Reference {
		return Invalid(key, "takes no reference such as %s: its value decides about the plan, or is part of what is kept and shown", value[list[0].Start:list[0].End]).
			WithHint("write the value itself; references are for passwords, keys and addresses that nothing but the connection needs")
	} else if len(list) > 0 {
		return nil
	}
	return CheckValue(d, key, value)
}

// CheckValue reports whether value is of the option's type; key is what the user
// wrote, which differs from d.Key for a family of options.
func CheckValue(d Option, key, value string) error {
	o := Options{key: value}
	var err error
	switch d.Type {
	case Int:
		var n int64
		n, err = o.Int(key, 0)
		if err == nil && strings.HasSuffix(key, ".parallelism") && n <= 0 {
			err = badValue(key, value, "a number above 0")
		}
	case Float:
		_, err = o.Float(key, 0)
	case Bool:
		_, err = o.Bool(key, false)
	case Duration:
		_, err = o.Duration(key, 0)
	case Size:
		_, err = o.Size(key, 0)
	case Enum:
		_, err = o.Enum(key, "", d.Values...)
	}
	if err != nil && d.Secret {
		return Invalid(key, "has a value that is not of its type")
	}
	return err
}

// Parallelism returns 'scan.parallelism' or 'sink.parallelism' (the key given), or
// 0 when it is not set.
func (o Options) Parallelism(key string) int {
	n, err := strconv.Atoi(strings.TrimSpace(o[key]))
	if err != nil || n < 0 {
		return 0
	}
	return n
}
