package rest

import (
	"encoding/base64"
	"encoding/binary"
)

// serialized is an error as Flink's clients read one: an object of its class
// SerializedThrowable in Java's serialization, in base64. Without it they say that the
// answer is not valid, and not what went wrong. class is what they show as a cause; text is
// the whole.
func serialized(class, text string) string {
	const (
		name = "org.apache.flink.util.SerializedThrowable"
		uid  = 7284183123441947635
	)
	str := func(out []byte, s string) []byte {
		s = ascii(s)
		return append(binary.BigEndian.AppendUint16(out, uint16(len(s))), s...)
	}
	const (
		object, classDesc, stringValue, blockEnd, null = 0x73, 0x72, 0x74, 0x78, 0x70
		serializable                                   = 2
	)
	out := []byte{0xac, 0xed, 0, 5, object, classDesc}
	out = str(out, name)
	out = binary.BigEndian.AppendUint64(out, uid)
	out = append(out, serializable, 0, 2)
	for _, field := range []string{"fullStringifiedStackTrace", "originalErrorClassName"} {
		out = append(str(append(out, 'L'), field), stringValue)
		if field[0] == 'f' {
			out = str(out, "Ljava/lang/String;")
		} else {
			out = append(out[:len(out)-1], 0x71, 0, 0x7e, 0, 1) // the name of the type again
		}
	}
	out = append(out, blockEnd, null)
	out = str(append(out, stringValue), text)
	out = str(append(out, stringValue), class)
	return base64.StdEncoding.EncodeToString(out)
}

// ascii keeps a text that Java's own UTF-8 writes in the same bytes, at most 32 KB of it.
func ascii(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if len(out) >= 32<<10 {
			break
		}
		if r == 0 || r >= 0x80 {
			r = '?'
		}
		out = append(out, byte(r))
	}
	return string(out)
}
