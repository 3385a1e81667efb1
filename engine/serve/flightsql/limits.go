package flightsql

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow/flight"
	"github.com/apache/arrow/go/v17/arrow/flight/flightsql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/minkstream/mink/engine/batch"
)

// What a client sends is bounded in memory as well as on the wire: buffers may be
// compressed, a column of NULLs has no bytes, and a schema may name one field many times.
const (
	// putBytes is the greatest size of what a client has sent at a time, unpacked.
	putBytes = 4 * messageBytes
	// valuesMost is the number of values of parameters of a statement, in all its rows.
	valuesMost = 1 << 20
)

// service routes calls to the handler, and those that send columns past its limits.
type service struct {
	flight.FlightServer
	h *handler
}

func newService(h *handler) service { return service{flightsql.NewFlightServer(h), h} }

// DoPut takes the parameters of a prepared statement.
func (s service) DoPut(stream flight.FlightService_DoPutServer) error {
	return flightsql.NewFlightServerWithAllocator(s.h, batch.NewBounded(putBytes)).DoPut(&put{FlightService_DoPutServer: stream})
}

// put is the stream of such a call; it refuses what the library's reader would trust.
type put struct {
	flight.FlightService_DoPutServer
	begun bool
}

func (p *put) Recv() (*flight.FlightData, error) {
	d, err := p.FlightService_DoPutServer.Recv()
	if err != nil {
		return nil, err
	}
	if !p.begun && d.FlightDescriptor == nil {
		return nil, status.Error(codes.InvalidArgument, "the first message does not say what it is for")
	}
	p.begun = true
	if len(d.DataHeader) > 0 {
		if err := batch.CheckArrowMessage(d.DataHeader); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
	}
	return d, nil
}

// answered turns a panic of a call, which would take all jobs of the process with it, into
// an error of that call.
func answered(err *error) {
	if r := recover(); r != nil {
		*err = status.Errorf(codes.Internal, "the call failed for a reason of mink's own: %v", r)
	}
}

func answerUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, call grpc.UnaryHandler) (out any, err error) {
	defer answered(&err)
	return call(ctx, req)
}

func answerStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, call grpc.StreamHandler) (err error) {
	defer answered(&err)
	return call(srv, stream)
}
