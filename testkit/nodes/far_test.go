package nodes

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	stdnet "net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/cluster"
	"github.com/minkstream/mink/engine/serve/guard"
	"github.com/minkstream/mink/testkit/nexmark"
)

// abroad is what a town needs whose nodes join over TCP, as if they were on other machines:
// the coordinator cannot kill them, and what is between them can be cut.
type abroad struct {
	dir       string
	authority *guard.Authority
	token     string // the file
	door      string
	// control and rows are the ways of a node to the coordinator, and of others to it.
	control, rows map[string]*proxy
}

func goAbroad(t *testing.T, dir string, nodes int) (*abroad, []stdnet.Listener) {
	t.Helper()
	fail := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	a := &abroad{dir: dir, token: filepath.Join(dir, "join"), control: map[string]*proxy{}, rows: map[string]*proxy{}}
	a.authority, err = guard.OpenAuthority(filepath.Join(dir, "tls"))
	fail(err)
	secret := guard.NewToken()
	fail(os.WriteFile(a.token, []byte(a.authority.JoinToken(secret).Reveal()), 0o600))
	plain, err := stdnet.Listen("tcp", "127.0.0.1:0")
	fail(err)
	a.door = plain.Addr().String()
	d := &guard.NodeDoor{
		Authority: a.authority, Secret: func() (string, error) { return secret, nil },
		Join: func(ask guard.JoinAsk) (string, any, error) { return ask.Name, struct{}{}, nil },
	}
	l, err := d.Serve(plain)
	fail(err)
	for i := range nodes {
		name := "node-" + strconv.Itoa(i+1)
		free, err := stdnet.Listen("tcp", "127.0.0.1:0")
		fail(err)
		a.control[name], a.rows[name] = newProxy(t, a.door), newProxy(t, free.Addr().String())
		free.Close()
	}
	return a, []stdnet.Listener{l}
}

// environ is that of a node's process.
func (a *abroad) environ(name string) []string {
	return []string{"MINK_TEST_STAMPS=1", "MINK_TEST_JOIN=" + a.control[name].address(), "MINK_TEST_TOKEN=" + a.token, "MINK_TEST_ROWS=" + a.rows[name].target + " " + a.rows[name].address()}
}

// joinAbroad makes the wire of a node process.
func joinAbroad(name string) (*guard.Identity, error) {
	text, err := os.ReadFile(os.Getenv("MINK_TEST_TOKEN"))
	if err != nil {
		return nil, err
	}
	token, err := guard.ParseJoinToken(string(text))
	if err != nil {
		return nil, err
	}
	for {
		me, err := guard.Join(context.Background(), os.Getenv("MINK_TEST_JOIN"), token, guard.JoinAsk{Name: name}, &struct{}{})
		if err != nil {
			time.Sleep(50 * time.Millisecond) // the way may be cut
			continue
		}
		at, shown, _ := strings.Cut(os.Getenv("MINK_TEST_ROWS"), " ")
		_, port, _ := stdnet.SplitHostPort(at)
		me.Port, _ = strconv.Atoi(port)
		me.Advertised = shown
		return me, nil
	}
}

// foundAbroad is found for nodes that join over TCP.
func foundAbroad(t *testing.T, nodes, slots int, how ...func(*cluster.Options)) *town {
	t.Helper()
	return foundWith(t, nodes, slots, func(w *town, o *cluster.Options) {
		w.abroad, o.Doors = goAbroad(t, w.dir, nodes)
		o.Shared = []string{filepath.Join(w.dir, "ck")}
		o.Lost = nil
		for _, change := range how {
			change(o)
		}
	}, func(c *engine.Config) {})
}

// proxy is a way between two processes that can be disturbed.
type proxy struct {
	l      stdnet.Listener
	target string
	// there and back say what becomes of bytes to the target and from it.
	there, back atomic.Int32
	mu          sync.Mutex
	conns       map[stdnet.Conn]bool
}

const (
	passes  = iota
	slow    // each piece comes a while later
	swallow // nothing comes, and nobody is told
	cut     // connections are closed
)

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, target: target, conns: map[stdnet.Conn]bool{}}
	t.Cleanup(func() { l.Close(); p.set(cut, cut) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *proxy) address() string { return p.l.Addr().String() }

func (p *proxy) serve(c stdnet.Conn) {
	defer c.Close()
	if p.there.Load() == cut {
		return
	}
	to, err := stdnet.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer to.Close()
	p.mu.Lock()
	p.conns[c], p.conns[to] = true, true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pump(to, c, &p.there) })
	both.Go(func() { p.pump(c, to, &p.back) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	delete(p.conns, to)
	p.mu.Unlock()
}

// pump carries bytes until an end closes. What was swallowed is lost, so a connection that
// lost some stays dumb.
func (p *proxy) pump(to, from stdnet.Conn, mode *atomic.Int32) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	lost := false
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		switch mode.Load() {
		case slow:
			time.Sleep(20 * time.Millisecond)
		case swallow:
			lost = true
		}
		if lost {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// set disturbs the way, or mends it.
func (p *proxy) set(there, back int32) {
	p.there.Store(there)
	p.back.Store(back)
	if there != cut && back != cut {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// ways are the disturbances of a way.
var ways = []struct {
	name        string
	there, back int32
}{{"cut", cut, cut}, {"black hole to it", swallow, passes}, {"black hole from it", passes, swallow}, {"black hole", swallow, swallow}, {"slow", slow, slow}}

// trouble disturbs a random node abroad once: its process, its way to the coordinator, or the
// way of others to it.
func (w *town) trouble(rng *rand.Rand) {
	name := "node-" + strconv.Itoa(1+rng.IntN(w.count))
	switch what := rng.IntN(4); what {
	case 0:
		w.log("SIGKILL " + name)
		w.signal(name, syscall.SIGKILL)
	case 1:
		// Nobody kills it when it is given up on; it wakes and has to see by itself that
		// its time is over.
		d := time.Duration(500+rng.IntN(3000)) * time.Millisecond
		w.log(fmt.Sprint("SIGSTOP ", name, " ", d))
		w.signal(name, syscall.SIGSTOP)
		time.Sleep(d)
		w.signal(name, syscall.SIGCONT)
	default:
		k, p, where := ways[rng.IntN(len(ways))], w.abroad.control[name], "the coordinator"
		if what == 3 {
			p, where = w.abroad.rows[name], "other nodes"
		}
		d := time.Duration(300+rng.IntN(4500)) * time.Millisecond
		w.log(fmt.Sprint(k.name, " between ", name, " and ", where, " ", d))
		p.set(k.there, k.back)
		time.Sleep(d)
		p.set(cut, cut) // what is left of the old connections goes
		p.set(passes, passes)
	}
}

// quietly runs a script in an engine of the test's process and returns its result.
func quietly(t *testing.T, script func(dir string) string) (map[string]int, time.Duration) {
	t.Helper()
	e, err := engine.New(config())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	dir := t.TempDir()
	start := time.Now()
	end(t, (&town{t: t, e: e}).run(script(dir)).Job)
	want := net(t, dir)
	if len(want) == 0 {
		t.Fatal("no rows")
	}
	return want, time.Since(start)
}

// TestAbroad: nodes that have joined over TCP give what one process gives, also when they
// are killed, stopped or cut off; where the coordinator cannot kill what it has given up on.
func TestAbroad(t *testing.T) {
	rng := chance(t)
	runs := 1
	if all() {
		runs = 20
	}
	for _, q := range nexmark.Queries() {
		if q.Name != "q4" && q.Name != "q5" {
			continue
		}
		t.Run(q.Name, func(t *testing.T) {
			t.Parallel()
			events := 300_000
			if q.Updates {
				events = 60_000
			}
			if all() {
				events *= 4 // so that there is time for three disturbances
			}
			want, took := quietly(t, func(dir string) string { return nexmarkScript(q, dir, events) })
			for range runs {
				w := foundAbroad(t, 3, 1)
				out := filepath.Join(w.dir, "out")
				r := w.run(nexmarkScript(q, out, events))
				n := 0
				for ; n < 3 && (n == 0 || all()); n++ {
					ctx, cancel := context.WithTimeout(context.Background(), took/20+time.Duration(rng.Int64N(int64(took/5))))
					err := r.Job.Wait(ctx)
					cancel()
					if err == nil {
						break
					}
					w.trouble(rng)
				}
				end(t, r.Job)
				st := r.Job.Status()
				t.Logf("%d disturbances, %d restarts, %d checkpoints; undisturbed %s", n, st.Restarts, st.Checkpoints.Completed, took)
				onNodes(t, r.Job, 2)
				if same(t, q.Name, net(t, out), want); t.Failed() {
					t.FailNow()
				}
				w.close()
			}
		})
	}
}

// TestNotShared: a node that does not see the folder of checkpoints is not taken, and says
// which it is.
func TestNotShared(t *testing.T) {
	w := &town{t: t, dir: t.TempDir()}
	a, doors := goAbroad(t, w.dir, 1)
	said := make(chan string, 20)
	ck := filepath.Join(w.dir, "ck")
	c, err := cluster.Listen(cluster.Options{Dir: filepath.Join(w.dir, ".mink"), Doors: doors, Shared: []string{ck}, Log: func(s string) { said <- s }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	e, err := engine.New(config())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	text, err := os.ReadFile(a.token)
	if err != nil {
		t.Fatal(err)
	}
	token, err := guard.ParseJoinToken(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*elsewhere){
		"does not see": func(d *elsewhere) { d.from, d.to = ck, filepath.Join(t.TempDir(), "none") },
		"cannot write": func(d *elsewhere) { d.readOnly = true },
		"sees another": func(d *elsewhere) { d.other = filepath.Join(t.TempDir(), "other") },
	} {
		me, err := guard.Join(t.Context(), a.door, token, guard.JoinAsk{Name: "node-1"}, &struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		cfg := config()
		d := &elsewhere{Disk: cfg.Env.Disk}
		change(d)
		cfg.Env.Disk = d
		err = cluster.Serve(t.Context(), cluster.NodeOptions{Env: cfg.Env, Name: "node-1", Wire: me, Remote: true, Build: e.NodeGraph})
		if err == nil || !strings.Contains(err.Error(), "node-1 does not share the folder "+ck+" with the coordinator") {
			t.Errorf("a node that %s the folder: %v", what, err)
		}
		if s := <-said; !strings.Contains(s, "node-1 was not taken") || !strings.Contains(s, "does not share") {
			t.Errorf("the coordinator says %q", s)
		}
	}
	if list, _ := os.ReadDir(ck); len(list) > 0 || len(c.Nodes()) > 0 {
		t.Errorf("left %v, nodes %v", list, c.Nodes())
	}
	// Another node's certificate is of no use, nor is a name that it is not of.
	me, err := guard.Join(t.Context(), a.door, token, guard.JoinAsk{Name: "node-1"}, &struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	err = cluster.Serve(t.Context(), cluster.NodeOptions{Name: "node-2", Wire: me, Remote: true, Build: e.NodeGraph})
	if err == nil || !strings.Contains(err.Error(), "the node is node-1 by its certificate, and says that it is node-2") {
		t.Errorf("a node with the name of another: %v", err)
	}
}

// BenchmarkWire sends pieces of 256 KiB from a node to another over TCP with TLS; package
// flow's BenchmarkFarExchange has the same over a Unix socket, with rows.
func BenchmarkWire(b *testing.B) {
	a, err := guard.OpenAuthority(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	one, err := a.Own("node-1", "127.0.0.1")
	if err != nil {
		b.Fatal(err)
	}
	l, address, err := one.Listen(func(s string) { b.Error(s) })
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	piece := make([]byte, 256<<10)
	got := make(chan int64, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 128<<10))
		got <- n
	}()
	two, err := a.Own("node-2", "127.0.0.1")
	if err != nil {
		b.Fatal(err)
	}
	c, err := two.Rows(context.Background(), "127.0.0.1"+address)
	if err != nil {
		b.Fatal(err)
	}
	w := c.(interface{ WriteAll([][]byte) error })
	b.SetBytes(int64(len(piece)))
	b.ResetTimer()
	for range b.N {
		if err := w.WriteAll([][]byte{piece[:40], piece[40:]}); err != nil {
			b.Fatal(err)
		}
	}
	c.Close()
	if n := <-got; n != int64(b.N*len(piece)) {
		b.Fatalf("%d bytes", n)
	}
}
