package orderindex

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
)

func TestBroadcastNamesEveryProblemAtOnceAndShowsNoPassword(t *testing.T) {
	tests := []struct {
		broadcast map[string]any
		want      []string
	}{
		{map[string]any{"password": "hunter2"}, []string{"redis: missing"}},
		{map[string]any{"redis": "r:6379", "stream": "", "max_entries": 3, "username": "u"}, []string{"redis: scheme \"r\"", "stream: name a key", "max_entries: 3", "password: missing"}},
		{map[string]any{"redis": "redis://u:hunter2@r"}, []string{"user and password go into username and password"}},
		{map[string]any{"redis": "rediss://r?password=hunter2"}, []string{"more than server and database"}},
		{map[string]any{"redis": "rediss://hunter2:\x7f"}, []string{"not a URL"}},
		{map[string]any{"redis": "http://r:6379"}, []string{"scheme \"http\""}},
		{map[string]any{"redis": "rediss:///0"}, []string{"names no server"}},
		{map[string]any{"redis": "rediss://r/x"}, []string{"database \"x\""}},
		{map[string]any{"redis": "redis://r", "tls": map[string]any{"ca_file": "/ca"}}, []string{"has no effect with redis://"}},
		{map[string]any{"redis": "rediss://r", "tls": map[string]any{"insecure_skip_verify": true}}, []string{"let anyone read along"}},
	}
	for _, tt := range tests {
		cfg := createDefaultConfig()
		require.NoError(t, confmap.NewFromStringMap(map[string]any{"broadcast": tt.broadcast}).Unmarshal(cfg))
		err := confmap.Validate(cfg)
		for _, w := range tt.want {
			require.ErrorContains(t, err, w)
		}
		require.NotContains(t, err.Error(), "hunter2")
	}
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.Validate(cfg))
	require.Empty(t, cfg.Broadcast.Redis, "off by default")
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs:              []string{"yaml:broadcast: ${env:ORDERTRACE_NO_SUCH_VARIABLE:-null}"},
		ProviderFactories: []confmap.ProviderFactory{yamlprovider.NewFactory(), envprovider.NewFactory()},
	})
	require.NoError(t, err)
	conf, err := resolver.Resolve(t.Context())
	require.NoError(t, err)
	require.NoError(t, conf.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg), "null is off, as the variable of a preset is when it is not set")
	require.Empty(t, cfg.Broadcast.Redis)
	for _, key := range []string{"stream: bindings", "username: u"} {
		name, value, _ := strings.Cut(key, ": ")
		cfg = createDefaultConfig().(*Config)
		require.NoError(t, confmap.NewFromStringMap(map[string]any{"broadcast": map[string]any{name: value}}).Unmarshal(cfg))
		require.ErrorContains(t, confmap.Validate(cfg), "broadcast: redis: missing", "%s tells nobody anything", key)
	}
	cfg = createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"broadcast": map[string]any{"redis": "rediss://r"}}).Unmarshal(cfg))
	require.Equal(t, int64(20_000), cfg.Broadcast.MaxEntries)
	s, err := parseRedis("rediss://[::1]/3")
	require.NoError(t, err)
	require.Equal(t, server{addr: "[::1]:6379", db: 3, encrypted: true}, s)
}

func TestIdsOfEntriesAreCompared(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"0-0", "1-0", true}, {"9-0", "10-0", true}, {"5-9", "5-10", true}, {"5-1", "5-1", false}, {"10-0", "9-5", false}, {"", "x", false}} {
		require.Equal(t, tt.want, before(tt.a, tt.b), "%s %s", tt.a, tt.b)
	}
	require.Equal(t, time.UnixMilli(1700000000123), timeOf("1700000000123-4"))
}
