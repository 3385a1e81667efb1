package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"

	minio "github.com/minio/minio-go/v7"
)

// partBytes is the size of a part of a large object. A store takes 10,000 of them, so that
// an object may have 80 GB; a smaller file is one PUT.
const partBytes = 8 << 20

var errSynced = errors.New("an object cannot be changed once it is synced")

// draft is a file that becomes an object when it is renamed.
type draft struct {
	d    *disk
	name string
	buf  bytes.Buffer
}

func (f *draft) Name() string                { return f.name }
func (f *draft) Write(p []byte) (int, error) { return f.buf.Write(p) }
func (f *draft) Sync() error                 { f.keep(); return nil }
func (f *draft) Close() error                { f.keep(); return nil }

func (f *draft) keep() {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.d.pending[f.name] = f.buf.Bytes()
}

// writer writes an object, which is there when it is synced or closed.
type writer struct {
	object
	buf    []byte
	upload string // of the parts, "" before there are any
	parts  []minio.CompletePart
	size   int64
	done   bool
	err    error
}

func (w *writer) Name() string { return shown(w.bucket, w.key) }

func (w *writer) Write(p []byte) (int, error) {
	if w.done && w.err == nil {
		return 0, w.wrap("write", errSynced)
	}
	n := len(p)
	for len(p) > 0 && w.err == nil {
		if w.buf == nil {
			w.buf = make([]byte, 0, min(max(len(p), 64<<10), partBytes))
		}
		k := min(len(p), partBytes-len(w.buf))
		w.buf, p = append(w.buf, p[:k]...), p[k:]
		if len(w.buf) == partBytes {
			w.err = w.part()
		}
	}
	if w.err != nil {
		return 0, w.err
	}
	return n, nil
}

// part sends what is buffered as the next part.
func (w *writer) part() error {
	if w.upload == "" {
		err := w.try("create", func(ctx context.Context) (err error) {
			w.upload, err = w.core.NewMultipartUpload(ctx, w.bucket, w.key, minio.PutObjectOptions{})
			return err
		})
		if err != nil {
			return err
		}
	}
	sum := hashOf(w.buf)
	err := w.try("write", func(ctx context.Context) error {
		p, err := w.core.PutObjectPart(ctx, w.bucket, w.key, w.upload, len(w.parts)+1, bytes.NewReader(w.buf), int64(len(w.buf)), minio.PutObjectPartOptions{Sha256Hex: sum, DisableContentSha256: true})
		if err == nil {
			w.parts = append(w.parts, minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag})
		}
		return err
	})
	w.size += int64(len(w.buf))
	w.buf = w.buf[:0]
	return err
}

// Sync makes the object be there.
func (w *writer) Sync() error {
	if w.done || w.err != nil {
		return w.err
	}
	w.done = true
	if w.upload == "" {
		w.err = w.put(w.buf, false)
		w.buf = nil
		return w.err
	}
	if len(w.buf) > 0 {
		if w.err = w.part(); w.err != nil {
			return w.err
		}
	}
	w.err = w.try("write", func(ctx context.Context) error {
		_, err := w.core.CompleteMultipartUpload(ctx, w.bucket, w.key, w.upload, w.parts, minio.PutObjectOptions{})
		if code(err) == "NoSuchUpload" {
			// It was done, and the answer was lost.
			if i, e := w.core.StatObject(ctx, w.bucket, w.key, minio.StatObjectOptions{}); e == nil && i.Size == w.size {
				return nil
			}
		}
		return err
	})
	w.buf = nil
	return w.err
}

// Close ends the object. What could not be written is given up.
func (w *writer) Close() error {
	err := w.Sync()
	if err != nil && w.upload != "" {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = w.core.AbortMultipartUpload(ctx, w.bucket, w.key, w.upload)
	}
	return err
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// put writes an object in one step. With once there must be no other: one with the same
// content is taken for this one, whose answer was lost.
func (o object) put(data []byte, once bool) error {
	sum := hashOf(data)
	return o.try("write", func(ctx context.Context) error {
		opts := minio.PutObjectOptions{DisableContentSha256: true} // the sum is that of the whole
		if once && !o.unconditional.Load() {
			opts.SetMatchETagExcept("*")
		}
		_, err := o.core.PutObject(ctx, o.bucket, o.key, bytes.NewReader(data), int64(len(data)), "", sum, opts)
		var e minio.ErrorResponse
		if !once || !errors.As(err, &e) {
			return err
		}
		switch e.StatusCode {
		case http.StatusNotImplemented:
			o.unconditional.Store(true)
			_, err = o.core.PutObject(ctx, o.bucket, o.key, bytes.NewReader(data), int64(len(data)), "", sum, minio.PutObjectOptions{DisableContentSha256: true})
		case http.StatusPreconditionFailed:
			there, e := o.whole(ctx)
			if e != nil {
				return e
			}
			if bytes.Equal(there, data) {
				return nil
			}
			return exists{}
		}
		return err
	})
}

// exists is the error of an object that another one has written.
type exists struct{}

func (exists) Error() string        { return "another process has written it" }
func (exists) Is(target error) bool { return target == fs.ErrExist || target == errCannot }
