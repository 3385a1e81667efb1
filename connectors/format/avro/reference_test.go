package avro_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/minkstream/mink/connectors/format/avro"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// The options of a registry take references. They are resolved for each question, so that a
// password that was changed holds from the next on, and what they gave is in no message, even
// where the registry repeats it.
func TestConfluentReferences(t *testing.T) {
	reg := srfake.New()
	defer reg.Close()
	behind, err := url.Parse(reg.URL())
	if err != nil {
		t.Fatal(err)
	}
	var password atomic.Value
	password.Store("canary-one")
	pass := httputil.NewSingleHostReverseProxy(behind)
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, given, _ := r.BasicAuth()
		switch {
		case given == "canary-repeated":
			w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"error_code":40401,"message":"nothing for %s with %s"}`, user, given)
		case user != "canary-user" || given != password.Load():
			w.WriteHeader(http.StatusUnauthorized)
		default:
			pass.ServeHTTP(w, r)
		}
	}))
	defer door.Close()

	disk := env.NewMemDisk()
	write := func(text string) {
		t.Helper()
		f, err := disk.Create("/secret")
		if err == nil {
			_, err = f.Write([]byte(text + "\n"))
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("canary-user:canary-one")
	table := &connect.Table{Deps: connect.Deps{Secrets: &connect.Secrets{
		Disk:     disk,
		Variable: func(name string) (string, bool) { return door.URL, name == "REGISTRY" },
	}}}
	o := connect.Options{"url": "${env:REGISTRY}", "subject": "t-value", "basic-auth.user-info": "${file:/secret}"}
	s := types.Schema{{Name: "n", Type: types.BigIntT}}
	message := func(n int) ([]byte, error) {
		e, err := avro.Confluent.Encoder(s, o, table)
		if err != nil {
			return nil, err
		}
		b := batch.NewBatchBuilder(s.Types()...)
		b.Row(batch.Insert, n)
		var out connect.Encoded
		err = connect.EncodeMessages(e, &out, b.Finish())
		if err != nil {
			return nil, err
		}
		return out.Message(0), nil
	}
	first, err := message(7)
	if err != nil {
		t.Fatal(err)
	}
	d, err := avro.Confluent.Decoder(s, nil, o, table)
	if err != nil {
		t.Fatal(err)
	}
	read := func(msg []byte) (conform.Rows, error) {
		var m connect.Messages
		m.Add(len(msg), 0)
		var dst batch.Batch
		m.Data = msg
		err := connect.DecodeMessages(d, &dst, &m, 10)
		return conform.TextOf(&dst), err
	}
	if rows, err := read(first); err != nil || !slices.Equal(rows, conform.Rows{"+I 7"}) {
		t.Fatalf("%v, %v", rows, err)
	}
	// A schema that the reader does not know yet, behind another password.
	password.Store("canary-two")
	cl, err := sr.NewClient(sr.URLs(reg.URL()))
	if err != nil {
		t.Fatal(err)
	}
	other, err := cl.CreateSchema(t.Context(), "other", sr.Schema{Schema: `{"type":"record","name":"R","fields":[{"name":"n","type":"long"}]}`})
	if err != nil {
		t.Fatal(err)
	}
	second := []byte{0, 0, 0, 0, byte(other.ID), 18}
	refused := func(err error, code diag.Code) {
		t.Helper()
		if text := fmt.Sprint(err); diag.CodeOf(err) != code || strings.Contains(text, "canary") || strings.Contains(text, strings.TrimPrefix(door.URL, "http://")) {
			t.Errorf("wanted %s without what references give: %v", code, err)
		}
	}
	_, err = read(second)
	refused(err, diag.Permission)
	write("canary-user:canary-two")
	if rows, err := read(second); err != nil || !slices.Equal(rows, conform.Rows{"+I 9"}) {
		t.Errorf("%v, %v", rows, err)
	}
	write("canary-user:canary-repeated")
	_, err = message(1)
	refused(err, diag.NotFound)
	door.Close()
	_, err = message(1)
	refused(err, diag.IO)
}
