package flightsql_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/flight"
	pb "github.com/apache/arrow/go/v17/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// TestEveryMethod: none of the service's methods answers without the token, and there are no
// others: nobody can ask what the server has.
func TestEveryMethod(t *testing.T) {
	c, err := grpc.NewClient(serve(t), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// call makes a call of either kind and gives how it ends.
	call := func(method, authorization string, streams bool) codes.Code {
		ctx := t.Context()
		if authorization != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", authorization)
		}
		if !streams {
			return status.Code(c.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{}))
		}
		s, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
		if err != nil {
			return status.Code(err)
		}
		s.CloseSend()
		return status.Code(s.RecvMsg(&emptypb.Empty{}))
	}
	service := pb.FlightService_ServiceDesc
	methods := map[string]bool{}
	for _, m := range service.Methods {
		methods["/"+service.ServiceName+"/"+m.MethodName] = false
	}
	for _, m := range service.Streams {
		methods["/"+service.ServiceName+"/"+m.StreamName] = true
	}
	if len(methods) < 9 {
		t.Errorf("%d methods", len(methods))
	}
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for m, streams := range methods {
		for _, a := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "bearer " + token, token, "Basic", basic("ann"), basic("ann:wrong"), basic(":"), "Basic !"} {
			if got := call(m, a, streams); got != codes.Unauthenticated && got != codes.Internal { // the library trips over some
				t.Errorf("%s with %q: %v", m, a, got)
			}
		}
		if got := call(m, "Bearer "+token, streams); got == codes.Unauthenticated && !strings.HasSuffix(m, "/Handshake") {
			t.Errorf("%s with the token: %v", m, got)
		}
	}
	for _, m := range []string{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "/grpc.health.v1.Health/Check", "/grpc.channelz.v1.Channelz/GetServers"} {
		for _, a := range []string{"", "Bearer " + token} {
			if got := call(m, a, true); got != codes.Unimplemented {
				t.Errorf("%s with %q: %v", m, a, got)
			}
		}
	}
}

// TestMessageSize: a message of more than 16 MB is refused, one of less is read.
func TestMessageSize(t *testing.T) {
	c, ctx := dial(t)
	for size, want := range map[int]codes.Code{1 << 20: codes.InvalidArgument, 16<<20 - 1000: codes.InvalidArgument, 16<<20 + 1: codes.ResourceExhausted} {
		_, err := c.Client.GetFlightInfo(ctx, &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: make([]byte, size)}, grpc.MaxCallSendMsgSize(1<<30))
		if status.Code(err) != want {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
