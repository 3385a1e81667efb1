package probe

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/minkstream/mink/engine/diag"
)

// profile is one of Go's, as far as it is of use here. Its form on disk is that of pprof
// (profile.proto in github.com/google/pprof).
type profile struct {
	kinds   [][2]string // of the values of each sample, with their units
	samples []sample
}

// sample is a stack, innermost first, and how much there was of it.
type sample struct {
	stack  []frame
	values []int64
	labels map[string]string
}

// frame is a place in the program.
type frame struct {
	fn, file string
	line     int64
}

// String is a frame as people see it: the function, by the end of its package's path, and
// the line.
func (f frame) String() string {
	name := f.fn
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	if f.line == 0 {
		return name
	}
	return name + ":" + strconv.FormatInt(f.line, 10)
}

var errProfile = diag.New(diag.Internal, "a profile cannot be read")

// fields calls visit for each field of a message.
func fields(b []byte, visit func(num protowire.Number, n uint64, text []byte) error) error {
	for len(b) > 0 {
		num, kind, k := protowire.ConsumeTag(b)
		if k < 0 {
			return errProfile
		}
		b = b[k:]
		var n uint64
		var text []byte
		switch kind {
		case protowire.VarintType:
			n, k = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			text, k = protowire.ConsumeBytes(b)
		default:
			k = protowire.ConsumeFieldValue(num, kind, b)
		}
		if k < 0 {
			return errProfile
		}
		b = b[k:]
		if err := visit(num, n, text); err != nil {
			return err
		}
	}
	return nil
}

// numbers appends those of a repeated field, packed or one by one.
func numbers(dst []uint64, n uint64, packed []byte) []uint64 {
	if packed == nil {
		return append(dst, n)
	}
	for len(packed) > 0 {
		v, k := protowire.ConsumeVarint(packed)
		if k < 0 {
			return dst
		}
		dst, packed = append(dst, v), packed[k:]
	}
	return dst
}

// parse reads a profile, packed with gzip.
func parse(packed []byte) (*profile, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errProfile
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, errProfile
	}
	var texts []string
	type rawSample struct{ locations, values, labels []uint64 }
	type fn struct{ name, file uint64 }
	type line struct{ fn, line uint64 }
	var raw []rawSample
	var kinds [][2]uint64
	locations, functions := map[uint64][]line{}, map[uint64]fn{}
	err = fields(b, func(num protowire.Number, _ uint64, text []byte) error {
		switch num {
		case 1:
			var k [2]uint64
			kinds = append(kinds, k)
			return fields(text, func(num protowire.Number, n uint64, _ []byte) error {
				if num == 1 || num == 2 {
					kinds[len(kinds)-1][num-1] = n
				}
				return nil
			})
		case 2:
			var s rawSample
			err := fields(text, func(num protowire.Number, n uint64, text []byte) error {
				switch num {
				case 1:
					s.locations = numbers(s.locations, n, text)
				case 2:
					s.values = numbers(s.values, n, text)
				case 3:
					var key, str uint64
					err := fields(text, func(num protowire.Number, n uint64, _ []byte) error {
						switch num {
						case 1:
							key = n
						case 2:
							str = n
						}
						return nil
					})
					s.labels = append(s.labels, key, str)
					return err
				}
				return nil
			})
			raw = append(raw, s)
			return err
		case 4:
			var id uint64
			var lines []line
			err := fields(text, func(num protowire.Number, n uint64, text []byte) error {
				switch num {
				case 1:
					id = n
				case 4:
					var l line
					err := fields(text, func(num protowire.Number, n uint64, _ []byte) error {
						switch num {
						case 1:
							l.fn = n
						case 2:
							l.line = n
						}
						return nil
					})
					lines = append(lines, l)
					return err
				}
				return nil
			})
			locations[id] = lines
			return err
		case 5:
			var id uint64
			var f fn
			err := fields(text, func(num protowire.Number, n uint64, _ []byte) error {
				switch num {
				case 1:
					id = n
				case 2:
					f.name = n
				case 4:
					f.file = n
				}
				return nil
			})
			functions[id] = f
			return err
		case 6:
			texts = append(texts, string(text))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	text := func(n uint64) string {
		if n >= uint64(len(texts)) {
			return ""
		}
		return texts[n]
	}
	p := &profile{}
	for _, k := range kinds {
		p.kinds = append(p.kinds, [2]string{text(k[0]), text(k[1])})
	}
	for _, s := range raw {
		out := sample{}
		for _, v := range s.values {
			out.values = append(out.values, int64(v))
		}
		for _, at := range s.locations {
			for _, l := range locations[at] { // inlined calls are lines of one location
				f := functions[l.fn]
				out.stack = append(out.stack, frame{text(f.name), text(f.file), int64(l.line)})
			}
		}
		for i := 0; i+1 < len(s.labels); i += 2 {
			if out.labels == nil {
				out.labels = map[string]string{}
			}
			out.labels[text(s.labels[i])] = text(s.labels[i+1])
		}
		p.samples = append(p.samples, out)
	}
	return p, nil
}

// key names a stack with its labels.
func (s *sample) key() string {
	var b strings.Builder
	for _, f := range s.stack {
		b.WriteString(f.fn + "\x00" + f.file + "\x00" + strconv.FormatInt(f.line, 10) + "\x01")
	}
	for _, k := range sortedKeys(s.labels) {
		b.WriteString(k + "\x00" + s.labels[k] + "\x02")
	}
	return b.String()
}

func sortedKeys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// add adds sign times the samples of another profile of the same kinds.
func (p *profile) add(o *profile, sign int64) {
	at := map[string]int{}
	for i := range p.samples {
		at[p.samples[i].key()] = i
	}
	if p.kinds == nil {
		p.kinds = o.kinds
	}
	for i := range o.samples {
		s := &o.samples[i]
		k := s.key()
		j, ok := at[k]
		if !ok {
			j = len(p.samples)
			at[k] = j
			p.samples = append(p.samples, sample{stack: s.stack, labels: s.labels, values: make([]int64, len(s.values))})
		}
		for n, v := range s.values {
			if n < len(p.samples[j].values) {
				p.samples[j].values[n] += sign * v
			}
		}
	}
	p.samples = slices.DeleteFunc(p.samples, func(s sample) bool {
		return !slices.ContainsFunc(s.values, func(v int64) bool { return v != 0 })
	})
}

// write is the profile in its form on disk.
func (p *profile) write(began time.Time, took time.Duration) []byte {
	var b []byte
	texts, list := map[string]uint64{"": 0}, []string{""}
	text := func(s string) uint64 {
		n, ok := texts[s]
		if !ok {
			n = uint64(len(list))
			texts[s], list = n, append(list, s)
		}
		return n
	}
	num := func(b []byte, field protowire.Number, n uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
	}
	message := func(b []byte, field protowire.Number, m []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
	}
	for _, k := range p.kinds {
		b = message(b, 1, num(num(nil, 1, text(k[0])), 2, text(k[1])))
	}
	places := map[frame]uint64{}
	var order []frame
	for i := range p.samples {
		s := &p.samples[i]
		var m, ids, values []byte
		for _, f := range s.stack {
			id, ok := places[f]
			if !ok {
				order = append(order, f)
				id = uint64(len(order))
				places[f] = id
			}
			ids = protowire.AppendVarint(ids, id)
		}
		for _, v := range s.values {
			values = protowire.AppendVarint(values, uint64(v))
		}
		m = message(message(m, 1, ids), 2, values)
		for _, k := range sortedKeys(s.labels) {
			m = message(m, 3, num(num(nil, 1, text(k)), 2, text(s.labels[k])))
		}
		b = message(b, 2, m)
	}
	for i, f := range order {
		id := uint64(i + 1)
		b = message(b, 4, message(num(nil, 1, id), 4, num(num(nil, 1, id), 2, uint64(f.line))))
		b = message(b, 5, num(num(num(nil, 1, id), 2, text(f.fn)), 4, text(f.file)))
	}
	b = num(b, 9, uint64(began.UnixNano()))
	b = num(b, 10, uint64(took.Nanoseconds()))
	for _, s := range list { // last: all texts are known by now
		b = message(b, 6, []byte(s))
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // into memory
	_ = z.Close()
	return out.Bytes()
}
