//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// A service beside an agent, the agent's token at the gateway, and TLS between both: two traces of one order, joined by a
// message id, arrive named.
func TestAnAgentSendsThroughTheGateway(t *testing.T) {
	g := newGateway(t)
	tokenFile := filepath.Join(g.dir, "agent.token")
	ordertrace(t, "token", "new", "--id", "agent-1", "--file", filepath.Join(g.dir, "tokens.yaml"), "--out", tokenFile)
	logs := filepath.Join(t.TempDir(), "shop.log")
	require.NoError(t, os.WriteFile(logs, nil, 0o600))
	agent := prepare(t, []string{"preset:agent"}, "ORDERTRACE_INSTANCE=host-1", "ORDERTRACE_GATEWAYS=["+g.grpc+"]", "ORDERTRACE_GATEWAY_CA="+filepath.Join(g.dir, "ca.pem"),
		"ORDERTRACE_TOKEN_FILE="+tokenFile, "ORDERTRACE_HMAC_KEY="+filepath.Join(g.dir, "hmac.json"), "ORDERTRACE_LOG_FILES=["+logs+"]")
	agent.start(t, g.site, "agent")

	s := newSender(t, agent.grpc, nil)
	const message = "5f1c2a9e7d3b4c60"
	sent, id := oneTrace("shop-api", 2, map[string]string{"order.id": "ORD-10000007", "messaging.message.id": message, "note": "mail anna@example.com"})
	require.NoError(t, s.send(t.Context(), sent))
	g.requireArrives(t, id)
	received, other := oneTrace("mes-api", 2, map[string]string{"messaging.message.id": message})
	require.NoError(t, s.send(t.Context(), received))
	g.requireArrives(t, other)

	for _, trace := range []string{id, other} {
		traces, err := g.jaeger.Trace(t.Context(), trace)
		require.NoError(t, err)
		for _, span := range ask.Spans(traces) {
			require.Equal(t, "ORD-10000007", span.Attr("order.id"), "%s %s", span.Service(), span.Name())
			require.NotContains(t, span.Attr("note"), "anna@")
		}
	}
}
