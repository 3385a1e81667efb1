package env_test

import (
	"testing"

	"github.com/minkstream/mink/engine/env"
)

func TestJoin(t *testing.T) {
	for _, c := range []struct {
		parts []string
		want  string
		far   bool
	}{
		{[]string{"s3://bucket/a/", "b"}, "s3://bucket/a/b", true},
		{[]string{"s3:/bucket/a", "..", "b"}, "s3://bucket/b", true},
		{[]string{"s3a://bucket"}, "s3a://bucket", true},
		{[]string{"/a//b", "c"}, "/a/b/c", false},
		{[]string{"c:/a", "b"}, "c:/a/b", false},
		{[]string{"file:/a"}, "file:/a", false},
		{[]string{"a b:/c"}, "a b:/c", false},
	} {
		if got := env.Join(c.parts...); got != c.want || env.Remote(c.parts[0]) != c.far {
			t.Errorf("%v: %s (remote %v), want %s (%v)", c.parts, got, env.Remote(c.parts[0]), c.want, c.far)
		}
	}
}
