package text

import (
	"strings"
	"testing"
)

func BenchmarkLook(b *testing.B) {
	for name, s := range map[string]string{"8": "postgres", "26": "/api/orders/ORD-10000042/p", "508": strings.Repeat("queue orders.price depth ", 21)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				Look(s)
			}
		})
	}
}

func BenchmarkAnchors(b *testing.B) {
	for name, s := range map[string]string{"8": "postgres", "26": "/api/orders/ORD-10000042/p", "508": strings.Repeat("queue orders.price depth ", 21)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			var a Anchors
			for b.Loop() {
				a.Read(s)
			}
		})
	}
}
