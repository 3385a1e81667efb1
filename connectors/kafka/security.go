package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// Settings of Kafka's clients that say who one is and whom one trusts. Their values never
// get into a message. References in them are resolved when a client connects, and in no
// other place: see resolved.

var protocols = []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}

// readSecurity checks the settings; files are read when a client connects.
func (c *table) readSecurity() error {
	protocol, err := c.choice("security.protocol", "PLAINTEXT", protocols...)
	if err != nil {
		return err
	}
	if strings.HasPrefix(protocol, "SASL") {
		if _, err := c.sasl(false); err != nil {
			return err
		}
	}
	return nil
}

// secret resolves the references of a property.
func (c *table) secret(key, value string) (string, error) {
	return c.t.Deps.Secrets.Resolve("properties."+key, value)
}

// resolved is the table with what its references stand for in their places, for the making
// of one client; of sasl.jaas.config sasl does that, which knows its parts.
func (c *table) resolved() (*table, error) {
	out := *c
	out.props = make(connect.Options, len(c.props))
	for _, k := range c.props.Keys() {
		v := c.props[k]
		if k != jaasConfig {
			var err error
			if v, err = c.secret(k, v); err != nil {
				return nil, err
			}
		}
		out.props[k] = v
	}
	return &out, nil
}

// security makes the options of a client.
func (c *table) security() ([]kgo.Opt, error) {
	protocol, err := c.choice("security.protocol", "PLAINTEXT", protocols...)
	if err != nil {
		return nil, err
	}
	var opts []kgo.Opt
	if strings.HasSuffix(protocol, "SSL") {
		config, err := c.tls()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if strings.HasPrefix(protocol, "SASL") {
		o, err := c.sasl(true)
		if err != nil {
			return nil, err
		}
		opts = append(opts, o)
	}
	return opts, nil
}

const jaasConfig = "sasl.jaas.config"

// sasl reads user and password. Unless a client is opened, references stay as they are and
// there is no option. One in the place of all of the text gives that text, one within a
// part gives characters of the part, whatever they are.
func (c *table) sasl(open bool) (kgo.Opt, error) {
	mechanism := strings.ToUpper(c.props.Text("sasl.mechanism", "GSSAPI"))
	switch mechanism {
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
	case "GSSAPI", "OAUTHBEARER":
		return nil, connect.Invalid("properties.sasl.mechanism", "is %s, which is not supported yet", mechanism).
			WithHint("use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; without the option it is GSSAPI")
	default:
		return nil, connect.Invalid("properties.sasl.mechanism", "takes PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, not '%s'", mechanism)
	}
	written, ok := c.props[jaasConfig]
	if !ok {
		return nil, connect.Missing("properties.sasl.jaas.config", "it has the user and the password of "+mechanism)
	}
	text := written
	list, _ := diag.References(written)
	whole := len(list) == 1 && list[0].Span == diag.Span{End: len(written)}
	if whole && !open {
		return nil, nil
	}
	if whole {
		var err error
		if text, err = c.secret(jaasConfig, written); err != nil {
			return nil, err
		}
	}
	if diag.Masked(written) { // of a tape, whose replay need not open it
		if !open {
			return nil, nil
		}
		return nil, connect.Invalid("properties.sasl.jaas.config", "is not known: a tape has no secrets").
			WithHint("record with --embed, or write the whole value as a reference such as ${env:NAME}, which tapes keep")
	}
	jaas, ok := parseJAAS(text)
	if !ok {
		return nil, connect.Invalid("properties.sasl.jaas.config", `must be like 'org.apache.kafka.common.security.plain.PlainLoginModule required username="..." password="...";'`)
	}
	user, pass := jaas["username"], jaas["password"]
	for _, part := range []*string{&user, &pass} {
		switch {
		case whole:
			c.t.Deps.Secrets.Part(written, *part)
		case open:
			var err error
			if *part, err = c.secret(jaasConfig, *part); err != nil {
				return nil, err
			}
		}
	}
	if user == "" || pass == "" {
		return nil, connect.Invalid("properties.sasl.jaas.config", "has no username or no password")
	}
	if !open {
		return nil, nil
	}
	switch mechanism {
	case "SCRAM-SHA-256":
		return kgo.SASL(scram.Auth{User: user, Pass: pass}.AsSha256Mechanism()), nil
	case "SCRAM-SHA-512":
		return kgo.SASL(scram.Auth{User: user, Pass: pass}.AsSha512Mechanism()), nil
	}
	return kgo.SASL(plain.Auth{User: user, Pass: pass}.AsMechanism()), nil
}

// parseJAAS reads "module flag key=value key=\"value\" ... ;".
func parseJAAS(text string) (map[string]string, bool) {
	rest := strings.TrimSpace(text)
	if !strings.HasSuffix(rest, ";") {
		return nil, false
	}
	rest = strings.TrimSpace(strings.TrimSuffix(rest, ";"))
	out := map[string]string{}
	for words := 0; rest != ""; words++ {
		end := strings.IndexAny(rest, " \t\r\n=")
		if end < 0 {
			end = len(rest)
		}
		word := rest[:end]
		rest = strings.TrimLeft(rest[end:], " \t\r\n")
		if words < 2 { // the class and 'required'
			if word == "" || strings.HasPrefix(rest, "=") {
				return nil, false
			}
			continue
		}
		value, ok := strings.CutPrefix(rest, "=")
		if !ok || word == "" {
			return nil, false
		}
		value = strings.TrimLeft(value, " \t\r\n")
		// In the WITH clause quotes are sometimes written as \".
		value = strings.TrimPrefix(value, `\`)
		if value == "" {
			return nil, false
		}
		if q := value[0]; q == '"' || q == '\'' {
			v, after, ok := quoted(value[1:], q)
			if !ok {
				return nil, false
			}
			out[word], rest = v, after
		} else {
			end := strings.IndexAny(value, " \t\r\n")
			if end < 0 {
				end = len(value)
			}
			out[word], rest = value[:end], value[end:]
		}
		rest = strings.TrimLeft(rest, " \t\r\n")
	}
	return out, len(out) > 0
}

// quoted reads up to the quote q; a backslash stands before a character that is meant.
func quoted(s string, q byte) (value, rest string, ok bool) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			if s[i+1] == q && (i+2 == len(s) || s[i+2] == ' ' || s[i+2] == ';') {
				return out.String(), s[i+2:], true // \" as the closing quote
			}
			i++
			out.WriteByte(s[i])
		case s[i] == q:
			return out.String(), s[i+1:], true
		default:
			out.WriteByte(s[i])
		}
	}
	return "", "", false
}

// tls makes the settings of encrypted connections.
func (c *table) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	roots, err := c.trusted()
	if err != nil {
		return nil, err
	}
	config.RootCAs = roots
	chain, key, err := c.own()
	if err != nil {
		return nil, err
	}
	if chain != nil {
		pair, err := tls.X509KeyPair(chain, key)
		if err != nil {
			return nil, connect.Invalid("properties.ssl.keystore.key", "and the certificate chain do not go together, or the key is encrypted, which is not supported yet")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if algorithm, ok := c.props["ssl.endpoint.identification.algorithm"]; ok && algorithm == "" {
		// The name of the broker is not compared; its certificate still has to be signed.
		config.InsecureSkipVerify = true
		config.VerifyConnection = func(s tls.ConnectionState) error {
			between := x509.NewCertPool()
			for _, cert := range s.PeerCertificates[1:] {
				between.AddCert(cert)
			}
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
			return err
		}
	}
	return config, nil
}

// trusted are the authorities that sign certificates of brokers; nil: those of the system.
func (c *table) trusted() (*x509.CertPool, error) {
	const inline, file = "ssl.truststore.certificates", "ssl.truststore.location"
	text, key := []byte(c.props[inline]), inline
	if !c.props.Has(inline) {
		if !c.props.Has(file) {
			return nil, nil
		}
		key = file
		var err error
		if text, err = c.file(file); err != nil {
			return nil, err
		}
	}
	pool := x509.NewCertPool()
	if pool.AppendCertsFromPEM(text) {
		return pool, nil
	}
	certs, err := parseJKS(text, c.props["ssl.truststore.password"])
	if err != nil {
		return nil, connect.Invalid("properties."+key, "has no certificates that can be read: %s", err).
			WithHint("PEM and JKS are read; keytool -exportcert -rfc -keystore STORE -alias NAME writes PEM")
	}
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool, nil
}

// own are the client's certificates and its key, PEM; nil without.
func (c *table) own() (chain, key []byte, err error) {
	if c.props.Has("ssl.keystore.certificate.chain") || c.props.Has("ssl.keystore.key") {
		return []byte(c.props["ssl.keystore.certificate.chain"]), []byte(c.props["ssl.keystore.key"]), nil
	}
	const file = "ssl.keystore.location"
	if !c.props.Has(file) {
		return nil, nil, nil
	}
	text, err := c.file(file)
	if err != nil {
		return nil, nil, err
	}
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			chain = append(chain, pem.EncodeToMemory(block)...)
		} else {
			key = append(key, pem.EncodeToMemory(block)...)
		}
	}
	if len(chain) == 0 || len(key) == 0 {
		return nil, nil, connect.Invalid("properties."+file, "has no certificate and key in PEM").
			WithHint("set 'properties.ssl.keystore.type' = 'PEM' with a file of both; openssl pkcs12 -in STORE -nodes makes one of a PKCS12 store")
	}
	return chain, key, nil
}

// file reads a file that a property names.
func (c *table) file(key string) ([]byte, error) {
	name := c.props[key]
	f, err := c.t.Deps.Env.Disk.Open(name)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot read '%s', the value of option 'properties.%s'", name, key)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 16<<20))
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot read '%s', the value of option 'properties.%s'", name, key)
	}
	return text, nil
}
