package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Signatures are OpenSSH's (PROTOCOL.sshsig), since ssh-keygen, which checks them, is on
// most machines:
//
//	ssh-keygen -Y verify -f allowed_signers -I mink -n mink-release -s SHA256SUMS.sig < SHA256SUMS
const (
	sigMagic  = "SSHSIG"
	sigHash   = "sha512"
	sigBlock  = "SSH SIGNATURE"
	namespace = "mink-release" // a signature for another end does not count
)

// envelope follows the magic in a signature.
type envelope struct {
	Version   uint32
	Key       []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// signed is what follows the magic in what is signed.
type signed struct {
	Namespace string
	Reserved  string
	Hash      string
	Sum       []byte
}

func toSign(message []byte) []byte {
	sum := sha512.Sum512(message)
	return append([]byte(sigMagic), ssh.Marshal(signed{Namespace: namespace, Hash: sigHash, Sum: sum[:]})...)
}

// sign writes file.sig with the private key in keyFile, one of ed25519.
func sign(keyFile, file string) error {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return fmt.Errorf("%s is no private key of OpenSSH: %w", keyFile, err)
	}
	if key.PublicKey().Type() != ssh.KeyAlgoED25519 {
		return fmt.Errorf("%s is a key of %s; make one with ssh-keygen -t ed25519", keyFile, key.PublicKey().Type())
	}
	message, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	s, err := key.Sign(rand.Reader, toSign(message))
	if err != nil {
		return err
	}
	blob := append([]byte(sigMagic), ssh.Marshal(envelope{
		Version: 1, Key: key.PublicKey().Marshal(), Namespace: namespace, Hash: sigHash, Signature: ssh.Marshal(s),
	})...)
	return os.WriteFile(file+".sig", pem.EncodeToMemory(&pem.Block{Type: sigBlock, Bytes: blob}), 0o644)
}

// verify checks that file was signed by one of the keys in signers, which has lines as those
// that ssh-keygen reads: NAME KEY. Then each file that it lists has to have its sum.
func verify(signersFile, file string, out io.Writer) error {
	message, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	by, err := signer(signersFile, file+".sig", message)
	if err != nil {
		return err
	}
	n := 0
	lines := bufio.NewScanner(bytes.NewReader(message))
	for lines.Scan() {
		want, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || name != filepath.Base(name) {
			return fmt.Errorf("%s has a line that is no sum: %q", file, lines.Text())
		}
		got, err := sumOf(filepath.Join(filepath.Dir(file), name))
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s is not what was released: its sum is %s, and %s has %s", name, got, filepath.Base(file), want)
		}
		n++
	}
	if n == 0 {
		return fmt.Errorf("%s lists no file", file)
	}
	fmt.Fprintf(out, "%d files, signed by %s\n", n, by)
	return lines.Err()
}

// signer is the name of whose key made a signature of message.
func signer(signersFile, sigFile string, message []byte) (string, error) {
	text, err := os.ReadFile(sigFile)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != sigBlock {
		return "", fmt.Errorf("%s is no signature of OpenSSH", sigFile)
	}
	var e envelope
	var s ssh.Signature
	blob, ok := bytes.CutPrefix(block.Bytes, []byte(sigMagic))
	if !ok || ssh.Unmarshal(blob, &e) != nil || ssh.Unmarshal(e.Signature, &s) != nil || e.Version != 1 || e.Hash != sigHash {
		return "", fmt.Errorf("%s is no signature of this kind", sigFile)
	}
	if e.Namespace != namespace {
		return "", fmt.Errorf("%s was made for %q, not for %q", sigFile, e.Namespace, namespace)
	}
	list, err := os.ReadFile(signersFile)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(list)) {
		w := strings.Fields(line)
		if len(w) < 3 || strings.HasPrefix(w[0], "#") || w[1] != ssh.KeyAlgoED25519 {
			continue // one with options, or of another kind
		}
		raw, err := base64.StdEncoding.DecodeString(w[2])
		if err != nil || !bytes.Equal(raw, e.Key) {
			continue
		}
		key, err := ssh.ParsePublicKey(raw)
		if err != nil {
			continue
		}
		if err := key.Verify(toSign(message), &s); err != nil {
			return "", errors.New("the signature is of another text")
		}
		return w[0], nil
	}
	return "", fmt.Errorf("%s was made with a key that %s does not have", sigFile, signersFile)
}
