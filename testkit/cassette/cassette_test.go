package cassette

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/connect"
)

// TestSecrets: nothing of a secret option, of a field that is called like a secret, or that
// looks like a token gets into the file, nor into what a test sees.
func TestSecrets(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.cassette")
	lib := New(Record)
	b, err := lib.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b.Hide(connect.Options{"api-key": "hunter-two", "sign": "own-secret", "endpoint": "https://host", "password": "${env:PW}"},
		[]connect.Option{{Key: "sign", Secret: true}})
	long := strings.Repeat("a prompt of many words ", 40)
	calls := []string{
		`{"q":"my key is hunter-two"}`, `{"q":"` + long + `"}`, `{"q":"` + long + `!"}`, `{"q":"Authorization: Bearer abcdef0123456789"}`,
	}
	answers := [][]string{
		{`{"a":"own-secret and https://host","access_token":"t0k","n":1}`}, {`{"password":7,"a":"` + long + `"}`}, nil, {`{"a":"sk-aaaaaaaaaaaaaaaaaaaaaaaa"}`},
	}
	got, err := b.Ask("model m", calls, func(which []int) ([][]string, error) { return answers, nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := lib.Save(); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(name)
	for _, s := range []string{"hunter-two", "own-secret", "t0k", `"password":7`, "abcdef0123456789", "sk-aaaa", "${env:PW}"} {
		if strings.Contains(string(text), s) {
			t.Errorf("the file has %q:\n%s", s, text)
		}
	}
	for _, s := range []string{"https://host", `"password":null`, long} {
		if !strings.Contains(string(text), s) {
			t.Errorf("the file has no %q:\n%s", s, text)
		}
	}
	if strings.Contains(got[0][0], "own-secret") {
		t.Errorf("the test sees %s", got[0][0])
	}
	// Long calls are two, told apart by their hashes, and found again.
	if n := strings.Count(string(text), "... sha256:"); n != 2 {
		t.Errorf("%d calls are cut:\n%s", n, text)
	}
	again, err := New(Replay).Open(name)
	if err != nil {
		t.Fatal(err)
	}
	again.Hide(connect.Options{"api-key": "hunter-two"}, nil)
	back, err := again.Ask("model m", calls, nil)
	if err != nil || len(back[2]) != 0 || back[1][0] != got[1][0] {
		t.Errorf("%v %v", back, err)
	}
	if _, err := again.Ask("model m", []string{`{"q":"` + long + `?"}`}, nil); err == nil {
		t.Error("another long call is taken for one of them")
	}
}
