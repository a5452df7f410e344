package shard

import (
	"fmt"
	"testing"
)

func TestShardsAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]string{
		"": "0-63", " ": "0-63", "0-31": "0-31", "0-15, 40 ,48 - 63": "0-15,40,48-63", "7": "7", "63,0": "0,63", "1-2,3": "1-3",
	} {
		set, err := Parse(text)
		if err != nil || set.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, set, err, want)
		}
	}
	for _, text := range []string{"64", "-1", "5-3", "a", "1,,2", "0-64", "1-", ","} {
		if set, err := Parse(text); err == nil {
			t.Errorf("%q is read as %q", text, set)
		}
	}
}

// The numbers are part of the format: gateways and judges of other versions count with them.
func TestTheShardOfAnOrderNeverChanges(t *testing.T) {
	for key, want := range map[string]int{"": 37, "ORD-00000001": 4, "ORD-00000002": 29, "5f1c2a9e7d3b4c60": 40} {
		if got := Of(key); got != want {
			t.Errorf("%q is in shard %d, want %d", key, got, want)
		}
	}
}

func TestOrdersSpreadEvenly(t *testing.T) {
	var in [Count]int
	const orders = 64_000
	for n := range orders {
		in[Of(fmt.Sprintf("ORD-%08d", n))]++
	}
	for shard, n := range in {
		if n < 700 || n > 1300 {
			t.Errorf("shard %d has %d of %d", shard, n, orders)
		}
	}
}
