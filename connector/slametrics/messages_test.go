package slametrics_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const withMessages = `
messages: {deadline: 10s}
time: {allowed_lateness: 2s, path_silence: 10s, restore_grace: 2s}
metrics_flush_interval: 1s
`

// message sends a producer's or a consumer's span that began and ended now.
func (r *rig) message(kind ptrace.SpanKind, service, destination, id string, span byte, more ...func(ptrace.Span)) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetKind(kind)
	s.SetTraceID([16]byte{9})
	s.SetSpanID([8]byte{span})
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	s.Attributes().PutStr("messaging.destination.name", destination)
	if id != "" {
		s.Attributes().PutStr("messaging.message.id", id)
	}
	for _, m := range more {
		m(s)
	}
	r.sendTraces(td)
}

func (r *rig) messageCount(destination, outcome string) float64 {
	r.t.Helper()
	n, ok := r.numbers()["messages{destination="+destination+",outcome="+outcome+"}"]
	require.True(r.t, ok, "the point exists")
	return n
}

func TestMessagesAreOnTimeLostLateOrDuplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, withMessages)
		for i, id := range []string{"fine", "lost", "late", "twice", "fanned out", "failed"} {
			r.message(ptrace.SpanKindProducer, "shop", "orders", id, byte(i+1))
		}
		r.live(time.Second)
		r.message(ptrace.SpanKindConsumer, "mes", "orders:q", "fine", 20)
		r.message(ptrace.SpanKindConsumer, "mes", "orders:q", "fine", 20) // the same span again is no duplicate
		r.message(ptrace.SpanKindConsumer, "mes", "orders:q", "twice", 21)
		r.message(ptrace.SpanKindConsumer, "mes", "orders:q", "fanned out", 23)
		r.message(ptrace.SpanKindConsumer, "crm", "orders:crm", "fanned out", 24)
		r.message(ptrace.SpanKindConsumer, "mes", "orders:q", "failed", 25, func(s ptrace.Span) { s.Status().SetCode(ptrace.StatusCodeError) })
		r.live(time.Second)
		r.message(ptrace.SpanKindConsumer, "mes", "orders:q", "twice", 22)
		r.live(15 * time.Second)
		r.message(ptrace.SpanKindConsumer, "mes", "orders:q", "late", 26)
		r.live(5 * time.Second)
		r.stop()
		require.Equal(t, 3.0, r.messageCount("orders", "on_time"))
		require.Equal(t, 3.0, r.messageCount("orders", "lost"), "lost, failed, and late until it came")
		require.Equal(t, 1.0, r.messageCount("orders", "late"))
		require.Equal(t, 0.0, r.messageCount("orders", "retracted"))
		require.Equal(t, 1.0, r.messageCount("orders:q", "duplicate"))
		require.Equal(t, 4.0, r.numbers()["message.latency{destination=orders}"])
		require.NotContains(t, r.numbers(), "messages{destination=orders:crm,outcome=duplicate}")
	})
}

func TestMessagesWithoutAnIdAreFollowedByLinkOrParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, withMessages)
		for i := range byte(3) {
			r.message(ptrace.SpanKindProducer, "shop", "orders", "", i+1)
		}
		r.message(ptrace.SpanKindConsumer, "mes", "q", "", 20, func(s ptrace.Span) { s.SetParentSpanID([8]byte{1}) })
		r.message(ptrace.SpanKindConsumer, "mes", "q", "", 21, func(s ptrace.Span) {
			s.SetTraceID([16]byte{8})
			l := s.Links().AppendEmpty()
			l.SetTraceID([16]byte{9})
			l.SetSpanID([8]byte{2})
		})
		r.live(15 * time.Second)
		r.stop()
		require.Equal(t, 2.0, r.messageCount("orders", "on_time"))
		require.Equal(t, 1.0, r.messageCount("orders", "lost"))
	})
}

func TestASilentPathLosesNoMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, withMessages)
		r.message(ptrace.SpanKindProducer, "shop", "orders", "m", 1)
		time.Sleep(time.Hour / 2)
		r.stop()
		require.Equal(t, 0.0, r.messageCount("orders", "lost"))
	})
}

func TestOnlyNamedDestinationsAreJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "messages: {deadline: 10s, destinations: [orders]}\ntime: {allowed_lateness: 2s, path_silence: 10s}\n")
		r.message(ptrace.SpanKindProducer, "shop", "audit", "a", 1)
		r.message(ptrace.SpanKindProducer, "shop", "orders", "b", 2)
		r.live(15 * time.Second)
		r.stop()
		require.Equal(t, 1.0, r.messageCount("orders", "lost"))
		require.NotContains(t, r.numbers(), "messages{destination=audit,outcome=lost}")
	})
}
