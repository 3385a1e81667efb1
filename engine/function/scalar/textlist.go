package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
)

// textList appends strings to a child of a list column. One list is open at a time.
type textList struct {
	kid   *batch.Col
	w     batch.Writer
	nulls []int
}

func newTextList(f *function.Frame, dst *batch.Col, kid int) *textList {
	k := &dst.Kids[kid]
	k.Alloc(k.Type, 0)
	return &textList{kid: k, w: f.Strings(k)}
}

func (l *textList) add(s []byte) {
	l.w.Buf = append(l.w.Buf, s...)
	l.kid.Views = append(l.kid.Views, l.w.End())
}

func (l *textList) null() {
	l.nulls = append(l.nulls, len(l.kid.Views))
	l.kid.Views = append(l.kid.Views, batch.View{})
}

// count is the number of strings so far.
func (l *textList) count() uint32 { return uint32(len(l.kid.Views)) }

func (l *textList) close() {
	l.w.Close()
	for _, i := range l.nulls {
		l.kid.SetNull(i, len(l.kid.Views))
	}
}

// listLanes calls f for the live lanes and ends the list of every lane.
func listLanes(dst *batch.Col, n int, live []uint64, count func() uint32, f func(i int) error) error {
	for i := range n {
		if kernel.Live(live, i) {
			if err := f(i); err != nil {
				return err
			}
		}
		dst.Offs[i+1] = count()
	}
	return nil
}
