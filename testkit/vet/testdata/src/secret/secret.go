// Package secret compares secrets rightly and wrongly.
package secret

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
)

type server struct {
	Token     string
	password  []byte
	tokenFile string
	page      int
}

func (s *server) wrong(given string, proof [32]byte, known map[string]bool, all []string) bool {
	if given == s.Token { // want `Token is compared by ==`
		return true
	}
	if s.Token != strings.TrimSpace(given) { // want `Token is compared by !=`
		return false
	}
	if bytes.Equal([]byte(given), s.password) { // want `password is compared by bytes.Equal`
		return true
	}
	if strings.EqualFold("Bearer "+s.Token, given) { // want `Token is compared by strings.EqualFold`
		return true
	}
	if sha256.Sum256([]byte(given)) == proof { // want `an array of bytes is compared by ==`
		return true
	}
	switch given {
	case string(s.password): // want `password is compared by switch`
		return true
	}
	if slices.Contains(all, s.Token) { // want `Token is compared by slices.Contains`
		return true
	}
	if strings.HasPrefix(s.Token, given) { // want `Token is compared by strings.HasPrefix`
		return true
	}
	secret := given
	return known[secret] // want `secret is compared by an index of a map`
}

func (s *server) right(given string, token int, names map[string]string) bool {
	if s.Token == "" || s.tokenFile == "-" || token == s.page || s.password == nil || names[given] == "" {
		return true
	}
	scheme, _, _ := strings.Cut(given, " ")
	if strings.EqualFold(scheme, "Bearer") || strings.HasPrefix(s.Token, "x.") || len(s.Token) == len(given) {
		return false
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(s.Token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
