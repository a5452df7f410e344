package limit

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestFailuresRunOutAndComeBack(t *testing.T) {
	l := New(3, time.Second, 10)
	now := time.Unix(1000, 0)
	for range 3 {
		assert.True(t, l.Fail(now, "a"))
	}
	assert.False(t, l.Fail(now, "a"))
	assert.True(t, l.Fail(now, "b"), "others are not affected")
	assert.False(t, l.Fail(now.Add(900*time.Millisecond), "a"))
	assert.True(t, l.Fail(now.Add(1500*time.Millisecond), "a"))
	assert.False(t, l.Fail(now, "a"), "a clock that goes back gives nothing")
}

func TestTheStricterOfTwoKeysDecides(t *testing.T) {
	l := New(2, time.Hour, 10)
	now := time.Unix(1000, 0)
	assert.True(t, l.Fail(now, "1.1.1.1", "id"))
	assert.True(t, l.Fail(now, "2.2.2.2", "id"))
	assert.False(t, l.Fail(now, "3.3.3.3", "id"), "one id from many addresses")
	assert.True(t, l.Fail(now, "", ""), "no key, no limit")
}

func TestBucketsAreBounded(t *testing.T) {
	l := New(1, time.Hour, 100)
	now := time.Unix(1000, 0)
	for i := range 1000 {
		l.Fail(now, fmt.Sprint(i))
	}
	assert.Len(t, l.buckets, 100)
	assert.Equal(t, 100, l.recent.Len())
	assert.EqualValues(t, 900, l.Evicted())
	assert.False(t, l.Fail(now, "999"), "the recent ones are kept")
}

func TestSourceIsWhatOneAttackerHolds(t *testing.T) {
	assert.Equal(t, "192.0.2.7", Source(netip.MustParseAddr("192.0.2.7")))
	assert.Equal(t, "192.0.2.7", Source(netip.MustParseAddr("::ffff:192.0.2.7")))
	assert.Equal(t, "2001:db8:0:1::/64", Source(netip.MustParseAddr("2001:db8:0:1:2:3:4:5")))
	assert.Equal(t, Source(netip.MustParseAddr("fe80::1%eth0")), Source(netip.MustParseAddr("fe80::2%eth1")))
	assert.Equal(t, "unknown", Source(netip.Addr{}))
}
