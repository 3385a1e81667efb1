package guard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// tokenBytes is the length of a token before it is written as hex digits.
const tokenBytes = 32

// NewToken draws a token of 256 bits, as 64 hex digits.
func NewToken() string {
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// Token reads the token in a file, which is made when it is not there. It fails with
// permission where others could read the file, and with config where no token is in it.
func Token(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t := NewToken()
		return t, writeSecret(path, []byte(t+"\n"))
	}
	if err != nil {
		return "", diag.Wrap(diag.IO, err, "cannot read the token")
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", diag.Wrap(diag.IO, err, "cannot read the token")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", diag.New(diag.Permission, "others may read the token in %s (mode %04o)", path, info.Mode().Perm()).
			WithHint("remove the file: another token is made")
	}
	t := strings.TrimSpace(string(text))
	if b, err := hex.DecodeString(t); err != nil || len(b) < tokenBytes {
		return "", diag.New(diag.Config, "%s holds no token of 64 hex digits", path).WithHint("remove the file: another token is made")
	}
	return t, nil
}

// writeSecret makes a file that its owner alone may read, whole or not at all.
func writeSecret(path string, text []byte) error {
	tmp := path + ".tmp"
	_ = os.Remove(tmp) // of a run that was killed, perhaps with another mode
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.Write(text)
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot write %s", path)
	}
	return nil
}

// digest makes texts of any length ones of equal length, so that comparing them tells
// nothing of how long they are or where they differ.
func digest(s string) [32]byte { return sha256.Sum256([]byte(s)) }

func equal(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
