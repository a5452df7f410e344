// Package enrich compares what order_enrich costs with groupbytrace and tail_sampling, on the same payloads in one run:
// CPU and allocations per span, bytes kept per span that waits, and what is lost when the collector stops.
//
//	make replay
package enrich
