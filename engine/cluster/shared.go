package cluster

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"path/filepath"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// Nodes write their parts of a checkpoint into a folder that the coordinator's process and
// all others read. A node of another machine may not have it, or have another one of that
// name, and would lose a checkpoint's rows without anybody seeing it. So the coordinator
// makes a file with a text that nobody can know, and the node reads it and makes another one
// beside it with the same text.

// look asks for files: one in each shared folder.
type look struct {
	text  string
	files []string
}

func encodeLook(l look) []byte {
	b := appendText([]byte{msgLook}, l.text)
	b = appendText(b, strings.Join(l.files, "\x00"))
	return b
}

func decodeLook(b []byte) (look, bool) {
	r := reader{b: b}
	if r.byte() != msgLook {
		return look{}, false
	}
	l := look{text: r.text()}
	if all := r.text(); all != "" {
		l.files = strings.Split(all, "\x00")
	}
	return l, !r.bad
}

// sees fails unless a node reads and writes the shared folders.
func (c *Coordinator) sees(s stream, name string) error {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	l := look{text: hex.EncodeToString(b[:])}
	disk := c.opt.Env.Disk
	for _, dir := range c.opt.Shared {
		f := filepath.ToSlash(filepath.Join(dir, ".look-"+l.text[:8]+"-"+name))
		l.files = append(l.files, f)
		defer func() {
			_ = disk.Remove(f)           // it may never have been made
			_ = disk.Remove(f + ".seen") // likewise
		}()
		if err := disk.MkdirAll(dir); err != nil {
			return diag.Wrap(diag.IO, err, "cannot make the folder of checkpoints")
		}
		if err := put(disk, f, l.text); err != nil {
			return diag.Wrap(diag.IO, err, "the coordinator cannot write into the folder of checkpoints")
		}
	}
	if err := s.send(encodeLook(l)); err != nil {
		return err
	}
	m, err := s.recv()
	if err != nil {
		return err
	}
	r := reader{b: m}
	if r.byte() != msgSeen {
		return diag.New(diag.Internal, "the node's message is damaged")
	}
	if why := r.text(); why != "" || r.bad {
		return diag.New(diag.Config, "%s", why)
	}
	for i, f := range l.files {
		text, err := get(disk, f+".seen")
		if err != nil || text != l.text {
			return notShared(name, c.opt.Shared[i], "what it writes there is not seen by the coordinator")
		}
	}
	return nil
}

// see is the node's part.
func (n *node) see(l look) error {
	disk := n.opt.Env.Disk
	for _, f := range l.files {
		dir := filepath.Dir(f)
		text, err := get(disk, f)
		if err != nil {
			return notShared(n.opt.Name, dir, err.Error())
		}
		if text != l.text {
			return notShared(n.opt.Name, dir, "what is there is not what the coordinator has")
		}
		if err := put(disk, f+".seen", l.text); err != nil {
			return notShared(n.opt.Name, dir, err.Error())
		}
	}
	return nil
}

func notShared(name, dir, why string) error {
	return diag.New(diag.Config, "%s does not share the folder %s with the coordinator: %s", name, dir, why).
		WithHint("checkpoints need a folder that all nodes have at the same path, such as a volume or a network file system")
}

func put(disk env.Disk, name, text string) error {
	f, err := disk.Create(name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func get(disk env.Disk, name string) (string, error) {
	f, err := disk.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	return string(b), err
}
