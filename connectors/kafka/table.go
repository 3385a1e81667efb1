package kafka

import (
	"regexp"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// table is what the options of a table say, for sources and sinks alike.
type table struct {
	t       *connect.Table
	upsert  bool
	topics  []string
	pattern *regexp.Regexp // nil: topics
	props   connect.Options

	value, key         *connect.Format // key nil: records without one
	valueOpts, keyOpts connect.Options
	// Columns of the key and of the value: positions in the table's schema, and the
	// schema that their formats see.
	keyAt, valueAt         []int
	keySchema, valueSchema types.Schema
	// valueMeta are metadata columns of the value's format, behind valueSchema; meta
	// those of the record itself.
	valueMeta   []string
	valueMetaAt []int
	meta        []metaColumn
}

// metaColumn is a metadata column of the table.
type metaColumn struct {
	col int
	key string
}

func newTable(t *connect.Table, upsert bool) (*table, error) {
	c := &table{t: t, upsert: upsert, props: t.Options.Sub("properties.")}
	for _, step := range []func() error{c.readTopics, c.readFormats, c.readKey, c.readValue, c.readMetadata, c.readSecurity} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *table) readTopics() error {
	o := c.t.Options
	c.topics = o.List(optTopic)
	text, pattern := o[optPattern]
	switch {
	case pattern && c.topics != nil:
		return connect.Invalid(optPattern, "and 'topic' must not be set together")
	case pattern:
		var err error
		if c.pattern, err = regexp.Compile("^(?:" + text + ")$"); err != nil {
			return connect.Invalid(optPattern, "is no regular expression: %s", err)
		}
	case len(c.topics) == 0 && c.upsert:
		return connect.Missing(optTopic, "it names the topic of the table")
	case len(c.topics) == 0:
		return connect.Missing(optTopic, "either 'topic' or 'topic-pattern' must be set")
	}
	slices.Sort(c.topics)
	c.topics = slices.Compact(c.topics)
	return nil
}

func (c *table) readFormats() error {
	o := c.t.Options
	key := "value.format"
	if o.Has("format") {
		if o.Has("value.format") {
			return connect.Invalid("format", "and 'value.format' must not be set together")
		}
		key = "format"
	}
	if c.upsert && key == "format" {
		return connect.Invalid("format", "is not an option of 'upsert-kafka': use 'key.format' and 'value.format'")
	}
	if !o.Has(key) {
		why := "either 'format' or 'value.format' must be set"
		if c.upsert {
			why = "connector 'upsert-kafka' needs it"
		}
		return connect.Missing("value.format", why)
	}
	var err error
	if c.value, c.valueOpts, err = connect.FormatOf(c.t, key); err != nil {
		return err
	}
	if err := message(c.value, key); err != nil {
		return err
	}
	c.nameSubject(c.value, c.valueOpts, "-value")
	if !o.Has("key.format") {
		if c.upsert {
			return connect.Missing("key.format", "connector 'upsert-kafka' needs it")
		}
		return nil
	}
	if c.key, c.keyOpts, err = connect.FormatOf(c.t, "key.format"); err != nil {
		return err
	}
	if err := message(c.key, "key.format"); err != nil {
		return err
	}
	c.nameSubject(c.key, c.keyOpts, "-key")
	has, err := c.key.Changes(c.keyOpts)
	if err == nil && has != connect.AppendOnly {
		err = connect.Invalid("key.format", "'%s' has changes in it: a key only has values", c.key.Name)
	}
	return err
}

// nameSubject gives a format with a schema registry the subject that belongs to the topic.
func (c *table) nameSubject(f *connect.Format, o connect.Options, suffix string) {
	if strings.HasSuffix(f.Name, "-confluent") && !o.Has("subject") && !o.Has("schema-registry.subject") && len(c.topics) == 1 {
		o["subject"] = c.topics[0] + suffix
	}
}

// message refuses formats of whole files.
func message(f *connect.Format, key string) error {
	if f.Decoder == nil && f.Encoder == nil {
		return connect.Invalid(key, "'%s' is a format of files, not of messages", f.Name)
	}
	return nil
}

// readKey finds the columns of the key.
func (c *table) readKey() error {
	o, t := c.t.Options, c.t
	names, has := o.List(optKeyFields), o.Has(optKeyFields)
	if c.upsert {
		if len(t.PrimaryKey) == 0 {
			return diag.New(diag.MissingPrimaryKey, "table %s of connector 'upsert-kafka' needs a primary key", t.Name).
				WithHint("declare PRIMARY KEY (...) NOT ENFORCED: its columns are the key of the records")
		}
		c.keyAt = slices.Clone(t.PrimaryKey)
		for _, i := range c.keyAt {
			if i >= t.Physical {
				return diag.New(diag.InvalidOption, "the primary key of %s has the metadata column %s", t.Name, t.Schema[i].Name)
			}
		}
	} else {
		switch {
		case c.key == nil && has:
			return connect.Invalid(optKeyFields, "needs 'key.format' too")
		case c.key != nil && len(names) == 0:
			return connect.Missing(optKeyFields, "a key format needs the names of one or more columns")
		case c.key == nil:
			return nil
		}
		for _, n := range names {
			i := slices.IndexFunc(t.Schema[:t.Physical], func(f types.Field) bool { return f.Name == n })
			if i < 0 {
				e := connect.Invalid(optKeyFields, "names '%s', which is no physical column", n)
				if s := diag.Suggest(n, t.Schema[:t.Physical].Names()); s != "" {
					e.WithHint("did you mean '%s'", s)
				}
				return e
			}
			if slices.Contains(c.keyAt, i) {
				return connect.Invalid(optKeyFields, "names '%s' twice", n)
			}
			c.keyAt = append(c.keyAt, i)
		}
	}
	prefix := o.Text(optKeyPrefix, "")
	for _, i := range c.keyAt {
		f := t.Schema[i]
		rest, ok := strings.CutPrefix(f.Name, prefix)
		if !ok {
			return connect.Invalid(optKeyPrefix, "is '%s', but the key column '%s' does not begin with it", prefix, f.Name)
		}
		f.Name = rest
		c.keySchema = append(c.keySchema, f)
	}
	return nil
}

// readValue finds the columns of the value.
func (c *table) readValue() error {
	include, err := c.t.Options.Enum(optInclude, "ALL", "ALL", "EXCEPT_KEY")
	if err != nil {
		return err
	}
	if include == "ALL" && c.t.Options.Text(optKeyPrefix, "") != "" {
		return connect.Invalid(optKeyPrefix, "needs 'value.fields-include' = 'EXCEPT_KEY', since columns with a prefix are not in the value")
	}
	for i := range c.t.Physical {
		if include == "EXCEPT_KEY" && slices.Contains(c.keyAt, i) {
			continue
		}
		c.valueAt = append(c.valueAt, i)
		c.valueSchema = append(c.valueSchema, c.t.Schema[i])
	}
	return nil
}

// readMetadata deals the metadata columns to the record and to the value's format.
func (c *table) readMetadata() error {
	for i, key := range c.t.Metadata {
		col := c.t.Physical + i
		if rest, ok := strings.CutPrefix(key, "value."); ok {
			c.valueMeta, c.valueMetaAt = append(c.valueMeta, rest), append(c.valueMetaAt, col)
			continue
		}
		c.meta = append(c.meta, metaColumn{col, key})
	}
	return nil
}

// valueChanges says what kinds of rows values hold.
func (c *table) valueChanges() (connect.Changes, error) {
	has, err := c.value.Changes(c.valueOpts)
	if err != nil {
		return has, err
	}
	if c.upsert {
		if has != connect.AppendOnly {
			return has, connect.Invalid("value.format", "'%s' has changes in it: 'upsert-kafka' takes formats that only have values", c.value.Name)
		}
		return connect.Upsert, nil
	}
	if has == connect.AppendOnly && len(c.t.PrimaryKey) > 0 {
		return has, diag.New(diag.InvalidOption, "table %s of connector 'kafka' with format '%s' cannot have a primary key: nothing makes it unique", c.t.Name, c.value.Name).
			WithHint("use connector 'upsert-kafka', or a format with changes such as 'debezium-json'")
	}
	return has, nil
}

// wants reports that a topic belongs to the table.
func (c *table) wants(topic string) bool {
	if c.pattern != nil {
		return c.pattern.MatchString(topic)
	}
	return slices.Contains(c.topics, topic)
}

// valueDecoder makes the decoder of values with the columns of read, positions in the
// table's schema; nil reads all.
func (c *table) valueDecoder(read connect.Projection) (connect.Decoder, error) {
	at := slices.Concat(c.valueAt, c.valueMetaAt)
	if len(c.valueMeta) > 0 {
		return c.value.WithMetadata(c.valueSchema, c.valueMeta, project(read, at), c.valueOpts, c.t)
	}
	return c.value.Decoder(c.valueSchema, project(read, at), c.valueOpts, c.t)
}

// project is a projection of the table as one of the columns at.
func project(read connect.Projection, at []int) connect.Projection {
	if read == nil {
		return nil
	}
	out := connect.Projection{}
	for _, p := range read {
		if len(p) == 0 {
			continue
		}
		if k := slices.Index(at, p[0]); k >= 0 {
			out = append(out, append(connect.FieldPath{k}, p[1:]...))
		}
	}
	return out
}
