package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/minkstream/mink/connectors/kafka"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

const password = "s3cret pa\"ss"

func jaas(user, pass string) string {
	return `org.apache.kafka.common.security.scram.ScramLoginModule required username="` + user + `" password="` + strings.ReplaceAll(pass, `"`, `\"`) + `";`
}

// certificate makes one for a host that signs itself.
func certificate(t *testing.T, host string) (tls.Certificate, []byte, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	kd, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cp, kp := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kd})
	pair, err := tls.X509KeyPair(cp, kp)
	if err != nil {
		t.Fatal(err)
	}
	return pair, cp, kp
}

// secure is a cluster that wants to know who one is; nothing is read back by other clients.
func secure(t *testing.T, opts ...kfake.Opt) *broker {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, "t")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &broker{t: t, fake: c, servers: strings.Join(c.ListenAddrs(), ",")}
}

// roundTrip writes a row with some properties and reads it back.
func (b *broker) roundTrip(t *testing.T, props connect.Options) error {
	t.Helper()
	props["properties.default.api.timeout.ms"] = "3000"
	props["properties.delivery.timeout.ms"] = "3000"
	o := into()
	for k, v := range props {
		o[k] = v
	}
	tab := b.table("a BIGINT", "", o)
	sink, err := kafka.Connector.Sink(tab)
	if err != nil {
		return err
	}
	w, err := sink.Open(writerCtx(1, 0, new([]int64)))
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.Write(rows(tab, []any{1})); err != nil {
		return err
	}
	if _, err := w.Prepare("x"); err != nil {
		return err
	}
	o["scan.startup.mode"], o["scan.bounded.mode"] = earliest, latest
	got := b.all(b.table("a BIGINT", "", o))
	if len(got) == 0 || got[0] != "+I 1" {
		return fmt.Errorf("rows %v", got)
	}
	return nil
}

func TestSASL(t *testing.T) {
	b := secure(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "anna", password), kfake.Superuser("SCRAM-SHA-256", "bert", password), kfake.Superuser("SCRAM-SHA-512", "carl", password))
	for mechanism, user := range map[string]string{"PLAIN": "anna", "SCRAM-SHA-256": "bert", "SCRAM-SHA-512": "carl"} {
		err := b.roundTrip(t, connect.Options{"properties.security.protocol": "SASL_PLAINTEXT", "properties.sasl.mechanism": mechanism, "properties.sasl.jaas.config": jaas(user, password)})
		if err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
		err = b.roundTrip(t, connect.Options{"properties.security.protocol": "SASL_PLAINTEXT", "properties.sasl.mechanism": mechanism, "properties.sasl.jaas.config": jaas(user, "hunter2")})
		// kfake hangs up; Kafka says why.
		if c := diag.CodeOf(err); c != diag.Permission && (c != diag.IO || !strings.Contains(diag.As(err).Hint, "password")) || strings.Contains(fmt.Sprintf("%+v", err), "hunter2") {
			t.Errorf("%s with a wrong password: %v", mechanism, err)
		}
	}
}

func TestTLS(t *testing.T) {
	server, serverPEM, _ := certificate(t, "127.0.0.1.example")
	_, named, _ := certificate(t, "localhost")
	dir := t.TempDir()
	trust := filepath.Join(dir, "trust.pem")
	if err := os.WriteFile(trust, serverPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	b := secure(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{server}}))
	ssl := func(more ...string) connect.Options {
		o := connect.Options{"properties.security.protocol": "SSL"}
		for i := 0; i < len(more); i += 2 {
			o["properties.ssl."+more[i]] = more[i+1]
		}
		return o
	}
	// The certificate is for another name than the address, so the name must not be looked at.
	if err := b.roundTrip(t, ssl("truststore.location", trust, "endpoint.identification.algorithm", "")); err != nil {
		t.Errorf("a file: %v", err)
	}
	if err := b.roundTrip(t, ssl("truststore.certificates", string(serverPEM), "endpoint.identification.algorithm", "")); err != nil {
		t.Errorf("inline: %v", err)
	}
	for name, o := range map[string]connect.Options{
		"another name":      ssl("truststore.location", trust),
		"another authority": ssl("truststore.certificates", string(named), "endpoint.identification.algorithm", ""),
		"no such file":      ssl("truststore.location", trust+"x"),
	} {
		if err := b.roundTrip(t, o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	// A broker that asks who one is.
	client, clientPEM, clientKey := certificate(t, "client")
	pool := x509.NewCertPool()
	pool.AddCert(client.Leaf)
	if client.Leaf == nil {
		leaf, err := x509.ParseCertificate(client.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		pool.AddCert(leaf)
	}
	b = secure(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}))
	own := filepath.Join(dir, "own.pem")
	if err := os.WriteFile(own, append(clientKey, clientPEM...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.roundTrip(t, ssl("truststore.location", trust, "endpoint.identification.algorithm", "", "keystore.location", own)); err != nil {
		t.Errorf("a key in a file: %v", err)
	}
	if err := b.roundTrip(t, ssl("truststore.location", trust, "endpoint.identification.algorithm", "", "keystore.certificate.chain", string(clientPEM), "keystore.key", string(clientKey))); err != nil {
		t.Errorf("a key inline: %v", err)
	}
	if err := b.roundTrip(t, ssl("truststore.location", trust, "endpoint.identification.algorithm", "")); err == nil {
		t.Error("without a key the broker lets one in")
	}
	// A trust store of Java's own keytool.
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		t.Log("no keytool: trust stores of Java are not tried")
		return
	}
	jks := filepath.Join(dir, "trust.jks")
	out, err := exec.Command(keytool, "-importcert", "-noprompt", "-alias", "ca", "-file", trust, "-keystore", jks, "-storepass", "changeit", "-storetype", "JKS").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b = secure(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{server}}))
	if err := b.roundTrip(t, ssl("truststore.location", jks, "truststore.password", "changeit", "endpoint.identification.algorithm", "")); err != nil {
		t.Errorf("a JKS: %v", err)
	}
	if err := b.roundTrip(t, ssl("truststore.location", jks, "truststore.password", "hunter2", "endpoint.identification.algorithm", "")); diag.CodeOf(err) != diag.InvalidOption || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a JKS with a wrong password: %v", err)
	}
}

func TestRefusesSecurity(t *testing.T) {
	b := secure(t)
	for _, c := range []struct {
		o    connect.Options
		code diag.Code
		text string
	}{
		{connect.Options{"properties.security.protocol": "TLS"}, diag.InvalidOption, "SASL_SSL"},
		{connect.Options{"properties.security.protocol": "SASL_SSL"}, diag.InvalidOption, "GSSAPI"},
		{connect.Options{"properties.security.protocol": "SASL_SSL", "properties.sasl.mechanism": "PLAIN"}, diag.MissingOption, "jaas.config"},
		{connect.Options{"properties.security.protocol": "SASL_SSL", "properties.sasl.mechanism": "PLAIN", "properties.sasl.jaas.config": "hunter2"}, diag.InvalidOption, "PlainLoginModule"},
		{connect.Options{"properties.security.protocol": "SASL_SSL", "properties.sasl.mechanism": "PLAIN", "properties.sasl.jaas.config": `x required username="hunter2";`}, diag.InvalidOption, "no password"},
	} {
		o := bounded()
		for k, v := range c.o {
			o[k] = v
		}
		_, err := kafka.Connector.Source(b.table("a INT", "", o))
		if diag.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.text) || strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%v: %v", c.o, err)
		}
	}
	hidden := connect.Redact(connect.Options{"properties.sasl.jaas.config": "hunter2", "properties.ssl.truststore.password": "hunter2", "properties.ssl.keystore.key": "hunter2"}, kafka.Connector.Options)
	for k, v := range hidden {
		if v != connect.Hidden {
			t.Errorf("%s is shown", k)
		}
	}
}

// References are put in their place where a client is opened: the table is planned without
// them, each client asks anew, and what they gave is in no error.
func TestSASLByReference(t *testing.T) {
	b := secure(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "anna", password))
	set := map[string]string{"KAFKA_USER": "anna", "KAFKA_PASSWORD": password, "BROKERS": b.servers}
	file := filepath.Join(t.TempDir(), "jaas")
	if err := os.WriteFile(file, []byte(jaas("anna", password)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.secrets = &connect.Secrets{Disk: env.OS("").Disk, Variable: func(name string) (string, bool) { v, ok := set[name]; return v, ok }}
	parts := `x required username="${env:KAFKA_USER}" password="${env:KAFKA_PASSWORD}";`
	with := func(jaas string) connect.Options {
		return connect.Options{"properties.bootstrap.servers": "${env:BROKERS}", "properties.security.protocol": "SASL_PLAINTEXT", "properties.sasl.mechanism": "PLAIN", "properties.sasl.jaas.config": jaas}
	}
	for _, text := range []string{parts, "${file:" + file + "}"} {
		if err := b.roundTrip(t, with(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	// A wrong password, and a table that was planned then and is used once it is right.
	set["KAFKA_PASSWORD"] = "canary-of-kafka"
	o := into()
	for k, v := range with(parts) {
		o[k] = v
	}
	o["properties.default.api.timeout.ms"], o["scan.startup.mode"] = "3000", "earliest-offset"
	tab := b.table("a BIGINT", "", o)
	source, err := kafka.Connector.Source(tab)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = source.Splits(1); err == nil || strings.Contains(fmt.Sprintf("%+v", err), "canary-of-kafka") || strings.Contains(fmt.Sprintf("%v", err), b.servers) {
		t.Errorf("with a wrong password: %v", err)
	}
	set["KAFKA_PASSWORD"] = password
	if list, err := source.Splits(1); err != nil || len(list) != 1 {
		t.Errorf("with the right one: %v, %v", list, err)
	}
	// No variable: that is told, with the option, and only when a client is opened.
	delete(set, "KAFKA_PASSWORD")
	if source, err = kafka.Connector.Source(tab); err != nil {
		t.Fatal(err)
	}
	_, err = source.Splits(1)
	if d := diag.As(err); d == nil || d.Code != diag.NotFound || !d.Final || connect.OptionKey(err) != "properties.sasl.jaas.config" || !strings.Contains(d.Msg, "KAFKA_PASSWORD") {
		t.Errorf("without the variable: %v", err)
	}
	for k := range tab.Options {
		if strings.Contains(tab.Options[k], "anna") || strings.Contains(tab.Options[k], b.servers) {
			t.Errorf("the option %s is %s", k, tab.Options[k])
		}
	}
}
