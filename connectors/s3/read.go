package s3

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"sync"

	minio "github.com/minio/minio-go/v7"
)

// A file is read in pieces, of which the last few are kept: who restores state reads a footer
// and then blocks, many of them small and close to one another.
const (
	pieceBytes = 4 << 20
	piecesKept = 4
)

// reader reads an object. ReadAt may be called from several goroutines.
type reader struct {
	object
	info minio.ObjectInfo
	at   int64 // of Read

	mu     sync.Mutex
	pieces []piece // the newest last
}

type piece struct {
	off  int64
	data []byte
}

func (o object) open() (*reader, error) {
	i, err := o.head()
	if err != nil {
		return nil, err
	}
	return &reader{object: o, info: i}, nil
}

func (r *reader) Stat() (fs.FileInfo, error) {
	return info{name: path.Base(r.key), size: r.info.Size, at: r.info.LastModified}, nil
}

func (r *reader) Close() error { return nil }

func (r *reader) Read(p []byte) (int, error) {
	if r.at >= r.info.Size {
		return 0, io.EOF
	}
	n, err := r.ReadAt(p[:min(int64(len(p)), r.info.Size-r.at)], r.at)
	r.at += int64(n)
	return n, err
}

func (r *reader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, r.wrap("read", fs.ErrInvalid)
	}
	for n < len(p) {
		if off+int64(n) >= r.info.Size {
			return n, io.EOF
		}
		at := (off + int64(n)) / pieceBytes * pieceBytes
		data, err := r.piece(at)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], data[off+int64(n)-at:])
	}
	return n, nil
}

// piece gets a piece of the object.
func (r *reader) piece(off int64) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pieces {
		if p.off == off {
			return p.data, nil
		}
	}
	size := min(pieceBytes, r.info.Size-off)
	var data []byte
	err := r.try("read", func(ctx context.Context) error {
		var o minio.GetObjectOptions
		if err := o.SetRange(off, off+size-1); err != nil {
			return err
		}
		if err := o.SetMatchETag(r.info.ETag); err != nil { // that of when it was opened
			return err
		}
		body, _, _, err := r.core.GetObject(ctx, r.bucket, r.key, o)
		if err != nil {
			return err
		}
		defer body.Close()
		data = make([]byte, size)
		if _, err = io.ReadFull(body, data); errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(r.pieces) == piecesKept {
		r.pieces = r.pieces[1:]
	}
	r.pieces = append(r.pieces, piece{off, data})
	return data, nil
}

// whole reads the object as it is now.
func (o object) whole(ctx context.Context) ([]byte, error) {
	body, _, _, err := o.core.GetObject(ctx, o.bucket, o.key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}
