package flink

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// kept are answers of earlier runs, beside the jars in the user's cache: a section that
// has not changed need not run again. A line is a key and an answer; the key is a hash
// of all that Flink was given. After a change of Judge.java ask anew: MINK_FLINK=fresh.
type kept struct {
	file    *os.File
	answers map[string]*Answer
}

type keptLine struct {
	Key    string  `json:"key"`
	Answer *Answer `json:"answer"`
}

// openKept opens the answers; fresh forgets what is there.
func openKept(fresh bool) (*kept, error) {
	dir, err := cacheDir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "answers.jsonl")
	if fresh {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	k := &kept{answers: map[string]*Answer{}}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var l keptLine
		if json.Unmarshal(lines.Bytes(), &l) == nil && l.Answer != nil { // the last line may be cut
			k.answers[l.Key] = l.Answer
		}
	}
	k.file, err = os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return k, errors.Join(err, lines.Err())
}

// key tells requests apart, wherever they lie and in whatever folder they run.
func (j Job) key() (string, error) {
	r := j.request("${dir}")
	r.ID = ""
	text, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	h := sha256.Sum256(text)
	return fmt.Sprintf("%x", h[:16]), nil
}

// add keeps an answer, but for those of a machine that was too slow.
func (k *kept) add(key string, a *Answer) error {
	if a.Late {
		return nil
	}
	k.answers[key] = a
	line, err := json.Marshal(keptLine{key, a})
	if err != nil {
		return err
	}
	_, err = k.file.Write(append(line, '\n'))
	return err
}

func (k *kept) close() error { return k.file.Close() }
