package connect

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// secretBytesMax bounds what is read of a file that a reference names.
const secretBytesMax = 64 << 10

// Secrets gives what references in options stand for: ${env:NAME} for a variable of this
// process, ${file:PATH} for what is in a file, without a line break at its end.
//
// It is asked where a connection is opened, each time one is, in the process that opens it:
// so a secret that was changed holds from the next connection on. What it gave must go
// into nothing that is stored, sent to another process of mink or shown. Messages made
// by diag show the reference in its place.
type Secrets struct {
	// Disk is what files are read from, under the same rules as those of the filesystem
	// connector; not a disk that notes for a tape what was read. nil: there are no files.
	Disk env.Disk
	// Dir is where relative paths begin; "" is the working directory.
	Dir string
	// Variable is the environment; nil: there is none.
	Variable func(name string) (string, bool)
	// Allowed says which variables statements may name; nil: all. Help says how one is allowed.
	Allowed func(name string) bool
	Help    string
}

// Resolve puts what references stand for in their places in the value of an option. What
// comes is not looked at for references again.
func (s *Secrets) Resolve(key, value string) (string, error) {
	list, bad := diag.References(value)
	if bad != "" {
		return "", badReference(key, bad)
	}
	if len(list) == 0 {
		return value, nil
	}
	var out strings.Builder
	at := 0
	for _, r := range list {
		text, err := s.get(key, r)
		if err != nil {
			return "", keyed(key, err)
		}
		diag.Hide(text, value[r.Start:r.End])
		out.WriteString(value[at:r.Start])
		out.WriteString(text)
		at = r.End
	}
	out.WriteString(value[at:])
	return out.String(), nil
}

// Part is a part of what the references of value gave, such as the password in a text of
// several settings: messages show value in its place.
func (s *Secrets) Part(value, part string) {
	if list, _ := diag.References(value); len(list) > 0 {
		diag.Hide(part, value)
	}
}

func badReference(key, bad string) *diag.Error {
	return Invalid(key, "%s", bad).WithHint("write ${env:NAME} for a variable of the environment, ${file:PATH} for what is in a file")
}

func (s *Secrets) get(key string, r diag.Reference) (string, *diag.Error) {
	if s == nil {
		return "", diag.New(diag.Permission, "option '%s' has a reference, ${%s:%s}, and here nothing is put in its place", key, r.Scheme, r.Name)
	}
	if r.Scheme == "file" {
		return s.file(key, r.Name)
	}
	if s.Allowed != nil && !s.Allowed(r.Name) {
		return "", diag.New(diag.Permission, "statements may not name the variable %s, which option '%s' refers to", r.Name, key).WithHint("%s", s.Help)
	}
	var text string
	ok := false
	if s.Variable != nil {
		text, ok = s.Variable(r.Name)
	}
	if !ok {
		e := diag.New(diag.NotFound, "the variable %s, which option '%s' refers to, is not set", r.Name, key).
			WithHint("set it in the environment of the process that opens the connection, or refer to a file: ${file:PATH}")
		e.Final = true // a process does not get another environment
		return "", e
	}
	return text, nil
}

func (s *Secrets) file(key, name string) (string, *diag.Error) {
	at := name
	if s.Dir != "" && !path.IsAbs(at) {
		at = path.Join(s.Dir, at)
	}
	failed := func(err error) *diag.Error {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err // the path is said once
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return diag.New(diag.NotFound, "there is no file '%s', which option '%s' refers to", name, key).
				WithHint("it is read in the process that opens the connection; a relative path begins in its working directory")
		case errors.Is(err, fs.ErrPermission):
			return diag.Wrap(diag.Permission, err, "the file '%s', which option '%s' refers to, cannot be read", name, key)
		}
		return diag.Wrap(diag.IO, err, "the file '%s', which option '%s' refers to, cannot be read", name, key)
	}
	if s.Disk == nil {
		return "", failed(fs.ErrPermission)
	}
	st, err := s.Disk.Stat(at)
	if err != nil {
		return "", failed(err)
	}
	if !st.Mode().IsRegular() {
		return "", failed(errors.New("it is no regular file")) // reading might never end
	}
	f, err := s.Disk.Open(at)
	if err != nil {
		return "", failed(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, secretBytesMax+1))
	if err != nil {
		return "", failed(err)
	}
	if len(text) > secretBytesMax {
		return "", diag.New(diag.LimitExceeded, "the file '%s', which option '%s' refers to, has more than 64 KB", name, key)
	}
	out := strings.TrimSuffix(string(text), "\n")
	return strings.TrimSuffix(out, "\r"), nil
}
