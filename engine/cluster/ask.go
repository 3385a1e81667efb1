package cluster

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// The coordinator asks a node's process about the process itself: its log, its stacks, a
// profile. What is asked and answered is not this package's business: a question is bytes,
// and NodeOptions.Answer makes bytes of it.
//
// An answer may be large and beats go the same way, so it comes in pieces, each of which is
// asked for: on a slow line a beat waits for one piece at most. The node keeps an answer
// until its last piece was asked for, or for answerKept.
//
//	ask      number, where the piece begins, and with the first one the question
//	answer   number, 0; length of all, piece       or   number, 1; code, message, hint
const (
	pieceMax   = 64 << 10
	answerMax  = 64 << 20
	answerKept = time.Minute
)

// Ask asks a node. It fails with not-found for a node that is not there, and with what the
// node answers.
func (c *Coordinator) Ask(ctx context.Context, node string, question []byte) ([]byte, error) {
	gone := diag.New(diag.NotFound, "node %s is not there", node)
	c.mu.Lock()
	p := c.find(node)
	if p == nil || !p.node.Alive {
		c.mu.Unlock()
		return nil, gone
	}
	c.asked++
	num, ch := c.asked, make(chan []byte, 1)
	p.asked[num] = ch
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(p.asked, num)
		c.mu.Unlock()
	}()
	var all []byte
	for {
		m := binary.AppendUvarint([]byte{msgAsk}, num)
		m = binary.AppendUvarint(m, uint64(len(all)))
		if len(all) == 0 {
			m = append(m, question...)
		}
		p.out.put(m)
		select {
		case m = <-ch:
		case <-p.done:
			return nil, gone
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		r := reader{b: m}
		if r.byte() != 0 {
			code, msg, hint := r.text(), r.text(), r.text()
			e := diag.New(diag.Code(code), "%s", msg)
			e.Hint = hint
			return nil, e
		}
		size := r.num()
		if r.bad || size > answerMax || len(r.b) == 0 && size > 0 || uint64(len(all)+len(r.b)) > size {
			return nil, diag.New(diag.Internal, "the answer of node %s is damaged", node)
		}
		if all = append(all, r.b...); uint64(len(all)) == size {
			return all, nil
		}
	}
}

// answered takes a piece of an answer.
func (c *Coordinator) answered(p *peer, m []byte) {
	r := reader{b: m}
	num := r.num()
	c.mu.Lock()
	ch := p.asked[num]
	c.mu.Unlock()
	if ch == nil {
		return // nobody waits for it any more
	}
	select {
	case ch <- r.b:
	default: // it was not asked for
	}
}

// answers are those of a node that are being fetched. They go with the life with the
// coordinator: the next one counts its questions from 1 again.
type answers struct {
	mu   sync.Mutex
	kept map[uint64][]byte
}

// asked answers a question, or gives another piece of an answer. It returns at once.
func (n *node) asked(ctx context.Context, m []byte, send func([]byte)) {
	r := reader{b: m}
	num, from := r.num(), r.num()
	if r.bad {
		return
	}
	k := n.answers // an answer that comes late is not for the next life
	give := func(all []byte) {
		b := binary.AppendUvarint([]byte{msgAnswer}, num)
		b = append(b, 0)
		b = binary.AppendUvarint(b, uint64(len(all)))
		to := min(from+pieceMax, uint64(len(all)))
		b = append(b, all[min(from, to):to]...)
		k.mu.Lock()
		if to == uint64(len(all)) {
			delete(k.kept, num)
		} else if from == 0 {
			if k.kept == nil {
				k.kept = map[uint64][]byte{}
			}
			k.kept[num] = all
			time.AfterFunc(answerKept, func() {
				k.mu.Lock()
				delete(k.kept, num)
				k.mu.Unlock()
			})
		}
		k.mu.Unlock()
		send(b) // once it is kept: the next piece may be asked for at once
	}
	fail := func(err error) {
		d := diag.As(err)
		if d == nil {
			d = diag.Wrap(diag.Internal, err, "the node cannot answer")
		}
		b := binary.AppendUvarint([]byte{msgAnswer}, num)
		b = appendText(append(b, 1), string(d.Code))
		b = appendText(b, text(d))
		send(appendText(b, d.Hint))
	}
	if from > 0 {
		k.mu.Lock()
		all, ok := k.kept[num]
		k.mu.Unlock()
		if !ok {
			fail(diag.New(diag.NotFound, "the answer was not fetched in time"))
			return
		}
		give(all)
		return
	}
	if n.opt.Answer == nil {
		fail(diag.New(diag.Unsupported, "the node tells nothing of itself"))
		return
	}
	question := append([]byte(nil), r.b...)
	go func() {
		all, err := n.opt.Answer(ctx, question)
		switch {
		case err == nil && len(all) > answerMax:
			err = diag.New(diag.LimitExceeded, "the answer is larger than %d bytes", answerMax)
			fallthrough
		case err != nil:
			fail(err)
		default:
			give(all)
		}
	}()
}

// text is an error's message with its cause, without its code.
func text(d *diag.Error) string {
	msg := d.Error()
	if prefix := string(d.Code) + ": "; len(msg) > len(prefix) && msg[:len(prefix)] == prefix {
		return msg[len(prefix):]
	}
	return msg
}
