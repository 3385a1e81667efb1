package kernel

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// TestDatePatternLetters: what java.time.format.DateTimeFormatter documents for each letter.
func TestDatePatternLetters(t *testing.T) {
	at := func(text string) int64 {
		v, err := time.Parse("2006-01-02 15:04:05.999999999", text)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixNano()
	}
	afternoon, midnight, noon := at("2021-03-04 15:16:17.123456789"), at("2021-08-31 00:05:09.000000001"), at("2020-12-31 12:00:00")
	for _, c := range []struct {
		at            int64
		pattern, want string
	}{
		{afternoon, "Q QQ QQQ QQQQ", "1 01 Q1 1st quarter"}, {midnight, "Q QQQ QQQQ", "3 Q3 3rd quarter"}, {noon, "QQQQ", "4th quarter"},
		{afternoon, "M MM MMM MMMM", "3 03 Mar March"}, {midnight, "M MMM", "8 Aug"},
		{afternoon, "d dd D DDD", "4 04 63 063"}, {noon, "D", "366"},
		{afternoon, "E EEEE e", "Thu Thursday 5"}, {midnight, "EEE", "Tue"},
		{at("2021-03-07 00:00:00"), "W e EEE", "2 1 Sun"}, {at("2021-03-06 00:00:00"), "W e", "1 7"},
		{afternoon, "a h hh K k H", "PM 3 03 3 15 15"}, {midnight, "a h K k H HH", "AM 12 0 24 0 00"}, {noon, "a h K k H", "PM 12 0 12 12"},
		{at("2021-01-01 11:59:59"), "a h K", "AM 11 11"}, {at("2021-01-01 23:00:00"), "h K k", "11 11 23"},
		{afternoon, "m mm s ss", "16 16 17 17"}, {midnight, "m mm s ss", "5 05 9 09"},
		{afternoon, "S SSS SSSSSS SSSSSSSSS", "1 123 123456 123456789"}, {midnight, "SSSSSSSSS n", "000000001 1"},
		{afternoon, "n", "123456789"}, {afternoon, "N", "54977123456789"}, {afternoon, "A", "54977123"},
		{afternoon, "yy yyyy u", "21 2021 2021"}, {afternoon, "'at' H 'o''clock'", "at 15 o'clock"}, {afternoon, "yyyy''", "2021'"},
	} {
		p, err := CompileDatePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := string(p.Append(nil, c.at, 1_000_000_000, 0, nil)); got != c.want {
			t.Errorf("%s gives %q, want %q", c.pattern, got, c.want)
		}
	}
}

// TestDatePatternOffsets: X and x, Z and their forms, as the same page has them.
func TestDatePatternOffsets(t *testing.T) {
	const hour = 3600_000
	for _, c := range []struct {
		offset        int64
		pattern, want string
	}{
		{0, "X XX XXX", "Z Z Z"}, {0, "x xx xxx", "+00 +0000 +00:00"}, {0, "Z ZZZZ ZZZZZ", "+0000 GMT Z"},
		{hour, "X XX XXX", "+01 +0100 +01:00"}, {hour, "x xx xxx", "+01 +0100 +01:00"}, {hour, "Z ZZZZ ZZZZZ", "+0100 GMT+01:00 +01:00"},
		{5*hour + hour/2, "X XX XXX x", "+0530 +0530 +05:30 +0530"}, {-8 * hour, "X XXX Z", "-08 -08:00 -0800"}, {-hour / 2, "x XXX", "-0030 -00:30"},
	} {
		p, err := CompileDatePattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(p.Append(nil, 0, 1000, c.offset, nil)); got != c.want {
			t.Errorf("%s at %d gives %q, want %q", c.pattern, c.offset, got, c.want)
		}
	}
}

// TestDatePatternParse: fields to the edges of what they hold.
func TestDatePatternParse(t *testing.T) {
	const none = math.MinInt64
	day := func(text string) int64 {
		v, err := time.Parse("2006-01-02", text)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMilli()
	}
	first := day("2020-01-01")
	for _, c := range []struct {
		pattern, text string
		want          int64
		zoned         bool
	}{
		{"yyyy-MM-dd HH:mm:ss", "2020-01-01 00:00:00", first, false}, {"yyyy-MM-dd HH:mm:ss", "2020-01-01 23:59:59", first + MsDay - 1000, false},
		{"yyyy-MM-dd HH:mm", "2020-01-01 24:00", first + MsDay, false}, {"yyyy-MM-dd HH:mm", "2020-01-01 24:01", none, false}, {"yyyy-MM-dd HH:mm", "2020-01-01 25:00", none, false},
		{"yyyy-MM-dd HH:mm", "2020-01-01 23:60", none, false}, {"yyyy-MM-dd HH:mm:ss", "2020-01-01 23:59:60", none, false},
		{"yyyy-MM-dd", "2020-13-01", none, false}, {"yyyy-MM-dd", "2020-00-01", none, false}, {"yyyy-MM-dd", "2020-01-00", none, false}, {"yyyy-MM-dd", "2020-01-32", none, false},
		{"yyyy-MM-dd", "2020-12-31", day("2020-12-31"), false}, {"yyyy-MM-dd", "2020-02-31", day("2020-02-29"), false},
		{"yyyy-DDD", "2020-366", day("2020-12-31"), false}, {"yyyy-DDD", "2020-001", first, false},
		{"yyyy-MM-dd hh a", "2020-01-01 12 AM", first, false}, {"yyyy-MM-dd hh a", "2020-01-01 12 PM", first + 12*MsHour, false}, {"yyyy-MM-dd hh a", "2020-01-01 01 PM", first + 13*MsHour, false},
		{"yyyy-MM-dd X", "2020-01-01 Z", first, true}, {"yyyy-MM-dd XXX", "2020-01-01 +01:00", first - MsHour, true}, {"yyyy-MM-dd X", "2020-01-01 -0530", first + 5*MsHour + 30*MsMinute, true},
		{"yyyy-MM-dd VV", "2020-01-01 NZ", first - 13*MsHour, true}, {"yyyy-MM-dd VV", "2020-01-01 Zulu", first, true}, {"yyyy-MM-dd VV", "2020-01-01 Etc/GMT+9", first + 9*MsHour, true},
		{"yyyy-MM-dd VV", "2020-01-01 Etc/GMT+10", first + 10*MsHour, true}, {"yyyy-MM-dd VV", "2020-01-01 Africa/Brazzaville", first - MsHour, true}, {"yyyy-MM-dd VV", "2020-01-01 Nowhere/Land", none, false},
		{"yyyy-MM-dd VV", "2020-01-01 ", none, false}, {"yyyy MMM d", "2020 Jan 1", first, false}, {"yyyy MMMM d", "2020 January 1", first, false}, {"yyyy QQQ", "2020 Q4", day("2020-10-01"), false},
		{"yyyy QQQ", "2020 Q5", none, false}, {"yyyy-MM-dd", "2020-01-01x", none, false}, {"yyyy-MM-dd[ HH]", "2020-01-01", first, false}, {"yyyy-MM-dd[ HH]", "2020-01-01 03", first + 3*MsHour, false},
	} {
		p, err := CompileDatePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		got, zoned, ok := p.Parse([]byte(c.text), 1000)
		if !ok {
			got = none
		}
		if got != c.want || ok && zoned != c.zoned {
			t.Errorf("%s of %q is %d (zoned %v), want %d", c.pattern, c.text, got, zoned, c.want)
		}
	}
}

// TestRescaleTicks goes to the edges of 64 bits.
func TestRescaleTicks(t *testing.T) {
	for _, c := range []struct {
		t, from, to, want int64
		ok                bool
	}{
		{math.MaxInt64 / 1000, 1, 1000, math.MaxInt64 / 1000 * 1000, true}, {math.MaxInt64/1000 + 1, 1, 1000, 0, false},
		{math.MinInt64 / 1000, 1, 1000, math.MinInt64 / 1000 * 1000, true}, {math.MinInt64/1000 - 1, 1, 1000, 0, false},
		{-1, 1000, 1, -1, true}, {999, 1000, 1, 0, true}, {-1001, 1000, 1, -2, true}, {7, 1000, 1000, 7, true},
	} {
		if got, ok := RescaleTicks(c.t, c.from, c.to); got != c.want || ok != c.ok {
			t.Errorf("%d of %d in %d is %d, %v", c.t, c.from, c.to, got, ok)
		}
	}
}

// TestMulInts holds the product of two int64 to math/big.
func TestMulInts(t *testing.T) {
	list := []int64{0, 1, -1, 3, -3, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64, 1 << 40, -1 << 40}
	for _, a := range list {
		for _, b := range list {
			want := new(big.Int).Mul(big.NewInt(a), big.NewInt(b)).String()
			if got := string(AppendDec(nil, MulInts(a, b), 0)); got != want {
				t.Errorf("%d * %d is %s, want %s", a, b, got, want)
			}
		}
	}
}

// TestQuotedControls: each control character is escaped, as JSON has it.
func TestQuotedControls(t *testing.T) {
	if got := string(AppendQuoted(nil, []byte("\x00\x01\x0f\x10\x1f \x7f"))); got != "\"\\u0000\\u0001\\u000f\\u0010\\u001f \x7f\"" {
		t.Errorf("controls are %s", got)
	}
}

// TestAppendTime: a fraction has its digits up to the last that is not zero.
func TestAppendTime(t *testing.T) {
	for _, c := range []struct {
		ms   int64
		prec int
		want string
	}{
		{100, 3, "00:00:00.1"}, {10, 3, "00:00:00.01"}, {1, 3, "00:00:00.001"}, {999, 3, "00:00:00.999"}, {990, 3, "00:00:00.99"},
		{0, 3, "00:00:00.0"}, {123, 1, "00:00:00.1"}, {123, 0, "00:00:00"}, {MsDay - 1, 9, "23:59:59.999"}, {3_600_000 + 120_000 + 3_200, 2, "01:02:03.2"},
	} {
		if got := string(AppendTime(nil, c.ms, c.prec)); got != c.want {
			t.Errorf("%d with %d digits is %s, want %s", c.ms, c.prec, got, c.want)
		}
	}
}

// TestLikePrefix: prefixes of few and many bytes against texts that lie in their view and
// outside of it.
func TestLikePrefix(t *testing.T) {
	texts := []string{"", "a", "ab", "abc", "abcd", "abcde", "abXd", "aXcd", "Xbcd", "abcX", "abcdefghijklmnopqrstuvwxyz", "abcdefghijXlmnopqrstuvwxyz", "Xbcdefghijklmnopqrstuvwxyz"}
	b := batch.NewBuilder(types.StringT)
	for _, s := range texts {
		b.AppendBytes([]byte(s))
	}
	c := b.Finish()
	for _, prefix := range []string{"a", "ab", "abc", "abcd", "abcde", "abcdefghijkl", "abcdefghijklmnop"} {
		l, err := CompileLike([]byte(prefix+"%"), 0)
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]uint64, 1)
		l.MatchCol(dst, &c, len(texts), nil)
		for i, s := range texts {
			if got := batch.Bit(dst, i); got != strings.HasPrefix(s, prefix) {
				t.Errorf("%q LIKE %q%% is %v", s, prefix, got)
			}
		}
	}
}
