package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestSigned: sums that are signed are taken from whose key is known, as ssh-keygen takes
// them, and nothing else is: another key, another end, a sum or a file that was changed.
func TestSigned(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, text []byte) string {
		t.Helper()
		if err := os.WriteFile(path(name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path(name)
	}
	key := func(name string) (file, line string) {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			t.Fatal(err)
		}
		of, err := ssh.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return write(name, pem.EncodeToMemory(block)), string(ssh.MarshalAuthorizedKey(of))
	}
	ours, line := key("ours")
	_, otherLine := key("other")
	signers := write("signers", []byte("# who may release\nmink "+line))
	strangers := write("strangers", []byte("eve "+otherLine))
	write("mink-a", []byte("a binary"))
	write("mink-b", []byte("another"))
	var sums bytes.Buffer
	if err := run([]string{"sums", path("mink-a"), path("mink-b")}, &sums); err != nil {
		t.Fatal(err)
	}
	file := write("SHA256SUMS", sums.Bytes())
	if err := run([]string{"sign", ours, file}, nil); err != nil {
		t.Fatal(err)
	}
	check := func(signers, want string) {
		t.Helper()
		var out bytes.Buffer
		err := run([]string{"verify", signers, file}, &out)
		if err != nil {
			out.WriteString(err.Error())
		}
		if (err == nil) != (want == "2 files, signed by mink\n") || !strings.Contains(out.String(), want) {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
	check(signers, "2 files, signed by mink\n")
	check(strangers, "a key that")
	keygen, err := exec.LookPath("ssh-keygen")
	openssh := func(namespace string) string {
		c := exec.Command(keygen, "-Y", "verify", "-f", signers, "-I", "mink", "-n", namespace, "-s", file+".sig")
		c.Stdin = bytes.NewReader(sums.Bytes())
		said, _ := c.CombinedOutput()
		return string(said)
	}
	if err == nil {
		if said := openssh(namespace); !strings.Contains(said, `Good "mink-release" signature for mink`) {
			t.Errorf("ssh-keygen says %s", said)
		}
		// And the other way round, for our end and for another.
		for _, end := range []string{namespace, "file"} {
			if err := os.Remove(file + ".sig"); err != nil {
				t.Fatal(err)
			}
			if said, err := exec.Command(keygen, "-Y", "sign", "-f", ours, "-n", end, file).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			check(signers, map[string]string{namespace: "2 files, signed by mink\n", "file": `was made for "file"`}[end])
		}
	}
	for _, c := range []struct{ name, text, want string }{
		{"SHA256SUMS", strings.Replace(sums.String(), sums.String()[:1], "x", 1), "the signature is of another text"},
		{"mink-a", "a binary!", "mink-a is not what was released"},
		{"SHA256SUMS.sig", "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n", "no signature of this kind"},
		{"SHA256SUMS.sig", "none", "no signature of OpenSSH"},
	} {
		if err := run([]string{"sign", ours, file}, nil); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path(c.name))
		if err != nil {
			t.Fatal(err)
		}
		write(c.name, []byte(c.text))
		check(signers, c.want)
		write(c.name, before)
	}
	// Names that lead elsewhere are not followed, though they are signed.
	write("SHA256SUMS", []byte(strings.Replace(sums.String(), "mink-a", "../mink-a", 1)))
	if err := run([]string{"sign", ours, file}, nil); err != nil {
		t.Fatal(err)
	}
	check(signers, "no sum")
	if err := run([]string{"sign", signers, file}, nil); err == nil {
		t.Error("signed without a key")
	}
}
