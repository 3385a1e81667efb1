package s3

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	minio "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// How long and how often the store is asked. A checkpoint has a timeout of its own, which
// is longer.
const (
	patience     = time.Minute
	attempts     = 8
	firstPause   = 50 * time.Millisecond
	longestPause = 5 * time.Second
)

var errCannot = errors.New("an object store cannot do that")

// client asks a store. It may be used from several goroutines.
type client struct {
	core  *minio.Core
	clock env.Clock
	// unconditional says that the store does not know If-None-Match.
	unconditional atomic.Bool
}

func newClient(clock env.Clock, written, environment func(string) string, resolve func(key, value string) (string, error)) (*client, error) {
	set := map[string]string{}
	for _, key := range Keys {
		v := written(key)
		if resolve != nil {
			var err error
			if v, err = resolve(key, v); err != nil {
				return nil, err
			}
		}
		set[key] = v
	}
	setting := func(key string) string { return set[key] }
	or := func(key string, names ...string) string {
		if v := setting(key); v != "" {
			return v
		}
		for _, n := range names {
			if v := environment(n); v != "" {
				return v
			}
		}
		return ""
	}
	endpoint := or("s3.endpoint", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
	region := or("s3.region", "AWS_REGION", "AWS_DEFAULT_REGION")
	style := minio.BucketLookupAuto
	if text := setting("s3.path.style.access"); text != "" {
		yes, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil {
			return nil, diag.New(diag.InvalidOption, "setting 's3.path.style.access' takes true or false, not '%s'", text)
		}
		style = minio.BucketLookupDNS
		if yes {
			style = minio.BucketLookupPath
		}
	}
	secure := true
	switch {
	case endpoint == "":
		endpoint = "s3.amazonaws.com"
	case strings.Contains(endpoint, "://"):
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.Trim(u.Path, "/") != "" {
			return nil, diag.New(diag.InvalidOption, "setting 's3.endpoint' is no address such as https://s3.example.com")
		}
		endpoint, secure = u.Host, u.Scheme == "https"
		region = cmp.Or(region, "us-east-1") // what stores of one's own go by
	}
	id, key := or("s3.access-key", "AWS_ACCESS_KEY_ID"), or("s3.secret-key", "AWS_SECRET_ACCESS_KEY")
	if id == "" || key == "" {
		return nil, diag.New(diag.MissingOption, "an object store needs a key").
			WithHint("set 's3.access-key' and 's3.secret-key', or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = patience / 2
	transport.DisableCompression = true
	core, err := minio.NewCore(endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(id, key, or("s3.session-token", "AWS_SESSION_TOKEN")), Secure: secure, Region: region, BucketLookup: style, Transport: transport,
		MaxRetries: 1, // try does that, by the host's clock
	})
	if err != nil {
		return nil, diag.Wrap(diag.InvalidOption, err, "'s3.endpoint' is no address of an object store")
	}
	core.SetAppInfo("mink", "1")
	return &client{core: core, clock: clock}, nil
}

// try asks until there is an answer that asking again would not change.
func (o object) try(op string, f func(ctx context.Context) error) error {
	pause := firstPause
	for n := 1; ; n++ {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := f(ctx)
		cancel()
		if err == nil {
			return nil
		}
		if n == attempts || !passing(err) {
			return o.wrap(op, err)
		}
		o.clock.Sleep(pause)
		pause = min(2*pause, longestPause)
	}
}

// passing reports an error that may be gone the next time: no answer, or one that says so.
func passing(err error) bool {
	var e minio.ErrorResponse
	if !errors.As(err, &e) {
		return !errors.Is(err, errCannot)
	}
	switch e.Code {
	case "SlowDown", "InternalError", "RequestTimeout", "ServiceUnavailable", "OperationAborted", "ConditionalRequestConflict":
		return true
	}
	return e.StatusCode >= 500 && e.StatusCode != http.StatusNotImplemented || e.StatusCode == http.StatusTooManyRequests
}

func code(err error) string {
	var e minio.ErrorResponse
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// wrap says what was tried with what. The library's own texts have no secrets in them; of a
// failed connection the address is left out, which carries a signature.
func (o object) wrap(op string, err error) error {
	var e minio.ErrorResponse
	var u *url.Error
	switch {
	case errors.As(err, &e) && (e.Code == "NoSuchKey" || e.StatusCode == http.StatusNotFound && e.Code != "NoSuchBucket"):
		err = fs.ErrNotExist
	case errors.As(err, &e) && e.Code == "NoSuchBucket":
		err = errors.New("there is no bucket '" + o.bucket + "'")
	case errors.As(err, &e) && (e.StatusCode == http.StatusForbidden || e.StatusCode == http.StatusUnauthorized):
		err = denied(e.Code + ": " + e.Message)
	case errors.As(err, &u):
		err = u.Err
	}
	return &fs.PathError{Op: op, Path: shown(o.bucket, o.key), Err: err}
}

// denied is what the store says to who may not.
type denied string

func (d denied) Error() string        { return "the object store refuses: " + string(d) }
func (d denied) Is(target error) bool { return target == fs.ErrPermission }

func (o object) exists() error {
	return o.try("open", func(ctx context.Context) error {
		ok, err := o.core.BucketExists(ctx, o.bucket)
		if err == nil && !ok {
			err = minio.ErrorResponse{Code: "NoSuchBucket", StatusCode: http.StatusNotFound}
		}
		return err
	})
}

func (o object) remove() error {
	return o.try("remove", func(ctx context.Context) error {
		err := o.core.RemoveObject(ctx, o.bucket, o.key, minio.RemoveObjectOptions{})
		if code(err) == "NoSuchKey" {
			err = nil // the answer of the time before was lost
		}
		return err
	})
}

// copyOf makes o a copy of another object; the store does it.
func (o object) copyOf(from object) error {
	return o.try("copy", func(ctx context.Context) error {
		_, err := o.core.Client.CopyObject(ctx, minio.CopyDestOptions{Bucket: o.bucket, Object: o.key}, minio.CopySrcOptions{Bucket: from.bucket, Object: from.key})
		return err
	})
}

// each lists objects below a prefix; with flat those alone that have no further slash, and
// the directories beside them.
func (o object) each(prefix, delimiter string, most int, f func(info minio.ObjectInfo, dir string) error) error {
	token := ""
	for {
		var page minio.ListBucketV2Result
		err := o.try("list", func(context.Context) error {
			var err error
			page, err = o.core.ListObjectsV2(o.bucket, prefix, "", token, delimiter, most)
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range page.Contents {
			if err := f(c, ""); err != nil {
				return err
			}
		}
		for _, p := range page.CommonPrefixes {
			if err := f(minio.ObjectInfo{}, p.Prefix); err != nil {
				return err
			}
		}
		if !page.IsTruncated || most > 0 && most < 1000 {
			return nil
		}
		token = page.NextContinuationToken
	}
}

func (o object) below() string {
	if o.key == "" {
		return ""
	}
	return o.key + "/"
}

func (o object) list() ([]fs.DirEntry, error) {
	var out []fs.DirEntry
	err := o.each(o.below(), "/", 0, func(c minio.ObjectInfo, dir string) error {
		if dir != "" {
			out = append(out, fs.FileInfoToDirEntry(info{name: path.Base(dir), dir: true}))
		} else if c.Key != o.below() {
			out = append(out, fs.FileInfoToDirEntry(info{name: path.Base(c.Key), size: c.Size, at: c.LastModified}))
		}
		return nil
	})
	if err == nil && len(out) == 0 && o.key != "" {
		err = o.wrap("open", fs.ErrNotExist)
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, err
}

func (o object) stat() (fs.FileInfo, error) {
	i, err := o.head()
	if !errors.Is(err, fs.ErrNotExist) {
		return info{name: path.Base(o.key), size: i.Size, at: i.LastModified}, err
	}
	found := false
	if e := o.each(o.below(), "", 1, func(minio.ObjectInfo, string) error { found = true; return nil }); e != nil {
		return nil, e
	}
	if !found {
		return nil, err
	}
	return info{name: path.Base(o.key), dir: true}, nil
}

func (o object) head() (i minio.ObjectInfo, err error) {
	err = o.try("open", func(ctx context.Context) error {
		var err error
		i, err = o.core.StatObject(ctx, o.bucket, o.key, minio.StatObjectOptions{})
		return err
	})
	return i, err
}

// removeAll removes what is at and below a name, parts of uploads that were not ended too.
func (o object) removeAll() error {
	var keys []string
	err := o.each(o.below(), "", 0, func(c minio.ObjectInfo, _ string) error { keys = append(keys, c.Key); return nil })
	if err != nil {
		return err
	}
	if o.key != "" {
		keys = append(keys, o.key)
	}
	for _, k := range keys {
		if err := (object{o.client, o.bucket, k}).remove(); err != nil {
			return err
		}
	}
	_ = o.try("remove", func(ctx context.Context) error { // what stays there costs, and does no harm
		r, err := o.core.ListMultipartUploads(ctx, o.bucket, o.below(), "", "", "", 1000)
		for _, u := range r.Uploads {
			_ = o.core.AbortMultipartUpload(ctx, o.bucket, u.Key, u.UploadID)
		}
		return err
	})
	return nil
}

// info describes an object, or what looks like a directory.
type info struct {
	name string
	size int64
	at   time.Time
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return i.at }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
