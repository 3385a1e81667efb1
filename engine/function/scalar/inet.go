package scalar

import (
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var inetAton = function.Func{
	Name: "INET_ATON", Category: function.Text,
	Summary:    "The number of an IPv4 address; short forms as in MySQL; NULL if it is none.",
	Signatures: []string{"INET_ATON(string)"},
	Examples: []function.Example{
		{SQL: "INET_ATON('127.0.0.1')", Want: "2130706433"}, {SQL: "INET_ATON('127.1')", Want: "2130706433"}, {SQL: "INET_ATON('256.0.0.1')", Want: "NULL"}, {SQL: "INET_ATON('a.b')", Want: "NULL"},
	},
	Infer: spec{params: []class{text}, result: types.BigIntT, nullable: true, cost: 20, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		s := kernel.StrsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			v, ok := parseIPv4(s.At(i))
			if !ok {
				dst.SetNull(i, n)
			}
			dst.I64[i] = v
		}
		return nil
	}}.infer,
}

// parseIPv4 reads one to four octets; those left out stand before the last.
func parseIPv4(s []byte) (int64, bool) {
	total, octet, octets, digits := int64(0), int64(0), 0, 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '.' {
			if digits == 0 || octets == 4 {
				return 0, false
			}
			octets++
			if i == len(s) {
				return total<<(8*(5-octets)) + octet, true
			}
			total, octet, digits = total<<8+octet, 0, 0
			continue
		}
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		digits++
		if octet = octet*10 + int64(s[i]-'0'); octet > 255 {
			return 0, false
		}
	}
	return 0, false
}

var inetNtoa = function.Func{
	Name: "INET_NTOA", Category: function.Text,
	Summary:    "The IPv4 address of a number; NULL if it is none.",
	Signatures: []string{"INET_NTOA(integer)"},
	Examples:   []function.Example{{SQL: "INET_NTOA(2130706433)", Want: "127.0.0.1"}, {SQL: "INET_NTOA(4294967296)", Want: "NULL"}, {SQL: "INET_NTOA(-1)", Want: "NULL"}},
	Infer: spec{params: []class{integer}, result: types.StringT, nullable: true, cost: 20, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := f.Strings(dst)
		v := intsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			x := v.at(i)
			if x < 0 || x > 1<<32-1 {
				setNull(dst, i, n)
				continue
			}
			for shift := 24; shift >= 0; shift -= 8 {
				w.Buf = strconv.AppendInt(w.Buf, x>>shift&255, 10)
				if shift > 0 {
					w.Buf = append(w.Buf, '.')
				}
			}
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}}.infer,
}
