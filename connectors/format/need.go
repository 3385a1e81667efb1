package format

import "github.com/minkstream/mink/engine/connect"

// need is a projection as a tree: which children are read.
type need struct {
	whole bool
	kids  map[int]*need
}

// all reads everything below.
var all = &need{whole: true}

func newNeed(paths connect.Projection) *need {
	if paths == nil {
		return all
	}
	root := &need{}
	for _, p := range paths {
		root.add(p)
	}
	return root
}

func (n *need) add(path connect.FieldPath) {
	for _, i := range path {
		if n.kids == nil {
			n.kids = map[int]*need{}
		}
		k := n.kids[i]
		if k == nil {
			k = &need{}
			n.kids[i] = k
		}
		n = k
	}
	n.whole = true
}

// child is what is needed of child i, nil for nothing.
func (n *need) child(i int) *need {
	if n.whole {
		return all
	}
	return n.kids[i]
}
