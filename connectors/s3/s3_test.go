package s3_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors/s3"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/testkit/objects"
)

// clock counts the pauses of those who wait, and does not wait.
type clock struct {
	env.Clock
	slept []time.Duration
}

func (c *clock) Sleep(d time.Duration) { c.slept = append(c.slept, d) }

func settings(store *objects.Store) func(string) string {
	m := map[string]string{"s3.endpoint": store.URL, "s3.access-key": objects.AccessKey, "s3.secret-key": objects.SecretKey, "s3.path.style.access": "true"}
	return func(k string) string { return m[k] }
}

func nothing(string) string { return "" }

func diskOf(t *testing.T) (*objects.Store, env.Disk, *clock) {
	store := objects.New(t, "bkt")
	c := &clock{Clock: env.OS("").Clock}
	return store, s3.Disk(env.NewMemDisk(), c, settings(store), nothing, nil), c
}

func write(t *testing.T, d env.Disk, name string, data []byte) {
	t.Helper()
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for p := data; len(p) > 0; {
		n := min(len(p), 300_000)
		if _, err := f.Write(p[:n]); err != nil {
			t.Fatal(err)
		}
		p = p[n:]
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, d env.Disk, name string) []byte {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The store is a disk as whoever writes checkpoints knows them.
func TestDisk(t *testing.T) {
	suite(t, func(t *testing.T) (env.Disk, string) {
		_, d, _ := diskOf(t)
		return d, "s3://bkt/dir"
	})
	t.Run("mem", func(t *testing.T) { // what is asked of it holds of another disk too
		suite(t, func(*testing.T) (env.Disk, string) { return env.NewMemDisk(), "/dir" })
	})
}

func suite(t *testing.T, open func(t *testing.T) (env.Disk, string)) {
	d, dir := open(t)
	if err := d.MkdirAll(dir + "/state"); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 9<<20+7)
	rnd := rand.NewChaCha8([32]byte{1})
	rnd.Read(big)
	for name, data := range map[string][]byte{"/state/empty": {}, "/state/small": []byte("abc"), "/state/big": big, "/chk-1/_x": []byte("1"), "/chk-2/_x": []byte("2")} {
		if strings.HasPrefix(name, "/chk") {
			if err := d.MkdirAll(dir + name[:6]); err != nil {
				t.Fatal(err)
			}
		}
		write(t, d, dir+name, data)
		if got := read(t, d, dir+name); !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes come back of %d", name, len(got), len(data))
		}
		if i, err := d.Stat(dir + name); err != nil || i.Size() != int64(len(data)) || i.IsDir() {
			t.Errorf("%s: %v, %v", name, i, err)
		}
	}
	f, err := d.Open(dir + "/state/big")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 4<<20 - 3, 8 << 20, int64(len(big)) - 5} {
		p := make([]byte, 10)
		n, err := f.ReadAt(p, at)
		if want := big[at:min(at+10, int64(len(big)))]; !bytes.Equal(p[:n], want) || (len(want) < 10) != (err == io.EOF) {
			t.Errorf("at %d: %v, %v", at, p[:n], err)
		}
	}
	f.Close()
	names := func(dir string) []string {
		l, err := d.List(dir)
		var out []string
		for _, e := range l {
			n := e.Name()
			if e.IsDir() {
				n += "/"
			}
			out = append(out, n)
		}
		if err != nil {
			out = append(out, err.Error())
		}
		return out
	}
	if got := names(dir); !slices.Equal(got, []string{"chk-1/", "chk-2/", "state/"}) {
		t.Error(got)
	}
	for i := range 12 { // more than a page of an answer
		write(t, d, dir+"/state/"+string(rune('k'-i)), nil)
	}
	if got := names(dir + "/state"); len(got) != 15 || !slices.IsSorted(got) {
		t.Error(got)
	}
	if i, err := d.Stat(dir + "/chk-1"); err != nil || !i.IsDir() {
		t.Errorf("%v, %v", i, err)
	}
	// A small file that appears whole, and is replaced.
	for _, text := range []string{"one", "two"} {
		f, err := d.Create(dir + "/lineage.tmp")
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(text))
		if err := errors.Join(f.Sync(), f.Close(), d.Rename(dir+"/lineage.tmp", dir+"/lineage"), d.SyncDir(dir)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, d, dir+"/lineage"); string(got) != text {
			t.Errorf("%s, want %s", got, text)
		}
	}
	if _, err := d.Stat(dir + "/lineage.tmp"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := d.Link(dir+"/state/small", dir+"/linked"); err != nil || string(read(t, d, dir+"/linked")) != "abc" {
		t.Error(err)
	}
	if err := errors.Join(d.Remove(dir+"/state/small"), d.RemoveAll(dir+"/chk-1")); err != nil {
		t.Error(err)
	}
	for _, gone := range []string{"/state/small", "/chk-1/_x", "/never", "/never/x"} {
		_, err1 := d.Open(dir + gone)
		_, err2 := d.Stat(dir + gone)
		if !errors.Is(err1, fs.ErrNotExist) || !errors.Is(err2, fs.ErrNotExist) {
			t.Errorf("%s: %v, %v", gone, err1, err2)
		}
	}
	if _, err := d.List(dir + "/never"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := d.RemoveAll(dir); err != nil || d.RemoveAll(dir) != nil {
		t.Error(err)
	}
}

func matches(r *http.Request, method, part string) bool {
	return r.Method == method && strings.Contains(r.URL.String(), part)
}

// Whatever fails on the way, what was synced is there, once and whole.
func TestFaults(t *testing.T) {
	big := make([]byte, 8<<20+9)
	for i := range big {
		big[i] = byte(i * i >> 7)
	}
	for _, c := range []struct {
		name         string
		method, part string
		fault        objects.Fault
	}{
		{"busy", "", "", objects.Busy},
		{"an answer is lost", "", "", objects.Lost},
		{"connections break", "", "", objects.Broken},
		{"the end of an upload is lost", "POST", "uploadId", objects.Lost},
		{"an answer is cut off", "GET", "/bkt/", objects.Half},
		{"a part is lost", "PUT", "partNumber=2", objects.Lost},
	} {
		big := big
		if c.part == "" && os.Getenv("MINK_ALL") == "" {
			big = big[:100_000] // one PUT
		}
		store, d, clk := diskOf(t)
		seen := map[string]int{}
		store.Fault = func(r *http.Request) objects.Fault {
			if c.method != "" && !matches(r, c.method, c.part) {
				return objects.None
			}
			key := r.Method + r.URL.Path + r.URL.Query().Get("partNumber") + r.Header.Get("Range")
			if seen[key]++; seen[key] <= 2 {
				return c.fault
			}
			return objects.None
		}
		write(t, d, "s3://bkt/big", big)
		write(t, d, "s3://bkt/small", []byte("abc"))
		if !bytes.Equal(read(t, d, "s3://bkt/big"), big) || string(read(t, d, "s3://bkt/small")) != "abc" {
			t.Errorf("%s: something else comes back", c.name)
		}
		if err := d.Remove("s3://bkt/small"); err != nil || !slices.Equal(store.Keys("bkt"), []string{"big"}) {
			t.Errorf("%s: %v, left %v", c.name, err, store.Keys("bkt"))
		}
		if len(clk.slept) == 0 || clk.slept[0] != 50*time.Millisecond {
			t.Errorf("%s: nobody waited: %v", c.name, clk.slept)
		}
	}
	// What does not pass is told after a while, each pause longer than the one before.
	store, d, clk := diskOf(t)
	store.Fault = func(*http.Request) objects.Fault { return objects.Busy }
	f, _ := d.Create("s3://bkt/x")
	f.Write([]byte("x"))
	if err := f.Sync(); err == nil || !strings.Contains(err.Error(), "s3://bkt/x") || len(clk.slept) != 7 || !slices.IsSorted(clk.slept) {
		t.Errorf("%v after %v", err, clk.slept)
	}
	// A part that cannot be written: the upload is given up.
	store, d, _ = diskOf(t)
	store.Fault = func(r *http.Request) objects.Fault {
		if matches(r, "PUT", "partNumber=2") {
			return objects.Busy
		}
		return objects.None
	}
	f, _ = d.Create("s3://bkt/big")
	_, err := f.Write(big)
	if err2 := f.Close(); err != nil || err2 == nil || store.Uploads() != 0 || len(store.Keys("bkt")) != 0 {
		t.Errorf("%v, %v, %d uploads, %v", err, err2, store.Uploads(), store.Keys("bkt"))
	}
	// An upload whose writer died goes with its folder.
	store, d, _ = diskOf(t)
	f, _ = d.Create("s3://bkt/job/state/x")
	f.Write(big)
	if store.Uploads() != 1 {
		t.Errorf("%d uploads", store.Uploads())
	}
	if err := d.RemoveAll("s3://bkt/job"); err != nil || store.Uploads() != 0 {
		t.Errorf("%v, %d uploads", err, store.Uploads())
	}
}

// What answers for the store cannot send its client elsewhere.
func TestNoRedirects(t *testing.T) {
	asked := 0
	secret := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer secret.Close()
	store := httptest.NewServer(http.RedirectHandler(secret.URL+"/bkt/x", http.StatusTemporaryRedirect))
	defer store.Close()
	m := map[string]string{"s3.endpoint": store.URL, "s3.access-key": "a", "s3.secret-key": "b", "s3.path.style.access": "true"}
	d := s3.Disk(env.NewMemDisk(), &clock{Clock: env.OS("").Clock}, func(k string) string { return m[k] }, nothing, nil)
	if f, err := d.Open("s3://bkt/x"); err == nil {
		_, err = io.ReadAll(f)
		if f.Close(); err == nil {
			t.Error("it was read")
		}
	}
	if asked > 0 {
		t.Errorf("the other address was asked %d times", asked)
	}
}

// Metadata is written once, by one.
func TestOnce(t *testing.T) {
	store, d, _ := diskOf(t)
	commit := func(d env.Disk, text string) error {
		f, err := d.Create("s3://bkt/job/chk-1/_metadata.tmp")
		if err != nil {
			return err
		}
		f.Write([]byte(text))
		return errors.Join(f.Sync(), f.Close(), d.Rename("s3://bkt/job/chk-1/_metadata.tmp", "s3://bkt/job/chk-1/_metadata"))
	}
	lost := true
	store.Fault = func(r *http.Request) objects.Fault {
		if r.Method == http.MethodPut && lost {
			lost = false
			return objects.Lost
		}
		return objects.None
	}
	store.Log()
	if err := commit(d, "one"); err != nil {
		t.Fatalf("its own answer was lost: %v", err)
	}
	if puts := slices.DeleteFunc(store.Log(), func(l string) bool { return !strings.HasPrefix(l, "PUT") }); len(puts) != 2 {
		t.Errorf("%v", puts)
	}
	other := s3.Disk(env.NewMemDisk(), env.OS("").Clock, settings(store), nothing, nil)
	if err := commit(other, "two"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("another one: %v", err)
	}
	if got := read(t, d, "s3://bkt/job/chk-1/_metadata"); string(got) != "one" {
		t.Errorf("%s", got)
	}
	// A store that does not know the condition is asked without.
	store, d, _ = diskOf(t)
	store.Fault = func(r *http.Request) objects.Fault {
		if r.Header.Get("If-None-Match") != "" {
			return objects.NoSuchVerb
		}
		return objects.None
	}
	if err := commit(d, "one"); err != nil {
		t.Fatal(err)
	}
	if err := commit(d, "two"); err != nil || string(read(t, d, "s3://bkt/job/chk-1/_metadata")) != "two" {
		t.Errorf("%v", err)
	}
}

func TestSettings(t *testing.T) {
	store := objects.New(t, "bkt")
	ask := func(set, environment map[string]string, name string) error {
		get := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
		c := &clock{Clock: env.OS("").Clock}
		return s3.Disk(env.NewMemDisk(), c, get(set), get(environment), nil).MkdirAll(name)
	}
	good := map[string]string{"s3.endpoint": store.URL, "s3.access-key": objects.AccessKey, "s3.secret-key": objects.SecretKey}
	for _, c := range []struct {
		name             string
		set, environment map[string]string
		at               string
		check            func(error) bool
	}{
		{"all set", good, nil, "s3://bkt/x", func(err error) bool { return err == nil }},
		{"s3a", good, nil, "s3a://bkt/x", func(err error) bool { return err == nil }},
		{"all in the environment", nil, map[string]string{"AWS_ENDPOINT_URL": store.URL, "AWS_ACCESS_KEY_ID": objects.AccessKey, "AWS_SECRET_ACCESS_KEY": objects.SecretKey}, "s3://bkt/x", func(err error) bool { return err == nil }},
		{"no key", map[string]string{"s3.endpoint": store.URL}, nil, "s3://bkt/x", func(err error) bool { return diag.CodeOf(err) == diag.MissingOption }},
		{"another key", map[string]string{"s3.endpoint": store.URL, "s3.access-key": "other", "s3.secret-key": "other-secret"}, nil, "s3://bkt/x", func(err error) bool { return errors.Is(err, fs.ErrPermission) }},
		{"no bucket", good, nil, "s3://nothing/x", func(err error) bool { return strings.Contains(err.Error(), "there is no bucket 'nothing'") }},
		{"no address", map[string]string{"s3.endpoint": "http://user:pass@x", "s3.access-key": "a", "s3.secret-key": "b"}, nil, "s3://bkt/x", func(err error) bool { return diag.CodeOf(err) == diag.InvalidOption }},
		{"no boolean", map[string]string{"s3.path.style.access": "yes!", "s3.access-key": "a", "s3.secret-key": "b"}, nil, "s3://bkt/x", func(err error) bool { return diag.CodeOf(err) == diag.InvalidOption }},
		{"nobody there", map[string]string{"s3.endpoint": "http://127.0.0.1:1", "s3.access-key": "key-id", "s3.secret-key": "very-secret"}, nil, "s3://bkt/x", func(err error) bool { return strings.Contains(err.Error(), "refused") }},
		{"a file", nil, nil, "/tmp-of-nobody", func(err error) bool { return err == nil }},
	} {
		err := ask(c.set, c.environment, c.at)
		if !c.check(err) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") && !strings.Contains(err.Error(), "s3.secret-key") || strings.Contains(err.Error(), "user:pass")) {
			t.Errorf("%s: a secret shows: %v", c.name, err)
		}
	}
}

// TestRealStore runs against the store that MINK_TEST_S3 is the address of; its keys and a
// bucket are in the usual variables and in MINK_TEST_S3_BUCKET.
func TestRealStore(t *testing.T) {
	url, bucket := os.Getenv("MINK_TEST_S3"), os.Getenv("MINK_TEST_S3_BUCKET")
	if os.Getenv("MINK_ALL") == "" || url == "" || bucket == "" {
		t.Skip("SKIPPED: a real object store: set MINK_ALL=1, MINK_TEST_S3 to its address and MINK_TEST_S3_BUCKET to a bucket")
	}
	set := func(k string) string { return map[string]string{"s3.endpoint": url, "s3.path.style.access": "true"}[k] }
	suite(t, func(*testing.T) (env.Disk, string) {
		return s3.Disk(env.NewMemDisk(), env.OS("").Clock, set, os.Getenv, nil), "s3://" + bucket + "/test"
	})
}
