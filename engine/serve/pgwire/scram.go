package pgwire

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
)

// scramRounds is how often the password is hashed (RFC 7677 asks for 4096 at least).
const scramRounds = 4096

// scram is the server's side of one SCRAM-SHA-256 exchange (RFC 5802, 7677), without
// channel binding.
type scram struct {
	password                 string
	salt                     []byte
	nonce                    string // the client's and ours
	clientFirst, serverFirst string // as the signature takes them
	header                   string // the client's GS2 header
}

var errPassword = errors.New("the password is not the token of this cluster")

// first takes the client's first message and gives the server's.
func (s *scram) first(msg string) (string, error) {
	// "n,," or "y,," or "n,a=name,", then "n=user,r=nonce".
	parts := strings.SplitN(msg, ",", 3)
	if len(parts) != 3 || parts[0] != "n" && parts[0] != "y" {
		return "", errors.New("malformed SCRAM message, or one that asks for channel binding")
	}
	s.header = parts[0] + "," + parts[1] + ","
	s.clientFirst = parts[2]
	var nonce string
	for f := range strings.SplitSeq(s.clientFirst, ",") {
		if v, ok := strings.CutPrefix(f, "r="); ok {
			nonce = v
		}
	}
	if nonce == "" {
		return "", errors.New("SCRAM message without a nonce")
	}
	var own [18]byte
	s.salt = make([]byte, 16)
	if _, err := rand.Read(own[:]); err != nil {
		return "", err
	}
	if _, err := rand.Read(s.salt); err != nil {
		return "", err
	}
	s.nonce = nonce + base64.StdEncoding.EncodeToString(own[:])
	s.serverFirst = "r=" + s.nonce + ",s=" + base64.StdEncoding.EncodeToString(s.salt) + ",i=4096"
	return s.serverFirst, nil
}

// final checks the client's proof and gives the server's own.
func (s *scram) final(msg string) (string, error) {
	without, proof64, ok := cutLast(msg, ",p=")
	proof, err := base64.StdEncoding.DecodeString(proof64)
	if !ok || err != nil || len(proof) != sha256.Size {
		return "", errors.New("malformed SCRAM proof")
	}
	want := "c=" + base64.StdEncoding.EncodeToString([]byte(s.header)) + ",r=" + s.nonce
	if without != want {
		return "", errors.New("SCRAM message of another exchange")
	}
	salted, err := pbkdf2.Key(sha256.New, s.password, s.salt, scramRounds, sha256.Size)
	if err != nil {
		return "", err
	}
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	signed := s.clientFirst + "," + s.serverFirst + "," + without
	signature := mac(stored[:], signed)
	for i := range proof {
		proof[i] ^= signature[i]
	}
	got := sha256.Sum256(proof)
	if subtle.ConstantTimeCompare(got[:], stored[:]) != 1 {
		return "", errPassword
	}
	return "v=" + base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), signed)), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
