package env

import (
	"path"
	"strings"
)

// Remote reports whether a name is no file of this machine but, as s3://bucket/key, one
// of a store elsewhere. A slash may have been lost in being cleaned.
func Remote(name string) bool {
	scheme, _, ok := strings.Cut(name, ":/")
	if !ok || len(scheme) < 2 || scheme == "file" {
		return false // one letter is a drive
	}
	for _, c := range scheme {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Join is path.Join for names that may be Remote, which keep their two slashes.
func Join(elem ...string) string {
	name := path.Join(elem...)
	if Remote(name) {
		scheme, rest, _ := strings.Cut(name, ":/")
		return scheme + "://" + strings.TrimLeft(rest, "/")
	}
	return name
}
