package avro

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/connectors/outbound"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Confluent is 'format' = 'avro-confluent'.
var Confluent = connect.Format{
	Name:    "avro-confluent",
	Summary: "Avro whose schemas are in a Confluent schema registry; for messages.",
	Options: []connect.Option{
		{Key: "url", Reference: true, Doc: "Address of the schema registry; several are separated by ','."},
		{Key: "schema-registry.url", Reference: true, Doc: "An older name of 'url'."},
		{Key: "subject", Doc: "Name under which a sink puts its schema in the registry; of a Kafka table it is <topic>-value and <topic>-key by default."},
		{Key: "schema-registry.subject", Doc: "An older name of 'subject'."},
		{Key: "schema", Doc: "Avro schema that a sink writes instead of the one made of the table's columns."},
		{Key: "timestamp_mapping.legacy", Type: connect.Bool, Default: "true", Doc: "As of format 'avro'."},
		{Key: "basic-auth.credentials-source", Type: connect.Enum, Values: []string{"URL", "USER_INFO", "SASL_INHERIT"}, Doc: "Where user and password are: in the URL, or in basic-auth.user-info."},
		{Key: "basic-auth.user-info", Secret: true, Reference: true, Doc: "user:password."},
		{Key: "bearer-auth.credentials-source", Doc: "Accepted; the token is bearer-auth.token."},
		{Key: "bearer-auth.token", Secret: true, Reference: true, Doc: "Token that the registry takes."},
		{Key: "ssl.truststore.location", Reference: true, Doc: "PEM file of the authorities that sign the registry's certificate."},
		{Key: "ssl.truststore.password", Secret: true, Reference: true, Doc: "Accepted; PEM needs none."},
		{Key: "ssl.keystore.location", Reference: true, Doc: "PEM file of the client's certificate and key."},
		{Key: "ssl.keystore.password", Secret: true, Reference: true, Doc: "Accepted; PEM needs none."},
		{Key: "properties.", Prefix: true, Doc: "Accepted; settings of Confluent's Java client."},
	},
	Changes:  appendOnly,
	Messages: true,
	Decoder: func(s types.Schema, read connect.Projection, o connect.Options, t *connect.Table) (connect.Decoder, error) {
		reg, err := newRegistry(o, t)
		if err != nil {
			return nil, err
		}
		if _, err := tableSchema(s, o); err != nil { // types that Avro does not have
			return nil, err
		}
		d := newDecoder(s, read)
		d.reg = reg
		return d, nil
	},
	Encoder: func(s types.Schema, o connect.Options, t *connect.Table) (connect.Encoder, error) {
		reg, err := newRegistry(o, t)
		if err != nil {
			return nil, err
		}
		subject := o.Text("subject", o.Text("schema-registry.subject", ""))
		if subject == "" {
			return nil, connect.Missing("avro-confluent.subject", "a sink puts its schema in the registry under this name")
		}
		text, given := o["schema"]
		if !given {
			if text, err = tableSchema(s, o); err != nil {
				return nil, err
			}
		}
		n, err := parseSchema(text)
		if err != nil {
			return nil, err
		}
		w, err := compileWriter(n, types.RowT(s...), "")
		if err != nil {
			return nil, err
		}
		e := &encoder{w: w}
		e.open = func() error {
			id, err := reg.register(subject, text)
			e.prefix = binary.BigEndian.AppendUint32([]byte{0}, id)
			return err
		}
		return e, nil
	},
}

// registry is a schema registry. References of its options are resolved for each question;
// without any there is one set of options for all.
type registry struct {
	o    connect.Options
	t    *connect.Table
	opts []sr.ClientOpt // nil: there are references
}

// patience is how long the registry may take to answer.
const patience = 15 * time.Second

func newRegistry(o connect.Options, t *connect.Table) (*registry, error) {
	r := &registry{o: o, t: t}
	if o.Text("url", o.Text("schema-registry.url", "")) == "" {
		return nil, connect.Missing("avro-confluent.url", "it is the address of the schema registry")
	}
	for _, v := range o {
		if list, _ := diag.References(v); len(list) > 0 {
			return r, nil
		}
	}
	var err error
	r.opts, err = registryOptions(o, t)
	return r, err
}

// resolved are the options of a client for one question.
func (r *registry) resolved() ([]sr.ClientOpt, error) {
	if r.opts != nil {
		return r.opts, nil
	}
	secrets := r.t.Deps.Secrets
	o := make(connect.Options, len(r.o))
	for _, k := range r.o.Keys() {
		v, err := secrets.Resolve("avro-confluent."+k, r.o[k])
		if err != nil {
			return nil, err
		}
		o[k] = v
		switch k {
		case "basic-auth.user-info":
			user, pass, _ := strings.Cut(v, ":")
			secrets.Part(r.o[k], user)
			secrets.Part(r.o[k], pass)
		case "url", "schema-registry.url":
			for u := range strings.SplitSeq(v, ",") {
				u = strings.TrimSpace(u)
				secrets.Part(r.o[k], u)
				if p, err := url.Parse(u); err == nil {
					secrets.Part(r.o[k], p.Host)
					if pass, ok := p.User.Password(); ok {
						secrets.Part(r.o[k], pass)
					}
				}
			}
		}
	}
	return registryOptions(o, r.t)
}

func registryOptions(o connect.Options, t *connect.Table) (opts []sr.ClientOpt, err error) {
	list := o.Text("url", o.Text("schema-registry.url", ""))
	urls := strings.Split(list, ",")
	for i := range urls {
		urls[i] = strings.TrimSpace(urls[i])
	}
	opts = append(opts, sr.URLs(urls...), sr.UserAgent("mink"))
	if info, ok := o["basic-auth.user-info"]; ok {
		user, pass, ok := strings.Cut(info, ":")
		if !ok && !diag.Masked(info) { // of a tape
			return nil, connect.Invalid("avro-confluent.basic-auth.user-info", "must be user:password")
		}
		opts = append(opts, sr.BasicAuth(user, pass))
	}
	if token, ok := o["bearer-auth.token"]; ok {
		opts = append(opts, sr.BearerToken(token))
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if name, ok := o["ssl.truststore.location"]; ok {
		text, err := readFile(t, name)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, connect.Invalid("avro-confluent.ssl.truststore.location", "has no certificates in PEM")
		}
	}
	if name, ok := o["ssl.keystore.location"]; ok {
		text, err := readFile(t, name)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(text, text)
		if err != nil {
			return nil, connect.Invalid("avro-confluent.ssl.keystore.location", "has no certificate and key in PEM")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	client, err := outbound.Client(urls, config, patience)
	if err != nil {
		return nil, connect.Invalid("avro-confluent.url", "is no address of a schema registry: %v", err)
	}
	opts = append(opts, sr.HTTPClient(client))
	return opts, nil
}

func readFile(t *connect.Table, name string) ([]byte, error) {
	f, err := t.Deps.Env.Disk.Open(name)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot read '%s'", name)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 16<<20))
}

// ask runs a question.
func (r *registry) ask(what string, f func(context.Context, *sr.Client) error) error {
	opts, err := r.resolved()
	if err != nil {
		return err
	}
	cl, err := sr.NewClient(opts...)
	if err != nil {
		return diag.Wrap(diag.InvalidOption, err, "'avro-confluent.url' is no address of a schema registry")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = f(ctx, cl)
	var answer *sr.ResponseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer) && (answer.StatusCode == 401 || answer.StatusCode == 403):
		return diag.New(diag.Permission, "the schema registry does not let one %s (status %d)", what, answer.StatusCode)
	case errors.As(err, &answer) && answer.StatusCode == 404:
		return diag.New(diag.NotFound, "the schema registry cannot %s: %s", what, answer.Message)
	case errors.As(err, &answer) && answer.StatusCode == 409:
		return diag.New(diag.SchemaMismatch, "the schema registry refuses to %s: %s", what, answer.Message).
			WithHint("the new schema must be compatible with the ones before; change the table, or the rule of the subject")
	}
	return diag.Wrap(diag.IO, err, "the schema registry does not %s", what)
}

// schema gets the schema with a number.
func (r *registry) schema(id uint32) (*node, error) {
	var text string
	err := r.ask("give schema "+num(id), func(ctx context.Context, cl *sr.Client) error {
		s, err := cl.SchemaByID(ctx, int(id))
		text = s.Schema
		if err == nil && (s.Type != sr.TypeAvro || len(s.References) > 0) {
			err = diag.New(diag.Unsupported, "schema %d is no Avro schema that stands alone; others are not supported yet", id)
		}
		return err
	})
	if err != nil {
		if e := diag.As(errors.Unwrap(err)); e != nil {
			return nil, e
		}
		return nil, err
	}
	return parseSchema(text)
}

// register puts a schema under a subject and gives its number, the same one each time.
func (r *registry) register(subject, text string) (id uint32, err error) {
	err = r.ask("take the schema of subject '"+subject+"'", func(ctx context.Context, cl *sr.Client) error {
		s, err := cl.CreateSchema(ctx, subject, sr.Schema{Schema: text})
		id = uint32(s.ID)
		return err
	})
	return id, err
}

// named is the plan of the schema that a message names: a byte 0, then four of its number.
func (d *decoder) named(r *input) (*plan, error) {
	if r.end-r.i < 5 || r.data[r.i] != 0 {
		return nil, format.BadRecord(0, 0, "the message does not begin with 0 and the number of a schema")
	}
	id := binary.BigEndian.Uint32(r.data[r.i+1:])
	r.i += 5
	p := d.plans[id]
	if p == nil {
		n, err := d.reg.schema(id)
		if err != nil {
			return nil, err
		}
		if p, err = d.plan(n); err != nil {
			return nil, err
		}
		d.plans[id] = p
	}
	return p, nil
}

func num(id uint32) string {
	if id < 10 {
		return string(rune('0' + id))
	}
	return num(id/10) + num(id%10)
}
