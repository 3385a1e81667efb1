package cli

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/flight/flightsql"
	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
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
	for _, want := range []string{`"kind":"CREATE VIEW","outcome":"ok"`, `"who":"ann@127.0.0.1:`, `"door":"flight"`} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the audit log lacks %s:\n%s", want, log)
		}
	}
	if strings.Contains(string(log), "canary-word") || strings.Contains(string(log), info.Token) {
		t.Errorf("the audit log tells too much:\n%s", log)
	}
}
