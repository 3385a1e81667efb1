package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// Leaser is a catalog that more than one process may have open, and that can tell which
// of them fills a materialized table.
type Leaser interface {
	// Holder is who fills the table p, and what TakeLease is to be given.
	Holder(p Path) (Lease, error)
	// TakeLease makes owner the holder after the one that Holder gave. It fails with
	// conflict when another one came first.
	TakeLease(p Path, after Lease, owner string, until int64) (Lease, error)
	// RenewLease puts the end of a lease off. It fails with conflict when another one
	// holds the table by now.
	RenewLease(p Path, l Lease, until int64) (Lease, error)
	// EndLease gives a lease back; one that was lost stays with who has it.
	EndLease(p Path, l Lease) error
	// DropLeases forgets who fills a table that is dropped; a holder hears of it as it
	// renews.
	DropLeases(p Path) error
}

// Lease is the right to fill a table. The zero value is that of a table that nobody has
// filled yet.
type Lease struct {
	// Number is one more than that of the holder before.
	Number int
	// Owner names the holder, a name of its own for each.
	Owner string
	// Until is when it ends if it is not renewed, in milliseconds of the epoch and by the
	// holder's clock; 0 for one that was given back. Others go by its changing.
	Until int64
}

// leases is the folder of the leases of a table:
//
//	PATH/.lease/shop/sales/00000003     the newest holder, "OWNER UNTIL"
//
// A holder takes the number behind the newest one by a link, which fails when the
// number is taken, so that of two processes one is told. It alone writes its file
// anew; whoever finds a newer number, or another owner, has lost the table.
func (d *Disk) leases(p Path) string {
	return d.join(".lease", fileEncode(p.Database), fileEncode(p.Object))
}

// Holder reads the newest lease.
func (d *Disk) Holder(p Path) (Lease, error) {
	dir := d.leases(p)
	list, err := d.disk.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Lease{}, diag.Wrap(diag.IO, err, "cannot read who fills %s", p)
	}
	for _, f := range slices.Backward(list) {
		n, err := strconv.Atoi(f.Name())
		if err != nil {
			continue // one that is being written
		}
		text, err := d.read(dir + "/" + f.Name())
		if err != nil {
			return Lease{}, diag.Wrap(diag.IO, err, "cannot read who fills %s", p)
		}
		l := Lease{Number: n}
		owner, until, _ := strings.Cut(text, " ")
		if l.Until, err = strconv.ParseInt(until, 10, 64); err != nil {
			return Lease{}, diag.New(diag.IO, "%s/%s says nothing of who fills %s: it is damaged", dir, f.Name(), p).WithHint("remove it when no process fills the table")
		}
		l.Owner = owner
		return l, nil
	}
	return Lease{}, nil
}

// TakeLease writes the lease behind after.
func (d *Disk) TakeLease(p Path, after Lease, owner string, until int64) (Lease, error) {
	dir := d.leases(p)
	if err := d.make(dir); err != nil {
		return Lease{}, err
	}
	l := Lease{Number: after.Number + 1, Owner: owner, Until: until}
	temp, err := d.temporary(dir, l.text())
	if err != nil {
		return Lease{}, err
	}
	defer func() { _ = d.disk.Remove(temp) }() // a left-over is no number
	if err := d.disk.Link(temp, leaseFile(dir, l.Number)); errors.Is(err, fs.ErrExist) {
		return Lease{}, lost(p)
	} else if err != nil {
		return Lease{}, diag.Wrap(diag.IO, err, "cannot write in %s", dir)
	}
	if after.Number > 0 {
		_ = d.disk.Remove(leaseFile(dir, after.Number)) // an older number says nothing
	}
	return l, d.sync(dir)
}

// RenewLease writes the file of a lease anew.
func (d *Disk) RenewLease(p Path, l Lease, until int64) (Lease, error) {
	now, err := d.Holder(p)
	if err != nil {
		return l, err
	}
	if now.Number != l.Number || now.Owner != l.Owner {
		return l, lost(p)
	}
	l.Until = until
	return l, d.replace(leaseFile(d.leases(p), l.Number), l.text())
}

// EndLease writes that a lease has ended.
func (d *Disk) EndLease(p Path, l Lease) error {
	_, err := d.RenewLease(p, l, 0)
	if diag.CodeOf(err) == diag.Conflict {
		return nil
	}
	return err
}

// DropLeases removes the folder.
func (d *Disk) DropLeases(p Path) error { return d.disk.RemoveAll(d.leases(p)) }

func (l Lease) text() string { return l.Owner + " " + strconv.FormatInt(l.Until, 10) }

func leaseFile(dir string, n int) string { return fmt.Sprintf("%s/%08d", dir, n) }

func lost(p Path) error {
	return diag.New(diag.Conflict, "materialized table %s was dropped, or another process fills it by now", p)
}
