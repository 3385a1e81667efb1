package kafka

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"unicode/utf16"
)

// parseJKS gives the trusted certificates of a Java key store. Its bytes:
//
//	FEEDFEED | version 2 | entries | entry ... | SHA-1
//	entry  2 | alias | date | type | length, certificate     trusted
//	       1 | alias | date | length, key | chain ...         passed over
//
// Names are lengths of two bytes and text, numbers are big endian. The SHA-1 is over the
// password in UTF-16, two words and all before; without a password it is not looked at.
func parseJKS(b []byte, password string) ([]*x509.Certificate, error) {
	bad := errors.New("it is neither PEM nor JKS")
	if len(b) < 12+sha1.Size || binary.BigEndian.Uint32(b) != 0xFEEDFEED || binary.BigEndian.Uint32(b[4:]) != 2 {
		return nil, bad
	}
	body, sum := b[:len(b)-sha1.Size], b[len(b)-sha1.Size:]
	if password != "" {
		h := sha1.New()
		for _, u := range utf16.Encode([]rune(password)) {
			h.Write([]byte{byte(u >> 8), byte(u)})
		}
		h.Write([]byte("Mighty Aphrodite"))
		h.Write(body)
		if !bytes.Equal(h.Sum(nil), sum) {
			return nil, errors.New("the password of the trust store is wrong, or the file is damaged")
		}
	}
	r := jksReader{b: body[8:]}
	var out []*x509.Certificate
	for range r.number() {
		tag := r.number()
		r.bytes(r.short()) // alias
		r.bytes(8)         // date
		switch tag {
		case 1:
			r.bytes(r.number())
			for range r.number() {
				r.bytes(r.short())
				r.bytes(r.number())
				if r.over {
					return nil, bad
				}
			}
		case 2:
			r.bytes(r.short())
			cert, err := x509.ParseCertificate(r.bytes(r.number()))
			if err != nil {
				return nil, bad
			}
			out = append(out, cert)
		default:
			return nil, bad
		}
		if r.over {
			return nil, bad
		}
	}
	if len(out) == 0 {
		return nil, errors.New("it has no trusted certificate")
	}
	return out, nil
}

// jksReader reads bytes; over says that there were too few.
type jksReader struct {
	b    []byte
	over bool
}

func (r *jksReader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.over, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *jksReader) number() int {
	if b := r.bytes(4); b != nil {
		return int(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *jksReader) short() int {
	if b := r.bytes(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}
