package pgwire

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/minkstream/mink/engine/diag"
)

// oidOfCast is the type of Postgres that a parameter which is cast to a type has, 0 where that says
// nothing.
func oidOfCast(to string) uint32 {
	to, _, _ = strings.Cut(to, "(")
	switch strings.TrimSpace(to) {
	case "BOOLEAN":
		return pgtype.BoolOID
	case "TINYINT", "SMALLINT":
		return pgtype.Int2OID
	case "INT", "INTEGER":
		return pgtype.Int4OID
	case "BIGINT":
		return pgtype.Int8OID
	case "FLOAT":
		return pgtype.Float4OID
	case "DOUBLE":
		return pgtype.Float8OID
	case "DECIMAL", "DEC":
		return pgtype.NumericOID
	case "DATE":
		return pgtype.DateOID
	case "TIME":
		return pgtype.TimeOID
	case "TIMESTAMP":
		return pgtype.TimestampOID
	case "TIMESTAMP_LTZ":
		return pgtype.TimestamptzOID
	case "BYTES", "BINARY", "VARBINARY":
		return pgtype.ByteaOID
	}
	return 0
}

// guesses are the types tried for a parameter that its client gave none, in this order: the
// first with which the statement makes sense is taken.
var guesses = []uint32{
	pgtype.TextOID, pgtype.Int8OID, pgtype.Int4OID, pgtype.Int2OID, pgtype.NumericOID, pgtype.Float8OID, pgtype.Float4OID, pgtype.BoolOID,
	pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID, pgtype.TimeOID, pgtype.ByteaOID,
}

// guess finds types for the parameters of a statement that have none.
func (c *conn) guess(p *prepared) {
	for i := range p.oids {
		if p.oids[i] != 0 {
			continue
		}
		p.oids[i] = pgtype.TextOID
		for _, oid := range guesses {
			t, err := translate(p.sql, func(n int, at use) (string, error) {
				switch {
				case at.rows:
					return "1", nil
				case n == i+1:
					return nullOf(oid), nil
				case p.oids[n-1] == 0:
					return "NULL", nil
				}
				return nullOf(p.oids[n-1]), nil
			})
			if err != nil {
				return
			}
			if _, _, err := c.session.Describe(c.ctx, strings.TrimRight(t.sql, "; \n\t")); err == nil {
				p.oids[i] = oid
				break
			}
		}
	}
}

// argument is a value for a parameter; nil bytes are NULL.
type argument struct {
	oid    uint32
	value  []byte
	binary bool
}

// nullTypes are the types that a NULL of a type of Postgres is cast to.
var nullTypes = map[uint32]string{
	pgtype.BoolOID: "BOOLEAN", pgtype.Int2OID: "SMALLINT", pgtype.Int4OID: "INT", pgtype.Int8OID: "BIGINT", pgtype.Float4OID: "FLOAT",
	pgtype.Float8OID: "DOUBLE", pgtype.NumericOID: "DECIMAL(38, 18)", pgtype.ByteaOID: "BYTES", pgtype.DateOID: "DATE", pgtype.TimeOID: "TIME(3)",
	pgtype.TimestampOID: "TIMESTAMP(6)", pgtype.TimestamptzOID: "TIMESTAMP_LTZ(6)",
}

// nullOf is a NULL of the type that a client gave for a parameter, or none.
func nullOf(oid uint32) string {
	if t, ok := nullTypes[oid]; ok {
		return "CAST(NULL AS " + t + ")"
	}
	return "CAST(NULL AS STRING)"
}

// literal writes a value as SQL. Text never leaves its quotes, whatever is in it.
func (a *argument) literal(at use) (string, error) {
	if a.value == nil {
		return nullOf(a.oid), nil
	}
	s, err := a.plain()
	if err != nil {
		return "", err
	}
	switch a.oid {
	case pgtype.BoolOID:
		switch strings.ToLower(s) {
		case "t", "true", "1", "on", "yes", "y":
			return "TRUE", nil
		case "f", "false", "0", "off", "no", "n":
			return "FALSE", nil
		}
		return "", badArgument("BOOLEAN", s)
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		if err != nil {
			return "", badArgument("a whole number", s)
		}
		if n == math.MinInt64 {
			return "(-9223372036854775807 - 1)", nil
		}
		return number(strconv.FormatInt(n, 10), n < 0), nil
	case pgtype.NumericOID:
		if !plainDecimal(s) {
			return "", badArgument("NUMERIC", s)
		}
		return number(s, s[0] == '-'), nil
	case pgtype.Float4OID, pgtype.Float8OID:
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			return "", badArgument("DOUBLE", s)
		}
		return "CAST(" + quote(s) + " AS " + nullTypes[a.oid] + ")", nil
	case pgtype.ByteaOID:
		raw := []byte(s)
		if !a.binary {
			h, ok := strings.CutPrefix(s, `\x`)
			if raw, err = hex.DecodeString(h); !ok || err != nil {
				return "", badArgument("BYTEA (\\x and hexadecimal digits)", s)
			}
		}
		return "x'" + hex.EncodeToString(raw) + "'", nil
	case pgtype.DateOID, pgtype.TimeOID, pgtype.TimestampOID:
		return "CAST(" + quote(s) + " AS " + nullTypes[a.oid] + ")", nil
	case pgtype.TimestamptzOID:
		return instant(s)
	case 0, pgtype.TextOID, pgtype.VarcharOID:
		if n, err := strconv.ParseUint(s, 10, 63); at.rows && err == nil {
			return strconv.FormatUint(n, 10), nil
		}
	}
	return quote(s), nil
}

func badArgument(want, got string) error {
	return diag.New(diag.InvalidArgument, "a parameter is no %s: %q", want, got)
}

func number(s string, negative bool) string {
	if negative {
		return "(" + s + ")"
	}
	return s
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// plainDecimal reports digits with at most a sign before and a point among them.
func plainDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	digits, points := 0, 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

// instant writes a time with a zone as a TIMESTAMP_LTZ. No SQL makes one that is finer than
// a millisecond of a number, so what is finer is cut off.
func instant(s string) (string, error) {
	t, err := parseInstant(s)
	if err != nil {
		return "", err
	}
	return "TO_TIMESTAMP_LTZ(" + strconv.FormatInt(t.UnixMilli(), 10) + ", 3)", nil
}

func parseInstant(s string) (time.Time, error) {
	for _, form := range []string{"2006-01-02 15:04:05.999999Z07", "2006-01-02 15:04:05.999999Z07:00", time.RFC3339Nano} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, badArgument("TIMESTAMPTZ (such as 2020-01-31 12:00:00+00)", s)
}

// cut reports an argument that literal cannot write to its last digit.
func (a *argument) cut() bool {
	if a.oid != pgtype.TimestamptzOID || a.value == nil {
		return false
	}
	s, err := a.plain()
	if err != nil {
		return false
	}
	t, err := parseInstant(s)
	return err == nil && t.Nanosecond()%1e6 != 0
}

// plain is the value as text, whatever form the client sent it in.
func (a *argument) plain() (string, error) {
	v := a.value
	if !a.binary {
		return string(v), nil
	}
	size := func(n int) error {
		if len(v) != n {
			return diag.New(diag.InvalidArgument, "a parameter of type %d has %d bytes where %d are wanted", a.oid, len(v), n)
		}
		return nil
	}
	be := binary.BigEndian
	switch a.oid {
	case pgtype.BoolOID:
		return strconv.FormatBool(len(v) == 1 && v[0] == 1), size(1)
	case pgtype.Int2OID:
		if err := size(2); err != nil {
			return "", err
		}
		return strconv.Itoa(int(int16(be.Uint16(v)))), nil
	case pgtype.Int4OID:
		if err := size(4); err != nil {
			return "", err
		}
		return strconv.Itoa(int(int32(be.Uint32(v)))), nil
	case pgtype.Int8OID:
		if err := size(8); err != nil {
			return "", err
		}
		return strconv.FormatInt(int64(be.Uint64(v)), 10), nil
	case pgtype.Float4OID:
		if err := size(4); err != nil {
			return "", err
		}
		return string(appendFloat(nil, float64(math.Float32frombits(be.Uint32(v))), 32)), nil
	case pgtype.Float8OID:
		if err := size(8); err != nil {
			return "", err
		}
		return string(appendFloat(nil, math.Float64frombits(be.Uint64(v)), 64)), nil
	case pgtype.DateOID:
		if err := size(4); err != nil {
			return "", err
		}
		return time.Unix((int64(int32(be.Uint32(v)))+daysTo2000)*86400, 0).UTC().Format(time.DateOnly), nil
	case pgtype.TimeOID:
		if err := size(8); err != nil {
			return "", err
		}
		return time.UnixMicro(int64(be.Uint64(v))).UTC().Format("15:04:05.000"), nil
	case pgtype.TimestampOID, pgtype.TimestamptzOID:
		if err := size(8); err != nil {
			return "", err
		}
		t := time.UnixMicro(int64(be.Uint64(v)) + microsTo2000).UTC()
		if a.oid == pgtype.TimestampOID {
			return t.Format("2006-01-02 15:04:05.000000"), nil
		}
		return t.Format("2006-01-02 15:04:05.000000+00"), nil
	case pgtype.NumericOID:
		return numericText(v)
	case 0, pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID, pgtype.ByteaOID, pgtype.JSONOID:
		return string(v), nil
	}
	return "", diag.New(diag.Unsupported, "a parameter of type %d comes in binary form, which is not read", a.oid).
		WithHint("send it as text, or cast a text: CAST($1 AS ...)")
}

// numericText reads the binary form of NUMERIC.
func numericText(v []byte) (string, error) {
	var n pgtype.Numeric
	m := pgtype.NewMap()
	if err := m.Scan(pgtype.NumericOID, pgtype.BinaryFormatCode, v, &n); err != nil || n.NaN || n.InfinityModifier != pgtype.Finite || !n.Valid {
		return "", diag.New(diag.InvalidArgument, "a parameter is no finite NUMERIC")
	}
	s := n.Int.String()
	if n.Exp >= 0 {
		if n.Int.Sign() == 0 {
			return "0", nil
		}
		if n.Exp > 38 {
			return "", diag.New(diag.InvalidArgument, "a parameter has more than 38 digits")
		}
		return s + strings.Repeat("0", int(n.Exp)), nil
	}
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	scale := int(-n.Exp)
	if scale > 38 {
		return "", diag.New(diag.InvalidArgument, "a parameter has more than 38 digits behind its point")
	}
	if len(s) <= scale {
		s = strings.Repeat("0", scale-len(s)+1) + s
	}
	return sign + s[:len(s)-scale] + "." + s[len(s)-scale:], nil
}
