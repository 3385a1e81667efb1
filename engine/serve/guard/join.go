package guard

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// Names in the certificates of a cluster's processes. What a process may be is in its
// certificate, not in the address that it is reached at: a node cannot pass for the
// coordinator, nor for another node.
const (
	coordinatorHost = "coordinator.mink"
	nodeHost        = "node.mink"
)

// nodeDays is how long the certificate of a node is good for; the node asks for another
// when half of it has passed.
const nodeDays = 30

// joinPrefix begins a join token, so that it is known for what it is wherever it turns up.
const joinPrefix = "mink-join-"

// JoinToken is what lets a process of another machine become a node of the cluster. It
// carries the fingerprint of the cluster's authority, so that whoever has it knows the
// coordinator when it meets it, and a secret that the coordinator knows.
type JoinToken struct {
	pin    [sha256.Size]byte
	secret string
}

// JoinToken makes a token of a secret, as Token draws them.
func (a *Authority) JoinToken(secret string) JoinToken {
	return JoinToken{pin: sha256.Sum256(a.cert.Raw), secret: secret}
}

// Reveal is the token as text. It is for a person or for a file that its owner alone may
// read.
func (t JoinToken) Reveal() string {
	secret, _ := hex.DecodeString(t.secret) // of Token, which has looked
	return joinPrefix + base64.RawURLEncoding.EncodeToString(append(t.pin[:], secret...))
}

// String keeps the secret out of messages.
func (t JoinToken) String() string { return joinPrefix + "…" }

// GoString keeps it out of those with %#v.
func (t JoinToken) GoString() string { return t.String() }

// ParseJoinToken reads the text of a token.
func ParseJoinToken(text string) (JoinToken, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), joinPrefix)
	b, err := base64.RawURLEncoding.DecodeString(rest)
	if !ok || err != nil || len(b) != sha256.Size+tokenBytes {
		return JoinToken{}, diag.New(diag.Config, "this is no join token: one begins with %s and has %d more letters", joinPrefix, base64.RawURLEncoding.EncodedLen(sha256.Size+tokenBytes)).
			WithHint("mink node token, where the coordinator runs, prints it")
	}
	t := JoinToken{secret: hex.EncodeToString(b[sha256.Size:])}
	copy(t.pin[:], b)
	return t, nil
}

// NewJoinSecret replaces the secret in a file: tokens made of the one before let nobody in
// any more. Nodes that have joined stay.
func NewJoinSecret(path string) error { return writeSecret(path, []byte(NewToken()+"\n")) }

// issueProcess makes the certificate of a process of the cluster, good for some days.
func (a *Authority) issueProcess(name, host string, key *ecdsa.PublicKey, from time.Time, days int) ([]byte, error) {
	t := template(name)
	t.NotBefore, t.NotAfter = from.Add(-time.Hour), from.AddDate(0, 0, days)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	t.DNSNames = []string{host}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key, a.key)
	if err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot sign a certificate")
	}
	return der, nil
}

// own is a certificate with a key that is in this process alone.
func (a *Authority) own(name, host string, days int) (tls.Certificate, error) {
	key, err := newKey()
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := a.issueProcess(name, host, &key.PublicKey, time.Now(), days)
	if err != nil {
		return tls.Certificate{}, err
	}
	return pairOf(der, a.cert.Raw, key)
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot make a key")
	}
	return key, nil
}

// pairOf has the authority behind the certificate: whoever knows only the authority's
// fingerprint needs it.
func pairOf(der, ca []byte, key *ecdsa.PrivateKey) (tls.Certificate, error) {
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, diag.Wrap(diag.Config, err, "the certificate cannot be read")
	}
	return tls.Certificate{Certificate: [][]byte{der, ca}, PrivateKey: key, Leaf: leaf}, nil
}

// request is what a process sends to get a certificate: a key of its own, signed with it.
func request(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "mink"}}, key)
	if err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot ask for a certificate")
	}
	return der, nil
}

// sign answers a request. The name is the coordinator's choice, whatever the request says.
func (a *Authority) sign(csr []byte, name string) ([]byte, error) {
	r, err := x509.ParseCertificateRequest(csr)
	if err == nil {
		err = r.CheckSignature()
	}
	key, ok := any(nil), false
	if err == nil {
		key = r.PublicKey
	}
	public, ok := key.(*ecdsa.PublicKey)
	if err != nil || !ok || public.Curve != elliptic.P256() {
		return nil, diag.New(diag.Config, "the request for a certificate is damaged")
	}
	return a.issueProcess(name, nodeHost, public, time.Now(), nodeDays)
}
