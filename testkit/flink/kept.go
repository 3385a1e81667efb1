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
	"sync"
)

// kept are answers of earlier runs, beside the jars in the user's cache: a section that
// has not changed need not run again. A line is a key and an answer; the key is a hash
// of all that Flink was given. An error holds as long as the Java side is the same, since
// it may be one of what that lacks. After a change there that gives other answers to
// what has answers change generation.
type kept struct {
	file    *os.File
	answers map[string]*Answer
}

type keptLine struct {
	Key    string  `json:"key"`
	Answer *Answer `json:"answer"`
	// Java is a hash of the Java side that gave an error.
	Java string `json:"java,omitempty"`
}

const generation = ""

// javaHash tells versions of the Java side apart.
var javaHash = sync.OnceValue(func() string {
	h := sha256.New()
	err := fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := sources.ReadFile(path)
		h.Write(text)
		return err
	})
	if err != nil { // they are built in
		panic(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
})

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
		err := json.Unmarshal(lines.Bytes(), &l) // the last line may be cut
		if err == nil && l.Answer != nil && !l.Answer.slow() && (l.Answer.Error == "" || l.Java == javaHash()) {
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
	h := sha256.Sum256(append(text, generation...))
	return fmt.Sprintf("%x", h[:16]), nil
}

// add keeps an answer, but for those of a machine that was too slow.
func (k *kept) add(key string, a *Answer) error {
	if a.Late {
		return nil
	}
	k.answers[key] = a
	l := keptLine{Key: key, Answer: a}
	if a.Error != "" {
		l.Java = javaHash()
	}
	line, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = k.file.Write(append(line, '\n'))
	return err
}

func (k *kept) close() error { return k.file.Close() }
