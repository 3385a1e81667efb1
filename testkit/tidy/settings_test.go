package tidy

import (
	"bytes"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/catalog"
)

// TestSettingsAreRead: a setting that is said to have an effect is read somewhere, by
// its whole name or by a name that it begins with.
func TestSettingsAreRead(t *testing.T) {
	files, err := Files("../..")
	if err != nil {
		t.Fatal(err)
	}
	var code bytes.Buffer
	for _, f := range goFiles(files, true) {
		if !strings.HasPrefix(f.Path, "engine/catalog/config_") && !strings.HasPrefix(f.Path, "testkit/") && !strings.HasSuffix(f.Path, "_test.go") {
			code.Write(f.Text)
		}
	}
	for _, k := range catalog.Keys() {
		part := k.Name[:strings.LastIndexByte(k.Name, '.')]
		read := false
		for _, name := range []string{`"` + k.Name + `"`, `"` + part + `"`, `"` + part + `."`} {
			read = read || strings.Contains(name[:len(name)-2], ".") && bytes.Contains(code.Bytes(), []byte(name))
		}
		if why := catalog.Idle(k.Name); !read && why == "" {
			t.Errorf("%s is read nowhere: give the reason in engine/catalog/config_idle.go", k.Name)
		}
	}
}
