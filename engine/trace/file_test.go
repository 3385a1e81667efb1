package trace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/ipc"
	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
)

// Steps survive the Arrow form.
func TestArrowRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawSteps(t)
		data, err := EncodeArrow(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeArrow(data)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d steps, want %d", len(got), len(want))
		}
		for i := range want {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("step %d: %+v, want %+v", i, got[i], want[i])
			}
		}
	})
}

var inputSchema = types.Schema{
	{Name: "a", Type: types.BigIntT}, {Name: "unread", Type: types.StringT}, {Name: "__op", Type: types.StringT},
	{Name: "r", Type: types.RowT(types.Field{Name: "x", Type: types.IntT}, types.Field{Name: "y", Type: types.StringT},
		types.Field{Name: "z", Type: types.RowT(types.Field{Name: "u", Type: types.IntT}, types.Field{Name: "v", Type: types.DoubleT})})},
}

// polls are batches as a reader gives them that leaves out column 1, field y and field
// v of field z.
func polls() []*batch.Batch {
	var out []*batch.Batch
	for p := range 3 {
		b := &batch.Batch{N: 4, Cols: make([]batch.Col, 4)}
		a, op, x, u := batch.NewBuilder(types.BigIntT), batch.NewBuilder(types.StringT), batch.NewBuilder(types.IntT), batch.NewBuilder(types.IntT)
		for i := range 4 {
			a.AppendInt(int64(10*p + i))
			op.AppendBytes([]byte(fmt.Sprint("a text of some length ", i)))
			x.AppendInt(int64(i))
			if i == 2 {
				u.AppendNull()
			} else {
				u.AppendInt(int64(-i))
			}
		}
		b.Cols[0], b.Cols[2] = a.Finish(), op.Finish()
		z := batch.Col{Type: inputSchema[3].Type.Fields[2].Type, Kids: []batch.Col{u.Finish(), {}}}
		b.Cols[3] = batch.Col{Type: inputSchema[3].Type, Kids: []batch.Col{x.Finish(), {}, z}}
		if p == 1 {
			b.AllocKinds()[3] = batch.Delete
			b.Sel = []uint16{0, 3}
		}
		out = append(out, b)
	}
	return out
}

func record3(t *testing.T) (*env.MemDisk, []Step) {
	t.Helper()
	disk := env.NewMemDisk()
	f, err := Create(disk, "x.part", Manifest{Script: "job.sql"})
	if err != nil {
		t.Fatal(err)
	}
	steps := []Step{{N: 1, Pick: 2, Poll: &Poll{Rows: 4}}, {N: 2, Pick: 2, Failed: true, Error: "it broke"}}
	var l Log
	for i := range steps {
		l.Add(&steps[i])
		if err := f.Steps(0, 1, 7, 0, l.Take()); err != nil {
			t.Fatal(err)
		}
	}
	var framer Framer
	for _, b := range polls() {
		if err := f.Rows(0, 1, 7, 0, inputSchema, framer.Append(nil, b)); err != nil {
			t.Fatal(err)
		}
	}
	f.Output("", 5)
	f.Output("", 5)
	f.Output("job/sink/1", 2)
	if err := f.Edit(func(m *Manifest) { m.Jobs = []Job{{ID: "j"}} }); err != nil {
		t.Fatal(err)
	}
	open, err := Open(disk, "x.part") // as it is when the process dies here
	if err != nil {
		t.Fatal(err)
	}
	check3(t, open, steps)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return disk, steps
}

// check3 looks at what record3 has recorded.
func check3(t *testing.T, f *File, steps []Step) {
	t.Helper()
	if f.Manifest.Script != "job.sql" || len(f.Manifest.Jobs) != 1 {
		t.Errorf("the manifest is %+v", f.Manifest)
	}
	got, err := f.Steps(0, 1, 7)
	if err != nil || !reflect.DeepEqual(got, steps) {
		t.Errorf("steps %+v, %v", got, err)
	}
	r, err := f.Rows(0, 1, 7, inputSchema)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range polls() {
		var b batch.Batch
		if err := r.Next(&b); err != nil {
			t.Fatal(err)
		}
		if b.ChainDigest(0) != want.ChainDigest(0) {
			t.Error("a poll is another one")
		}
		if b.Cols[1].Type.Kind != types.Invalid || b.Cols[3].Kids[1].Type.Kind != types.Invalid || b.Cols[3].Kids[2].Kids[1].Type.Kind != types.Invalid {
			t.Error("what was not read is there")
		}
	}
	if err := r.Next(&batch.Batch{}); err != io.EOF {
		t.Errorf("after the last poll comes %v", err)
	}
}

// A tape is read back while it is recorded, from its folder and from the zip file.
func TestFolder(t *testing.T) {
	disk, steps := record3(t)
	for _, packed := range []bool{false, true} {
		name := "x.part"
		if packed {
			if err := Pack(disk, name, "x.mtape"); err != nil {
				t.Fatal(err)
			}
			if n := disk.Files(); n != 1 {
				t.Errorf("%d files are left", n)
			}
			name = "x.mtape"
		}
		f, err := Open(disk, name)
		if err != nil {
			t.Fatal(err)
		}
		check3(t, f, steps)
		if out, err := f.Output(); err != nil || !reflect.DeepEqual(out, []Piece{{"", 10}, {"job/sink/1", 2}}) {
			t.Errorf("output %v, %v", out, err)
		}
		if !f.Manifest.Closed {
			t.Error("the manifest does not say that the tape is whole")
		}
	}
	// Any Arrow reader reads a part.
	f, err := Open(disk, "x.mtape")
	if err != nil {
		t.Fatal(err)
	}
	data, err := f.part("inputs/0-1-7.arrow")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ipc.NewFileReader(bytes.NewReader(data))
	if err != nil || r.NumRecords() != 3 || r.Schema().Field(0).Name != "__op_" || r.Schema().Field(2).Name != "__op" {
		t.Errorf("%v, %v", r.Schema(), err)
	}
}

// What is no tape, or a damaged one, is an error that says so.
func TestNoTape(t *testing.T) {
	disk, _ := record3(t)
	if err := Pack(disk, "x.part", "x.mtape"); err != nil {
		t.Fatal(err)
	}
	good, err := readFile(disk, "x.mtape")
	if err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string][]byte{"text": []byte("SELECT 1"), "empty": {}, "half": good[:len(good)/2]} {
		if err := writeFile(disk, path.Join(what, "t.mtape"), data); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(disk, path.Join(what, "t.mtape")); diag.CodeOf(err) != diag.InvalidTape {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Open(disk, "none.mtape"); diag.CodeOf(err) != diag.IO {
		t.Errorf("no file: %v", err)
	}
	disk, _ = record3(t)
	manifest, err := readFile(disk, "x.part/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	for format, says := range map[int]string{1: "has format 1, of an older mink", 9: "has format 9, of a newer mink"} {
		other := bytes.Replace(manifest, fmt.Appendf(nil, `"format": %d`, FormatNow), fmt.Appendf(nil, `"format": %d`, format), 1)
		if err := writeFile(disk, "x.part/manifest.json", other); err != nil {
			t.Fatal(err)
		}
		_, err := Open(disk, "x.part")
		if diag.CodeOf(err) != diag.InvalidTape || !strings.Contains(err.Error(), says) {
			t.Errorf("format %d: %v", format, err)
		}
	}
}

// Whatever byte of a tape is another one, it is the tape that it was or an error that says
// so, and never a crash: damaged lengths are not believed.
func TestDamagedTape(t *testing.T) {
	disk, steps := record3(t)
	if err := Pack(disk, "x.part", "x.mtape"); err != nil {
		t.Fatal(err)
	}
	data, err := readFile(disk, "x.mtape")
	if err != nil {
		t.Fatal(err)
	}
	read := func() error {
		f, err := Open(disk, "x.mtape")
		if err != nil {
			return err
		}
		defer f.Close()
		if got, err := f.Steps(0, 1, 7); err != nil || !reflect.DeepEqual(got, steps) {
			return errors.Join(err, diag.New(diag.InvalidTape, "other steps"))
		}
		if _, err := f.Output(); err != nil {
			return err
		}
		r, err := f.Rows(0, 1, 7, inputSchema)
		for err == nil {
			err = r.Next(&batch.Batch{})
		}
		if err == io.EOF {
			return nil
		}
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for at := 0; at < len(data); at += 11 {
		bad := bytes.Clone(data)
		bad[at] ^= byte(1 + at%255)
		if err := writeFile(disk, "x.mtape", bad); err != nil {
			t.Fatal(err)
		}
		if err := read(); err != nil {
			if failed++; diag.CodeOf(err) != diag.InvalidTape {
				t.Fatalf("byte %d: %v", at, err)
			}
		}
	}
	if failed < len(data)/11/2 {
		t.Errorf("of %d bytes %d were told", len(data), failed)
	}
}

// Rows of a recording that broke off, in the form of another mink, are refused, and the build
// that reads them is named.
func TestOldFrames(t *testing.T) {
	disk, _ := record3(t)
	if err := disk.Remove("x.part/inputs/0-1-7.arrow"); err != nil {
		t.Fatal(err)
	}
	for _, magic := range []string{"MINKROWS", "MINKROW2"} {
		if err := writeFile(disk, "x.part/inputs/0-1-7-0.rows", []byte(magic+"\x05\x00\x00\x00\x00\x01\x00\x00\x00")); err != nil {
			t.Fatal(err)
		}
		f, err := Open(disk, "x.part")
		if err != nil {
			t.Fatal(err)
		}
		f.Manifest.Build = "mink of old"
		_, err = f.Rows(0, 1, 7, inputSchema)
		e := diag.As(err)
		if e == nil || e.Code != diag.InvalidTape || !strings.Contains(e.Msg, "another mink") || !strings.Contains(e.Hint, "mink of old") {
			t.Errorf("rows of %s: %v", magic, err)
		}
	}
}
