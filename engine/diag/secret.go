package diag

import "strings"

// secretWords mark keys of options whose values are never shown.
var secretWords = []string{
	"password", "secret", "token", "api-key", "apikey", "access-key", "account.key", "service-key", "basic-auth",
	"auth-params", "jaas.config", "http-headers", "credential", "passphrase", "private-key", "user-info", "exporter.headers",
}

// IsSecret reports whether an option's key sounds like one whose value must not be
// shown.
func IsSecret(key string) bool {
	key = strings.ToLower(key)
	for _, w := range secretWords {
		if strings.Contains(key, w) {
			return true
		}
	}
	return false
}

// MaskSecrets writes stars over the values of secret options, 'key' = 'value', in a
// statement, and over those in lists of pairs, 'key' = 'user:ada,password:x'. The text keeps its length, so that places stay right. References such
// as ${env:NAME} are no secrets and stay.
func MaskSecrets(sql string) string {
	var out []byte
	key, equals := "", false // the last literal, and whether = came after it
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c == '\'':
			end := closing(sql, i)
			value := strings.TrimSuffix(sql[i+1:end], "'")
			stars := func(from, to int) {
				if out == nil {
					out = []byte(sql)
				}
				literals(value[from:to], func(f, t int) {
					for k := i + 1 + from + f; k < i+1+from+t; k++ {
						if out[k] != '\n' {
							out[k] = '*'
						}
					}
				})
			}
			switch {
			case !equals:
			case IsSecret(key):
				stars(0, len(value))
			default:
				secretPairs(value, stars)
			}
			key, equals, i = value, false, end
		case c == '`' || c == '"':
			i, key = closing(sql, i), ""
		case strings.HasPrefix(sql[i:], "--"):
			if n := strings.IndexByte(sql[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(sql)
			}
		case strings.HasPrefix(sql[i:], "/*") && !strings.HasPrefix(sql[i:], "/*+"):
			if n := strings.Index(sql[i+2:], "*/"); n >= 0 {
				i += n + 4
			} else {
				i = len(sql)
			}
		case c == '=':
			equals = key != ""
			i++
		default:
			if c > ' ' {
				key, equals = "", false
			}
			i++
		}
	}
	if out == nil {
		return sql
	}
	return string(out)
}

// secretPairs calls stars with the place of each secret in a list of pairs, such as
// 'user:ada,password:x' of job parameters.
func secretPairs(value string, stars func(from, to int)) {
	for from := 0; from < len(value); {
		to := len(value)
		if n := strings.IndexByte(value[from:], ','); n >= 0 {
			to = from + n
		}
		if n := strings.IndexByte(value[from:to], ':'); n >= 0 && IsSecret(value[from:from+n]) {
			stars(from+n+1, to)
		}
		from = to + 1
	}
}

// closing is the index behind the quoted text that begins at i; a quote inside is
// written twice. Text that is not closed ends with the input.
func closing(s string, i int) int {
	q := s[i]
	for k := i + 1; k < len(s); k++ {
		if s[k] != q {
			continue
		}
		if k+1 < len(s) && s[k+1] == q {
			k++
			continue
		}
		return k + 1
	}
	return len(s)
}
