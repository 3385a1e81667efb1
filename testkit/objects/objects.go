// Package objects is an S3-compatible store in the process, for tests: objects in memory, with
// listing, ranges, conditions and uploads in parts, and faults on demand.
//
// It checks who asks by the name of the key and what was sent by its hash; signatures are
// the real stores' business. Begin with New.
package objects

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// AccessKey and SecretKey are what the store lets in.
const (
	AccessKey = "mink-test-key"
	SecretKey = "mink-test-secret"
)

// Fault says what becomes of a request.
type Fault int

// Faults.
const (
	None       Fault = iota
	Busy             // 503 SlowDown, and nothing is done
	Lost             // it is done, and the connection breaks before the answer
	Broken           // the connection breaks before anything is done
	Half             // of what is read only a part comes
	NoSuchVerb       // 501
)

// Store is a running store.
type Store struct {
	URL string
	// Fault decides about each request; nil does nothing. It is called by one goroutine
	// at a time.
	Fault func(r *http.Request) Fault

	mu      sync.Mutex
	buckets map[string]map[string]object
	uploads map[string]*upload
	number  int
	log     []string
}

type object struct {
	data []byte
	at   time.Time
}

type upload struct {
	bucket, key string
	parts       map[int][]byte
}

// New starts a store with a bucket. It ends with the test.
func New(t testing.TB, bucket string) *Store {
	s := &Store{buckets: map[string]map[string]object{bucket: {}}, uploads: map[string]*upload{}}
	srv := httptest.NewServer(s)
	s.URL = srv.URL
	t.Cleanup(srv.Close)
	return s
}

// Keys lists the objects of a bucket in order.
func (s *Store) Keys(bucket string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys(bucket, "")
}

// Uploads is the number of uploads that were begun and not ended.
func (s *Store) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

// Log lists the requests since the call before, as "PUT bucket/key?query".
func (s *Store) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.log
	s.log = nil
	return l
}

func (s *Store) keys(bucket, prefix string) []string {
	var out []string
	for k := range s.buckets[bucket] {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// failure is an answer that is an error.
type failure struct {
	status int
	code   string
}

func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	line := r.Method + " " + bucket + "/" + key
	if r.URL.RawQuery != "" {
		line += "?" + r.URL.RawQuery
	}
	s.log = append(s.log, line)
	fault := None
	if s.Fault != nil {
		fault = s.Fault(r)
	}
	abort := func() { panic(http.ErrAbortHandler) }
	switch fault {
	case Busy:
		s.fail(w, r, failure{503, "SlowDown"})
		return
	case NoSuchVerb:
		s.fail(w, r, failure{501, "NotImplemented"})
		return
	case Broken:
		abort()
	}
	rec := httptest.NewRecorder()
	if f := s.serve(rec, r, bucket, key, body); f != (failure{}) {
		s.fail(rec, r, f)
	}
	if fault == Lost {
		abort()
	}
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	answer := rec.Body.Bytes()
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	}
	w.WriteHeader(rec.Code)
	if fault == Half {
		_, _ = w.Write(answer[:len(answer)/2])
		abort()
	}
	_, _ = w.Write(answer)
}

func (s *Store) fail(w http.ResponseWriter, r *http.Request, f failure) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", f.code, f.code)
	}
}

func etag(data []byte) string {
	sum := md5.Sum(data)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (s *Store) serve(w http.ResponseWriter, r *http.Request, bucket, key string, body []byte) failure {
	auth := r.Header.Get("Authorization")
	if !strings.Contains(auth, "Credential="+AccessKey+"/") || !strings.Contains(auth, "Signature=") {
		return failure{403, "InvalidAccessKeyId"}
	}
	if sum := sha256.Sum256(body); r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") == "" && r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]) {
		return failure{400, "XAmzContentSHA256Mismatch"}
	}
	all, ok := s.buckets[bucket]
	if !ok {
		return failure{404, "NoSuchBucket"}
	}
	q := r.URL.Query()
	o, there := all[key]
	switch {
	case key == "" && r.Method == http.MethodHead:
		return failure{}
	case key == "" && q.Has("uploads"):
		return s.listUploads(w, bucket, q.Get("prefix"))
	case key == "" && q.Get("list-type") == "2":
		return s.list(w, bucket, q.Get("prefix"), q.Get("delimiter"), q.Get("continuation-token"), q.Get("max-keys"))
	case key == "":
		return failure{501, "NotImplemented"}
	case r.Method == http.MethodPost && q.Has("uploads"):
		s.number++
		id := "upload-" + strconv.Itoa(s.number)
		s.uploads[id] = &upload{bucket, key, map[int][]byte{}}
		return reply(w, struct {
			XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
			Bucket, Key, UploadId string
		}{Bucket: bucket, Key: key, UploadId: id})
	case q.Has("uploadId"):
		return s.part(w, r, q.Get("uploadId"), q.Get("partNumber"), body)
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		b, k, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("X-Amz-Copy-Source"), "/"), "/")
		from, ok := s.buckets[b][k]
		if !ok {
			return failure{404, "NoSuchKey"}
		}
		all[key] = object{from.data, time.Now()}
		return reply(w, struct {
			XMLName xml.Name `xml:"CopyObjectResult"`
			ETag    string
		}{ETag: etag(from.data)})
	case r.Method == http.MethodPut:
		if there && r.Header.Get("If-None-Match") != "" {
			return failure{412, "PreconditionFailed"}
		}
		all[key] = object{body, time.Now()}
		w.Header().Set("ETag", etag(body))
		return failure{}
	case r.Method == http.MethodDelete:
		delete(all, key)
		w.WriteHeader(http.StatusNoContent)
		return failure{}
	case !there:
		return failure{404, "NoSuchKey"}
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		return get(w, r, o)
	}
	return failure{405, "MethodNotAllowed"}
}

func get(w http.ResponseWriter, r *http.Request, o object) failure {
	if m := r.Header.Get("If-Match"); m != "" && strings.Trim(m, `"`) != strings.Trim(etag(o.data), `"`) {
		return failure{412, "PreconditionFailed"}
	}
	w.Header().Set("ETag", etag(o.data))
	w.Header().Set("Last-Modified", o.at.UTC().Format(http.TimeFormat))
	data := o.data
	if text, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		a, b, _ := strings.Cut(text, "-")
		from, err1 := strconv.Atoi(a)
		to, err2 := strconv.Atoi(b)
		if err1 != nil || err2 != nil || from > to || from >= len(data) {
			return failure{416, "InvalidRange"}
		}
		to = min(to, len(data)-1)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(data)))
		data = data[from : to+1]
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if len(data) < len(o.data) {
		w.WriteHeader(http.StatusPartialContent)
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write(data)
	}
	return failure{}
}

// part takes a part of an upload, ends it, or gives it up.
func (s *Store) part(w http.ResponseWriter, r *http.Request, id, number string, body []byte) failure {
	u := s.uploads[id]
	if u == nil {
		return failure{404, "NoSuchUpload"}
	}
	switch r.Method {
	case http.MethodPut:
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > 10000 {
			return failure{400, "InvalidArgument"}
		}
		u.parts[n] = body
		w.Header().Set("ETag", etag(body))
		return failure{}
	case http.MethodDelete:
		delete(s.uploads, id)
		w.WriteHeader(http.StatusNoContent)
		return failure{}
	}
	var list struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if xml.Unmarshal(body, &list) != nil || len(list.Part) == 0 {
		return failure{400, "MalformedXML"}
	}
	var data []byte
	for i, p := range list.Part {
		part, ok := u.parts[p.PartNumber]
		if !ok || strings.Trim(p.ETag, `"`) != strings.Trim(etag(part), `"`) {
			return failure{400, "InvalidPart"}
		}
		if i < len(list.Part)-1 && len(part) < 5<<20 {
			return failure{400, "EntityTooSmall"}
		}
		data = append(data, part...)
	}
	s.buckets[u.bucket][u.key] = object{data, time.Now()}
	delete(s.uploads, id)
	return reply(w, struct {
		XMLName           xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket, Key, ETag string
	}{Bucket: u.bucket, Key: u.key, ETag: etag(data)})
}

func reply(w http.ResponseWriter, v any) failure {
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(v)
	return failure{}
}

type listed struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
}

type common struct{ Prefix string }

// pageMax is the number of entries of an answer: few, so that tests see several.
const pageMax = 5

func (s *Store) list(w http.ResponseWriter, bucket, prefix, delimiter, token, most string) failure {
	out := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name, Prefix          string
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []listed
		CommonPrefixes        []common
	}{Name: bucket, Prefix: prefix}
	limit := pageMax
	if n, err := strconv.Atoi(most); err == nil && n > 0 {
		limit = min(limit, n)
	}
	n, last := 0, ""
	for _, k := range s.keys(bucket, prefix) {
		entry := k
		if i := strings.Index(k[len(prefix):], delimiter); delimiter != "" && i >= 0 {
			entry = k[:len(prefix)+i+1]
		}
		if entry == last || token != "" && entry <= token {
			continue
		}
		if n == limit {
			out.IsTruncated, out.NextContinuationToken = true, last
			break
		}
		n, last = n+1, entry
		if entry != k || strings.HasSuffix(entry, "/") && delimiter != "" {
			out.CommonPrefixes = append(out.CommonPrefixes, common{entry})
			continue
		}
		o := s.buckets[bucket][k]
		out.Contents = append(out.Contents, listed{k, o.at.UTC().Format("2006-01-02T15:04:05.000Z"), etag(o.data), len(o.data)})
	}
	return reply(w, out)
}

func (s *Store) listUploads(w http.ResponseWriter, bucket, prefix string) failure {
	type one struct{ Key, UploadId string }
	out := struct {
		XMLName xml.Name `xml:"ListMultipartUploadsResult"`
		Bucket  string
		Upload  []one
	}{Bucket: bucket}
	for id, u := range s.uploads {
		if u.bucket == bucket && strings.HasPrefix(u.key, prefix) {
			out.Upload = append(out.Upload, one{u.key, id})
		}
	}
	return reply(w, out)
}
