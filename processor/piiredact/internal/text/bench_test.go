package text

import (
	"strings"
	"testing"
)

var lengths = map[string]string{"8": "postgres", "26": "/api/orders/ORD-10000042/p", "504": strings.Repeat("queue orders.price depth ", 21)}

func BenchmarkLook(b *testing.B) {
	for name, s := range lengths {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				Look(s)
			}
		})
	}
}

func BenchmarkAnchors(b *testing.B) {
	for name, s := range lengths {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			a := NewAnchors(&Starts{}, nil)
			for b.Loop() {
				a.Read(s)
			}
		})
	}
}
