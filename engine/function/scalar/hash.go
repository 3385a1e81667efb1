package scalar

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// hashFunc makes a function that gives a digest in lower-case hexadecimal.
func hashFunc(name string, sum func(dst, s []byte) []byte, examples ...function.Example) function.Func {
	return function.Func{
		Name: name, Category: function.Hash, Examples: examples,
		Summary:    name + " digest of the string in lower-case hexadecimal.",
		Signatures: []string{name + "(string)"},
		Infer:      spec{params: []class{textOrBin}, result: types.CharT(2 * len(sum(nil, nil))), cost: 200, eval: makeText(func(w *batch.Writer, s []byte) { appendHash(w, s, sum) })}.infer,
	}
}

func appendHash(w *batch.Writer, s []byte, sum func(dst, s []byte) []byte) {
	const digits = "0123456789abcdef"
	var buf [sha512.Size]byte
	for _, b := range sum(buf[:0], s) {
		w.Buf = append(w.Buf, digits[b>>4], digits[b&15])
	}
}

func sumMD5(dst, s []byte) []byte    { h := md5.Sum(s); return append(dst, h[:]...) }
func sumSHA1(dst, s []byte) []byte   { h := sha1.Sum(s); return append(dst, h[:]...) }
func sumSHA224(dst, s []byte) []byte { h := sha256.Sum224(s); return append(dst, h[:]...) }
func sumSHA256(dst, s []byte) []byte { h := sha256.Sum256(s); return append(dst, h[:]...) }
func sumSHA384(dst, s []byte) []byte { h := sha512.Sum384(s); return append(dst, h[:]...) }
func sumSHA512(dst, s []byte) []byte { h := sha512.Sum512(s); return append(dst, h[:]...) }

var (
	md5Hash    = hashFunc("MD5", sumMD5, function.Example{SQL: "MD5('')", Want: "d41d8cd98f00b204e9800998ecf8427e"})
	sha1Hash   = hashFunc("SHA1", sumSHA1, function.Example{SQL: "SHA1('')", Want: "da39a3ee5e6b4b0d3255bfef95601890afd80709"})
	sha224Hash = hashFunc("SHA224", sumSHA224, function.Example{SQL: "SHA224('')", Want: "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"})
	sha256Hash = hashFunc("SHA256", sumSHA256, function.Example{SQL: "SHA256('')", Want: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"})
	sha384Hash = hashFunc("SHA384", sumSHA384, function.Example{SQL: "CHAR_LENGTH(SHA384('a'))", Want: "96"})
	sha512Hash = hashFunc("SHA512", sumSHA512, function.Example{SQL: "CHAR_LENGTH(SHA512('a'))", Want: "128"})
)

var sha2Hash = function.Func{
	Name: "SHA2", Category: function.Hash,
	Summary:    "SHA-2 digest of the string with 224, 256, 384 or 512 bits in lower-case hexadecimal.",
	Signatures: []string{"SHA2(string, bits)"},
	Examples:   []function.Example{{SQL: "SHA2('', 224) = SHA224('')", Want: "TRUE"}, {SQL: "SHA2('abc', 512) = SHA512('abc')", Want: "TRUE"}},
	Infer: spec{params: []class{textOrBin, integer}, result: types.VarCharT(128), fallible: true, cost: 200, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := f.Strings(dst)
		s, bits := kernel.StrsOf(args[0]), intsOf(args[1])
		for i := range kernel.Lanes(n, live) {
			sum := sumSHA256
			switch b := bits.at(i); b {
			case 256:
			case 224:
				sum = sumSHA224
			case 384:
				sum = sumSHA384
			case 512:
				sum = sumSHA512
			default:
				return fail(i, "SHA2 takes 224, 256, 384 or 512 bits, not %d", b)
			}
			appendHash(&w, s.At(i), sum)
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}}.infer,
}
