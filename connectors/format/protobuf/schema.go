package protobuf

import (
	"bytes"
	"context"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// schemaMax is the size of a .proto file or of a descriptor set in bytes.
const schemaMax = 16 << 20

// findMessage reads the schema that a table names and finds its message in it.
func findMessage(o connect.Options, t *connect.Table) (protoreflect.MessageDescriptor, error) {
	name := o.Text("message-class-name", "")
	if name == "" {
		return nil, connect.Missing("protobuf.message-class-name", "it names the message")
	}
	text, set := o.Text("schema-file", ""), o.Text("descriptor-file", "")
	var files []protoreflect.FileDescriptor
	var err error
	switch {
	case text != "" && set != "":
		return nil, connect.Invalid("protobuf.descriptor-file", "cannot be given beside 'protobuf.schema-file'")
	case text != "":
		files, err = compileFile(text, o.List("schema-path"), t)
	case set != "":
		files, err = readSet(set, t)
	default:
		return nil, connect.Missing("protobuf.schema-file", "mink reads the .proto file that the Java class was made of; or give 'protobuf.descriptor-file'")
	}
	if err != nil {
		return nil, err
	}
	want := strings.ReplaceAll(name, "$", ".")
	var names []string
	for _, f := range files {
		var found protoreflect.MessageDescriptor
		eachMessage(f.Messages(), func(m protoreflect.MessageDescriptor) {
			java := javaName(f, m)
			names = append(names, java)
			if strings.ReplaceAll(java, "$", ".") == want || string(m.FullName()) == want {
				found = m
			}
		})
		if found != nil {
			return found, nil
		}
	}
	e := connect.Invalid("protobuf.message-class-name", "names no message of the schema: '%s'", name)
	if len(names) > 0 {
		e = e.WithHint("its messages are " + strings.Join(names[:min(len(names), 10)], ", "))
	}
	return nil, e
}

func eachMessage(list protoreflect.MessageDescriptors, f func(protoreflect.MessageDescriptor)) {
	for i := range list.Len() {
		if m := list.Get(i); !m.IsMapEntry() {
			f(m)
			eachMessage(m.Messages(), f)
		}
	}
}

// javaName is the name of the class that protoc makes of a message.
func javaName(f protoreflect.FileDescriptor, m protoreflect.MessageDescriptor) string {
	o, _ := f.Options().(*descriptorpb.FileOptions)
	name := strings.TrimPrefix(string(m.FullName()), string(f.Package())+".")
	name = strings.ReplaceAll(name, ".", "$")
	if !o.GetJavaMultipleFiles() {
		name = outerClass(f, o) + "$" + name
	}
	space := string(f.Package())
	if o != nil && o.JavaPackage != nil {
		space = o.GetJavaPackage()
	}
	if space == "" {
		return name
	}
	return space + "." + name
}

// outerClass is the class around the messages of a file: its name in camel case, with
// OuterClass behind it where a message, an enum or a service has that name.
func outerClass(f protoreflect.FileDescriptor, o *descriptorpb.FileOptions) string {
	if o != nil && o.JavaOuterClassname != nil {
		return o.GetJavaOuterClassname()
	}
	var b strings.Builder
	up := true
	for _, c := range strings.TrimSuffix(path.Base(f.Path()), ".proto") {
		switch {
		case c >= 'a' && c <= 'z' && up:
			b.WriteRune(c - 'a' + 'A')
			up = false
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			b.WriteRune(c)
			up = false
		case c >= '0' && c <= '9':
			b.WriteRune(c)
			up = true
		default:
			up = true
		}
	}
	taken := false
	eachMessage(f.Messages(), func(m protoreflect.MessageDescriptor) {
		taken = taken || string(m.Name()) == b.String() || m.Enums().ByName(protoreflect.Name(b.String())) != nil
	})
	name := protoreflect.Name(b.String())
	if taken || f.Enums().ByName(name) != nil || f.Services().ByName(name) != nil {
		return b.String() + "OuterClass"
	}
	return b.String()
}

func readFile(t *connect.Table, name string) ([]byte, error) {
	if t.Deps.Dir != "" && !filepath.IsAbs(name) {
		name = filepath.Join(t.Deps.Dir, name)
	}
	f, err := t.Deps.Env.Disk.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, schemaMax+1))
	if err == nil && len(text) > schemaMax {
		err = diag.New(diag.LimitExceeded, "a schema may have 16 MB")
	}
	return text, err
}

// compileFile reads a .proto file and what it imports.
func compileFile(name string, dirs []string, t *connect.Table) ([]protoreflect.FileDescriptor, error) {
	if len(dirs) == 0 {
		dirs = []string{filepath.Dir(name)}
	}
	// Imports name files as seen from a directory, so the file itself goes by that name too.
	inside := ""
	for _, dir := range dirs {
		rel, err := filepath.Rel(dir, name)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			inside = filepath.ToSlash(rel)
			break
		}
	}
	if inside == "" {
		return nil, connect.Invalid("protobuf.schema-file", "must be in a directory of 'protobuf.schema-path'")
	}
	c := protocompile.Compiler{MaxParallelism: 1, Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		ImportPaths: dirs,
		Accessor: func(file string) (io.ReadCloser, error) {
			text, err := readFile(t, file)
			if err != nil {
				return nil, err
			}
			return io.NopCloser(bytes.NewReader(text)), nil
		},
	})}
	files, err := c.Compile(context.Background(), inside)
	if err != nil {
		return nil, diag.Wrap(diag.InvalidOption, err, "'protobuf.schema-file' = '%s' cannot be read", name)
	}
	return []protoreflect.FileDescriptor{files[0]}, nil
}

// readSet reads a descriptor set.
func readSet(name string, t *connect.Table) ([]protoreflect.FileDescriptor, error) {
	bad := func(err error) error {
		return diag.Wrap(diag.InvalidOption, err, "'protobuf.descriptor-file' = '%s' cannot be read", name)
	}
	data, err := readFile(t, name)
	if err != nil {
		return nil, bad(err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(data, &set); err != nil {
		return nil, bad(err)
	}
	reg, err := protodesc.NewFiles(&set)
	if err != nil {
		e := diag.As(bad(err))
		return nil, e.WithHint("make it with `protoc --include_imports --descriptor_set_out=FILE`")
	}
	var files []protoreflect.FileDescriptor
	reg.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		files = append(files, f)
		return true
	})
	slices.SortFunc(files, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
	return files, nil
}
