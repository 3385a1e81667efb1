// Command release makes what lies beside a binary of mink, so that others can tell what is
// in it and that it was made of this source:
//
//	release sbom FILE           the parts of a binary, as CycloneDX 1.6 in JSON
//	release sums FILE...        hashes, as sha256sum reads them
//	release sign KEY SUMS       a signature of the hashes, SUMS.sig, as ssh-keygen -Y sign makes it
//	release verify SIGNERS SUMS whether one of SIGNERS signed, and the files have their hashes
//	release twice [-version V]  builds twice, in other folders and without what was built
//	                            before, and compares the bytes
//
// The parts are read from the binary itself, where the linker has noted them: what is listed
// is what is in it, with the hashes that go.sum has.
package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch cmd, rest := args[0], args[1:]; {
	case cmd == "sbom" && len(rest) == 1:
		return sbom(rest[0], out)
	case cmd == "sums" && len(rest) > 0:
		return sums(rest, out)
	case cmd == "sign" && len(rest) == 2:
		return sign(rest[0], rest[1])
	case cmd == "verify" && len(rest) == 2:
		return verify(rest[0], rest[1], out)
	case cmd == "twice":
		f := flag.NewFlagSet("twice", flag.ContinueOnError)
		version := f.String("version", "dev", "version in the binary")
		if err := f.Parse(rest); err != nil {
			return err
		}
		hash, err := twice(".", *version)
		if err == nil {
			fmt.Fprintln(out, hash, " twice")
		}
		return err
	}
	return errors.New(usage)
}

const usage = "usage: release sbom FILE | sums FILE... | sign KEY SUMS | verify SIGNERS SUMS | twice [-version V]"

// document is a bill of materials (https://cyclonedx.org/docs/1.6/json/).
type document struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	URL        string     `json:"purl"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

// sbom writes the parts of a binary. The same binary gives the same bytes.
func sbom(file string, out io.Writer) error {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s tells nothing of its parts: %w", file, err)
	}
	sum, err := sumOf(file)
	if err != nil {
		return err
	}
	d := document{Format: "CycloneDX", Spec: "1.6", Version: 1}
	u, _ := hex.DecodeString(sum[:32])
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80 // a UUID of one's own making (RFC 9562, version 8)
	d.Serial = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
	part := func(kind, path, version string) component {
		url := "pkg:golang/" + path + "@" + version
		return component{Type: kind, Ref: url, Name: path, Version: version, URL: url}
	}
	d.Metadata.Component = part("application", info.Main.Path, strings.Trim(info.Main.Version, "()"))
	d.Metadata.Component.Hashes = []hash{{"SHA-256", sum}}
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" || s.Key == "CGO_ENABLED" {
			d.Metadata.Component.Properties = append(d.Metadata.Component.Properties, property{"go:" + s.Key, s.Value})
		}
	}
	d.Components = append(d.Components, part("library", "std", strings.TrimPrefix(info.GoVersion, "go")))
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := part("library", m.Path, m.Version)
		c.Properties = []property{{"go:h1", m.Sum}}
		d.Components = append(d.Components, c)
	}
	root := dependency{Ref: d.Metadata.Component.Ref}
	for _, c := range d.Components {
		root.On = append(root.On, c.Ref)
	}
	d.Dependencies = []dependency{root}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(d)
}

func sums(files []string, out io.Writer) error {
	for _, f := range files {
		sum, err := sumOf(f)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s  %s\n", sum, filepath.Base(f))
	}
	return nil
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// twice builds the tree at root in two folders, each with an empty cache, and gives the hash
// that both binaries have.
func twice(root, version string) (string, error) {
	list, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return "", fmt.Errorf("cannot list the files of the tree: %w", err)
	}
	files := slices.DeleteFunc(strings.Split(string(list), "\x00"), func(f string) bool { return f == "" })
	tmp, err := os.MkdirTemp("", "mink-twice-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	var got [2]string
	for i, name := range []string{"one", "another/folder"} {
		dir := filepath.Join(tmp, filepath.FromSlash(name))
		if err := copyTree(root, dir, files); err != nil {
			return "", err
		}
		bin := filepath.Join(dir, "mink-built")
		c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X github.com/minkstream/mink/cli.version="+version, "-o", bin, ".")
		c.Dir = dir
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOCACHE="+filepath.Join(tmp, "cache"+fmt.Sprint(i)))
		if said, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("the build fails: %w\n%s", err, bytes.TrimSpace(said))
		}
		if got[i], err = sumOf(bin); err != nil {
			return "", err
		}
	}
	if got[0] != got[1] {
		return "", fmt.Errorf("two builds of one tree differ: %s and %s", got[0], got[1])
	}
	return got[0], nil
}

func copyTree(from, to string, files []string) error {
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(from, f))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not committed yet
		}
		if err != nil {
			return err
		}
		at := filepath.Join(to, f)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(at, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
