package batch

// Gather makes b the rows of src, dense: the lanes src selects of the columns
// cols, in that order (nil: all columns), with change kinds, marks and, if all
// its columns are taken, the key hash. Memory of b is used again.
func (b *Batch) Gather(src *Batch, cols []int) {
	n := src.Rows()
	b.Reset()
	k := len(src.Cols)
	if cols != nil {
		k = len(cols)
	}
	b.setCols(k)
	for i := range k {
		j := i
		if cols != nil {
			j = cols[i]
		}
		b.Cols[i].Gather(&src.Cols[j], src.Sel, n)
	}
	b.N = n
	b.appendKinds(0, src, src.Sel, n)
	b.appendMarks(0, src, src.Sel)
	b.appendKeys(0, src, src.Sel, n, cols)
}

// Append adds rows of src to b: the lanes sel, ascending, or all rows of src if
// sel is nil. Marks are taken over to where they stand between those rows. An
// empty b takes the columns of src. The sum of rows must not exceed CapRows.
func (b *Batch) Append(src *Batch, sel []uint16) {
	if sel == nil {
		sel = src.Sel
	}
	n := src.N
	if sel != nil {
		n = len(sel)
	}
	at := b.N
	if at+n > CapRows {
		panic("batch: more rows than a batch can hold")
	}
	if at == 0 {
		b.setCols(len(src.Cols))
		b.Sel, b.Kinds, b.Keys = nil, nil, nil
	}
	if n > 0 {
		for i := range src.Cols {
			b.Cols[i].Append(at, &src.Cols[i], sel, n)
		}
		b.N = at + n
		b.appendKinds(at, src, sel, n)
		b.appendKeys(at, src, sel, n, nil)
	}
	b.appendMarks(at, src, sel)
}

// appendKinds adds n kinds; they stay nil until the first row that is no insert.
func (b *Batch) appendKinds(at int, src *Batch, sel []uint16, n int) {
	if src.Kinds == nil && b.Kinds == nil || n == 0 {
		return
	}
	m := b.memory()
	if b.Kinds == nil {
		m.kinds = extend(m.kinds[:0], at+n)
		clear(m.kinds[:at])
	} else {
		m.kinds = extend(m.kinds[:at], at+n)
	}
	if src.Kinds == nil {
		clear(m.kinds[at:])
	} else {
		gather(m.kinds[at:], src.Kinds, sel, n)
	}
	b.Kinds = m.kinds
}

// appendMarks takes over the marks of src, at the place among the rows of b that
// corresponds to theirs.
func (b *Batch) appendMarks(at int, src *Batch, sel []uint16) {
	if len(src.Marks) == 0 {
		return
	}
	m := b.memory()
	marks := m.marks[:len(b.Marks)]
	i := 0
	for _, mk := range src.Marks {
		pos := int(mk.Pos)
		if sel != nil {
			for i < len(sel) && sel[i] < mk.Pos {
				i++
			}
			pos = i
		}
		marks = addMark(marks, Mark{uint16(at + pos), mk.WM})
	}
	m.marks = marks
	b.Marks = marks
}

// AddMark adds a watermark after the first pos rows. Positions and watermarks
// must not go back; a watermark that does not advance is left out.
func (b *Batch) AddMark(pos int, wm int64) {
	m := b.memory()
	m.marks = addMark(m.marks[:len(b.Marks)], Mark{uint16(pos), wm})
	b.Marks = m.marks
}

func addMark(marks []Mark, mk Mark) []Mark {
	k := len(marks)
	switch {
	case k > 0 && marks[k-1].WM >= mk.WM:
		return marks
	case k > 0 && marks[k-1].Pos == mk.Pos:
		marks[k-1].WM = mk.WM
		return marks
	}
	return append(marks, mk)
}

// appendKeys takes over the key hash of src if b's rows so far have the same one.
// cols is the column list of a Gather.
func (b *Batch) appendKeys(at int, src *Batch, sel []uint16, n int, cols []int) {
	if n == 0 {
		return
	}
	if src.Keys == nil || at > 0 && b.Keys == nil {
		b.Keys = nil
		return
	}
	m := b.memory()
	k := &m.keys
	if at == 0 {
		k.Cols = k.Cols[:0]
		for _, c := range src.Keys.Cols {
			to := c
			if cols != nil {
				to = index(cols, c)
			}
			if to < 0 {
				return
			}
			k.Cols = append(k.Cols, to)
		}
	} else if !equalInts(k.Cols, src.Keys.Cols) {
		b.Keys = nil
		return
	}
	k.H = extend(k.H[:at], at+n)
	k.KG = extend(k.KG[:at], at+n)
	gather(k.H[at:], src.Keys.H, sel, n)
	gather(k.KG[at:], src.Keys.KG, sel, n)
	b.Keys = k
}

func index(list []int, x int) int {
	for i, y := range list {
		if x == y {
			return i
		}
	}
	return -1
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// identity backs Span.
var identity = func() (s [CapRows + 1]uint16) {
	for i := range s {
		s[i] = uint16(i)
	}
	return s
}()

// Span is the selection of the lanes lo to hi-1. It must not be written to.
func Span(lo, hi int) []uint16 { return identity[lo:hi:hi] }
