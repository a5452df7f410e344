//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// sender sends OTLP over gRPC, span by span as the test says; no SDK decides for it.
type sender struct {
	client ptraceotlp.GRPCClient
	token  string
}

func newSender(t *testing.T, addr string, creds credentials.TransportCredentials) *sender {
	t.Helper()
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &sender{client: ptraceotlp.NewGRPCClient(conn)}
}

func (s *sender) send(ctx context.Context, traces ptrace.Traces) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if s.token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+s.token)
	}
	_, err := s.client.Export(ctx, ptraceotlp.NewExportRequestFromTraces(traces))
	return err
}

// oneTrace makes a trace of n spans of one service, each a child of the first; attributes go to the first.
func oneTrace(service string, n int, attributes map[string]string) (ptrace.Traces, string) {
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	trace := randomBytes[pcommon.TraceID]()
	now := time.Now()
	var root pcommon.SpanID
	for i := range n {
		s := spans.AppendEmpty()
		s.SetTraceID(trace)
		s.SetSpanID(randomBytes[pcommon.SpanID]())
		s.SetName("step")
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Second)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
		if i > 0 {
			s.SetParentSpanID(root)
			continue
		}
		root = s.SpanID()
		s.SetKind(ptrace.SpanKindServer)
		for k, v := range attributes {
			s.Attributes().PutStr(k, v)
		}
	}
	return traces, trace.String()
}

func randomBytes[T pcommon.TraceID | pcommon.SpanID]() (id T) {
	switch p := any(&id).(type) {
	case *pcommon.TraceID:
		_, _ = rand.Read(p[:])
	case *pcommon.SpanID:
		_, _ = rand.Read(p[:])
	}
	return id
}
