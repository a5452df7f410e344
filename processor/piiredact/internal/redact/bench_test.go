package redact

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// BenchmarkFirstSight is what a value with personal data costs that nobody met before.
func BenchmarkFirstSight(b *testing.B) {
	line := strings.Repeat("the workshop accepted the order without any remark of the technologist; ", 6)
	for _, c := range [][2]string{
		{"email", "mail ivan.petrov%05d@example.com now"}, {"phone", "call +7 (999) 1%05d-7 now"}, {"card", "paid with 4111 1111 1111 1111 (%05d)"},
		{"bearer", "Authorization: Bearer mF_9.B5f-4.1JqM9kP2x%05d"}, {"dsn", "postgres://shop:hunter2%05d@db:5432/shop"},
		{"line", line + "ivan.petrov%05d@example.com"},
	} {
		b.Run(c[0], func(b *testing.B) {
			se := testEngine(policy.Balanced).Session()
			d := se.Key("", "note")
			values := make([]string, 5000)
			for i := range values {
				values[i] = fmt.Sprintf(c[1], i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, v := se.Text(d, values[i%len(values)], 0); v != Changed {
					b.Fatal(values[i%len(values)])
				}
			}
		})
	}
}
