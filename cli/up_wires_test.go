package cli

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/flight/flightsql"
	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/minkstream/mink/cli/local"
)

// A driver for Postgres and a client of Flight SQL see the cluster's catalog, need its token,
// and what they do stands in its audit log, without what the statements say.
func TestUpWires(t *testing.T) {
	c := startCluster(t)
	info, err := c.home.Info()
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(info.Postgres, "postgres://")
	if _, err := pgx.Connect(t.Context(), "postgres://ann:guess@"+address+"/"); err == nil {
		t.Error("a wrong password is taken")
	}
	pg, err := pgx.Connect(t.Context(), "postgres://ann:"+info.Token+"@"+address+"/")
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close(context.Background())
	if _, err := pg.Exec(t.Context(), "CREATE VIEW both_see AS SELECT 'canary-word' AS w"); err != nil {
		t.Fatal(err)
	}

	fl, err := flightsql.NewClient(strings.TrimPrefix(info.Flight, "grpc://"), nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer fl.Close()
	if _, err := fl.Execute(t.Context(), "SELECT * FROM both_see"); err == nil {
		t.Error("Flight SQL needs no token")
	}
	if _, err := fl.Execute(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer canary-word"), "SELECT * FROM both_see"); err == nil {
		t.Error("Flight SQL takes a wrong token")
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+info.Token)
	got, err := fl.Execute(ctx, "SELECT * FROM both_see")
	if err != nil {
		t.Fatal(err)
	}
	r, err := fl.DoGet(ctx, got.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() || r.Record().Column(0).ValueStr(0) != "canary-word" {
		t.Errorf("Flight SQL reads %v, %v", r.Record(), r.Err())
	}

	log, err := os.ReadFile(c.home.Path("log", "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"kind":"CREATE VIEW","outcome":"ok"`, `"who":"ann@127.0.0.1:`, `"door":"flight"`,
		`"msg":"refused","door":"flight","who":"unknown","from":"127.0.0.1:`, `"method":"GetFlightInfo","why":"no token, or not that of this cluster"`, `"msg":"refused","door":"postgres"`,
		`"door":"cli","who":"` + local.User() + `","kind":"up","outcome":"ok"`} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the audit log lacks %s:\n%s", want, log)
		}
	}
	if n := strings.Count(string(log), `"msg":"refused","door":"flight"`); n != 2 {
		t.Errorf("%d calls of Flight were refused:\n%s", n, log)
	}
	if strings.Contains(string(log), "canary-word") || strings.Contains(string(log), info.Token) {
		t.Errorf("the audit log tells too much:\n%s", log)
	}
}

// The start of a cluster stands in its audit log, with what lets others in, and so does one
// that does not succeed.
func TestUpAudited(t *testing.T) {
	data := t.TempDir()
	c := startCluster(t, "--no-token", "--data-dir", data, "--allow-env", "MINK_TEST_*")
	log := func() string {
		text, err := os.ReadFile(c.home.Path("log", "audit.log"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	up := `"door":"cli","who":"` + local.User() + `","kind":"up --no-token --data-dir ` + data + ` --allow-env MINK_TEST_*","outcome":"ok"`
	if strings.Count(log(), up) != 1 {
		t.Errorf("the audit log lacks %s:\n%s", up, log())
	}
	// One that runs already is not started.
	if c.up("--no-token"); strings.Count(log(), `"kind":"up`) != 1 {
		t.Errorf("a cluster that runs was started:\n%s", log())
	}
	if out, errOut, code := c.mink("down"); code != 0 {
		t.Fatal(out, errOut)
	}
	// A port that somebody has.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for _, how := range [][]string{{}, {"--foreground"}} {
		if _, errOut, code := c.mink(append([]string{"up", "--gateway-port", "0", "--rest-port", port, "--postgres-port", "0", "--flight-port", "0"}, how...)...); code == 0 {
			t.Fatalf("up %v with a port that is taken: %s", how, errOut)
		}
	}
	if strings.Count(log(), `"kind":"up","outcome":"failed"`) != 2 {
		t.Errorf("starts that failed are not there:\n%s", log())
	}
}
