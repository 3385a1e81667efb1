package kafka

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// patience is how long one question to the brokers may take, unless
// properties.default.api.timeout.ms says otherwise.
const patience = 15 * time.Second

// within is a context for one question.
func (c *table) within() (context.Context, context.CancelFunc) {
	d, err := c.millis("default.api.timeout.ms", patience)
	if err != nil {
		d = patience
	}
	return context.WithTimeout(context.Background(), d)
}

// millis reads a property that is a number of milliseconds.
func (c *table) millis(key string, def time.Duration) (time.Duration, error) {
	n, err := c.number(key, def.Milliseconds())
	return time.Duration(n) * time.Millisecond, err
}

// number reads a property that is a whole number.
func (c *table) number(key string, def int64) (int64, error) {
	n, err := c.props.Int(key, def)
	if err != nil {
		return 0, connect.Invalid("properties."+key, "takes a whole number, not '%s'", c.props[key])
	}
	return n, nil
}

// choice reads a property that is one of some words.
func (c *table) choice(key, def string, values ...string) (string, error) {
	v, err := c.props.Enum(key, def, values...)
	if err != nil {
		return "", connect.Invalid("properties."+key, "takes one of %s, not '%s'", strings.Join(values, ", "), c.props[key])
	}
	return v, nil
}

// options are those of every client of the table.
func (c *table) options() ([]kgo.Opt, error) {
	written := c.props["bootstrap.servers"]
	c, err := c.resolved()
	if err != nil {
		return nil, err
	}
	servers := strings.Split(c.props["bootstrap.servers"], ",")
	for i, s := range servers {
		if servers[i] = strings.TrimSpace(s); servers[i] == "" {
			return nil, connect.Invalid(optServers, "takes brokers such as 'localhost:9092', separated by ','")
		}
		c.t.Deps.Secrets.Part(written, servers[i])
		if host, _, _ := strings.Cut(servers[i], ":"); strings.Contains(host, ".") { // no word that messages have
			c.t.Deps.Secrets.Part(written, host)
		}
	}
	dial, err := c.millis("socket.connection.setup.timeout.ms", 10*time.Second)
	if err != nil {
		return nil, err
	}
	age, err := c.millis("metadata.max.age.ms", 5*time.Minute)
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(servers...), kgo.ClientID(c.props.Text("client.id", "mink")), kgo.DialTimeout(dial),
		kgo.MetadataMaxAge(age), kgo.MetadataMinAge(min(age, 250*time.Millisecond)), kgo.DisableClientMetrics(),
		kgo.WithDecompressor(new(unpacker)),
	}
	more, err := c.security()
	return append(opts, more...), err
}

// client connects to the brokers; nothing is asked of them yet.
func (c *table) client(more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := c.options()
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, diag.Wrap(diag.InvalidOption, err, "the settings of Kafka's client for %s do not fit together", c.t.Name)
	}
	return cl, nil
}

// failed gives an error of the brokers its code: doing ends in a preposition or verb that
// the table's name completes.
func (c *table) failed(err error, doing string) error {
	if err == nil || diag.As(err) != nil {
		return err
	}
	code := diag.IO
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed),
		errors.Is(err, kerr.TransactionalIDAuthorizationFailed), errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.UnsupportedSaslMechanism):
		code = diag.Permission
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		code = diag.NotFound
	}
	e := diag.Wrap(code, err, "cannot %s table %s at %s", doing, c.t.Name, c.props["bootstrap.servers"])
	if errors.Is(err, io.EOF) {
		return e.WithHint("the broker closed the connection: do 'properties.security.protocol' and the user's password fit it")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return e.WithHint("no broker answered in time; is '%s' right, and are the brokers' advertised listeners reachable from here", optServers)
	}
	return e
}

func (c *table) topicFailed(err error, topic string) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return diag.Wrap(diag.NotFound, err, "there is no topic '%s' at %s", topic, c.props["bootstrap.servers"]).
			WithHint("create it, or correct 'topic' of table %s", c.t.Name)
	}
	return c.failed(err, "find topic '"+topic+"' of")
}
