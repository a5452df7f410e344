package pipeline

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"gopkg.in/yaml.v3"

	"github.com/ordertrace/ordertrace/connector/slametrics"
	"github.com/ordertrace/ordertrace/extension/orderindex"
	"github.com/ordertrace/ordertrace/extension/rbacauth"
	"github.com/ordertrace/ordertrace/processor/orderenrich"
	"github.com/ordertrace/ordertrace/processor/piiredact"
	"github.com/ordertrace/ordertrace/receiver/heartbeat"
)

// `deadline: 600` is 600 nanoseconds to a decoder: every order would be lost at once.
func TestADurationWithoutAUnitIsRefused(t *testing.T) {
	for _, tt := range []struct {
		factory   component.Factory
		text, key string
	}{
		{slametrics.NewFactory(), "{flows: {order: {transitions: [{from: a, to: b, deadline: 600}]}}}", "flows::order::transitions::0::deadline: 600"},
		{slametrics.NewFactory(), "{time: {allowed_lateness: 120}}", "time::allowed_lateness: 120"},
		{slametrics.NewFactory(), "{incidents: {quiet: 600000000}}", "incidents::quiet: 600000000"},
		{orderenrich.NewFactory(), "{hold: {max_wait: 3}}", "hold::max_wait: 3"},
		{orderindex.NewFactory(), "{trace_ttl: 3600}", "trace_ttl: 3600"},
		{rbacauth.NewFactory(), "{issuers: [{clock_skew: 30}]}", "issuers::0::clock_skew: 30"},
		{piiredact.NewFactory(), "{limits: {max_value_time: 1}}", "limits::max_value_time: 1"},
		{heartbeat.NewFactory(), "{interval: 10}", "interval: 10"},
	} {
		var m map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(tt.text), &m))
		err := confmap.NewFromStringMap(m).Unmarshal(tt.factory.CreateDefaultConfig())
		require.ErrorContains(t, err, tt.key, tt.text)
		require.ErrorContains(t, err, "a duration needs a unit: write ")
	}
}
