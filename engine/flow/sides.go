package flow

// A Sided head has a watermark for each of its inputs: the channels to each are
// tracked apart, beside the tracker of all, which says when the task is idle or over.

// newSides makes a tracker for each input, of all channels in their numbers. To the one
// of the other input a channel counts as ended.
func newSides(inputs []int) []tracker {
	sides := []tracker{newTracker(len(inputs)), newTracker(len(inputs))}
	for i, in := range inputs {
		sides[1-in].in[i].ended = true
	}
	return sides
}

// ofSide repeats a change of channel i for the tracker of its input.
func (t *task) ofSide(i int) {
	if t.sides == nil {
		return
	}
	x, from := &t.sides[t.inputs[i]].in[i], &t.wms.in[i]
	wm := max(x.wm, from.wm)
	*x = *from
	x.wm = wm
}

// sidesMoved passes on what follows from a change of the inputs' watermarks.
func (t *task) sidesMoved() error {
	if t.sides == nil {
		return nil
	}
	for t.sides[1].update() {
		if err := t.nodes[0].side(t.sides[1].cur); err != nil || t.paused != nil {
			return err
		}
	}
	if idle := t.sides[1].allIdle(); idle != t.sideIdle {
		t.sideIdle = idle
		if idle {
			if err := t.nodes[0].sideIdle(); err != nil {
				return err
			}
		}
	}
	for t.sides[0].update() {
		if err := t.nodes[0].watermark(0, t.sides[0].cur); err != nil || t.paused != nil {
			return err
		}
	}
	return nil
}
