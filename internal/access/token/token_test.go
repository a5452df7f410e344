package token

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

var now = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

func setOf(t testing.TB, entries ...Entry) *Set {
	t.Helper()
	data, err := yaml.Marshal(map[string]any{"tokens": entries})
	require.NoError(t, err)
	set, err := Parse(data, nil)
	require.NoError(t, err)
	return set
}

func TestTokenIsKnownByItsHashOnly(t *testing.T) {
	text, entry, err := New("shop-api", []string{"sender"}, now.Add(time.Hour))
	require.NoError(t, err)
	assert.NotContains(t, entry.SHA256, text)
	set := setOf(t, entry)
	got, err := set.Check(text, now)
	require.NoError(t, err)
	assert.Equal(t, "shop-api", got.ID)
	other, _, err := New("shop-api", []string{"sender"}, now.Add(time.Hour))
	require.NoError(t, err)
	assert.NotEqual(t, text, other)
	_, err = set.Check(other, now)
	assert.ErrorIs(t, err, ErrUnknown)
	for i := range text {
		bent := []byte(text)
		bent[i] ^= 1
		_, err := set.Check(string(bent), now)
		assert.Error(t, err, "byte %d changed", i)
	}
	var none *Set
	_, err = none.Check(text, now)
	assert.ErrorIs(t, err, ErrUnknown)
}

func TestTokenStates(t *testing.T) {
	text, entry, err := New("a", []string{"r"}, now)
	require.NoError(t, err)
	_, err = setOf(t, entry).Check(text, now)
	assert.ErrorIs(t, err, ErrExpired)
	entry.Revoked = true
	_, err = setOf(t, entry).Check(text, now.Add(-time.Hour))
	assert.ErrorIs(t, err, ErrRevoked)
}

func TestMalformedTokens(t *testing.T) {
	good := strings.Repeat("A", 43)
	for _, text := range []string{"", ".", "a", "a.", "." + good, "A." + good, "a." + good + "=", "a." + good[1:], "a.b." + good[2:], "a." + good[:42] + "+",
		strings.Repeat("a", 65) + "." + good, "a b." + good, "é." + good, "a." + good[:42] + "\n"} {
		_, ok := Split(text)
		assert.False(t, ok, text)
	}
	id, ok := Split("a_b-1." + good)
	assert.True(t, ok)
	assert.Equal(t, "a_b-1", id)
}

func TestFileNamesEveryMistake(t *testing.T) {
	_, err := Parse([]byte(`
tokens:
  - {id: "UPPER", sha256: `+strings.Repeat("0", 64)+`, roles: [r], expires: 2027-01-01T00:00:00Z}
  - {id: short, sha256: abc, roles: [r], expires: 2027-01-01T00:00:00Z}
  - {id: forever, sha256: `+strings.Repeat("0", 64)+`, roles: [r]}
  - {id: nobody, sha256: `+strings.Repeat("0", 64)+`, roles: [], expires: 2027-01-01T00:00:00Z}
  - {id: stranger, sha256: `+strings.Repeat("0", 64)+`, roles: [x], expires: 2027-01-01T00:00:00Z}
  - {id: stranger, sha256: `+strings.Repeat("0", 64)+`, roles: [r], expires: 2027-01-01T00:00:00Z}
`), func(role string) bool { return role == "r" })
	for _, part := range []string{"UPPER", "64 hex", "every token ends", "roles is empty", `role "x"`, "occurs twice"} {
		assert.ErrorContains(t, err, part)
	}
	_, err = Parse([]byte("tokens: [{id: a, secret: hunter2}]"), nil)
	assert.ErrorContains(t, err, "secret")
	_, err = Parse([]byte("token: []"), nil)
	assert.Error(t, err)
	set, err := Parse(nil, nil)
	require.NoError(t, err)
	assert.Zero(t, set.Len())
}

// TestUnknownIDCostsAsMuchAsAWrongSecret compares medians: a difference of a whole hash would show as 2:1.
func TestUnknownIDCostsAsMuchAsAWrongSecret(t *testing.T) {
	_, entry, err := New("known", []string{"r"}, now.Add(time.Hour))
	require.NoError(t, err)
	set := setOf(t, entry)
	measure := func(text string) float64 {
		best := math.MaxFloat64
		for range 200 {
			start := time.Now()
			for range 50 {
				_, _ = set.Check(text, now)
			}
			best = min(best, float64(time.Since(start)))
		}
		return best
	}
	secret := strings.Repeat("A", 43)
	ratio := measure("known."+secret) / measure("other."+secret)
	assert.InDelta(t, 1, ratio, 0.5)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("tokens: [{id: a, sha256: " + strings.Repeat("0", 64) + ", roles: [r], expires: 2027-01-01T00:00:00Z}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := Parse(data, nil)
		if err != nil {
			return
		}
		for id, e := range set.entries {
			if !validID(id) || len(e.Roles) == 0 || e.Expires.IsZero() {
				t.Fatalf("accepted %+v", e.Entry)
			}
		}
	})
}
