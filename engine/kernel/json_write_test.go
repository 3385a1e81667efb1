package kernel

import "testing"

// TestAppendJSONNumber: the examples are those of BigDecimal.toString in Java's documentation.
func TestAppendJSONNumber(t *testing.T) {
	for in, want := range map[string]string{
		"123": "123", "-123": "-123", "123e1": "1.23E+3", "123E+3": "1.23E+5", "12.3": "12.3", "123e-5": "0.00123",
		"123e-10": "1.23E-8", "-123e-12": "-1.23E-10",
		"1.50": "1.50", "0.0": "0.0", "-0.0": "0.0", "0e5": "0E+5", "0.000000": "0.000000", "0.0000000": "0E-7",
		"10.0e0": "10.0", "1.5e1": "15", "0.1e1": "1", "1e0": "1", "true": "true", "null": "null",
		"12345678901234567890.123456789": "12345678901234567890.123456789",
	} {
		if got := string(AppendJSONNumber(nil, []byte(in))); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
