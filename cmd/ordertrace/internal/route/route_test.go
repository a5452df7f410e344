package route

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func read(t *testing.T, text []byte) config {
	t.Helper()
	var c config
	require.NoError(t, yaml.Unmarshal(text, &c))
	return c
}

func TestCriticalAlertsGoOutAtOnceOneForEachOrder(t *testing.T) {
	text, err := Config(Webhook{URLFile: "/run/url", TokenFile: "/run/token"}, nil)
	require.NoError(t, err)
	c := read(t, text)
	require.Len(t, c.Route.Routes, 1)
	r := c.Route.Routes[0]
	require.Equal(t, []string{`severity="critical"`}, r.Matchers)
	require.Equal(t, "0s", r.Wait)
	require.Contains(t, r.GroupBy, "order_id")
	hook := c.Receivers[1].Webhooks[0]
	require.Equal(t, "/run/url", hook.URLFile)
	require.Equal(t, &http{Authorization: &authorization{"Bearer", "/run/token"}}, hook.HTTP)
	require.True(t, hook.SendResolved)
}

func TestWarningsReachPeopleGrouped(t *testing.T) {
	text, err := Config(Webhook{URLFile: "/run/url"}, nil)
	require.NoError(t, err)
	c := read(t, text)
	require.Equal(t, c.Receivers[0].Name, c.Route.Receiver)
	require.Equal(t, "/run/url", c.Receivers[0].Webhooks[0].URLFile)
	require.NotContains(t, c.Route.GroupBy, "order_id")
}

func TestAJudgeBehindTLSIsTrustedByItsAuthority(t *testing.T) {
	text, err := Config(Webhook{URLFile: "/run/url"}, []Webhook{{URL: "https://a/", TokenFile: "/a", CAFile: "/ca.pem"}})
	require.NoError(t, err)
	hook := read(t, text).Receivers[2].Webhooks[0]
	require.Equal(t, &authority{"/ca.pem"}, hook.HTTP.TLS)
	require.Equal(t, "/a", hook.HTTP.Authorization.File)
}

func TestJudgesHearOfEveryAlertAndPeopleAsWell(t *testing.T) {
	text, err := Config(Webhook{URLFile: "/run/url"}, []Webhook{{URL: "http://a/", TokenFile: "/a"}, {URL: "http://b/"}})
	require.NoError(t, err)
	c := read(t, text)
	require.Len(t, c.Route.Routes, 3)
	for i, name := range []string{"judge", "judge-2"} {
		require.Equal(t, name, c.Route.Routes[i].Receiver)
		require.True(t, c.Route.Routes[i].Continue, "the people hear of it as well")
		require.Empty(t, c.Route.Routes[i].Matchers)
	}
	require.Nil(t, c.Receivers[1].Webhooks[0].HTTP)
	require.Equal(t, "http://a/", c.Receivers[2].Webhooks[0].URL)
	require.Equal(t, "http://b/", c.Receivers[3].Webhooks[0].URL)
}
