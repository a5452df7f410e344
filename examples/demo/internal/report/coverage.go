package report

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// Coverage says how well Jaeger knows the orders of a random sample.
type Coverage struct {
	Orders  int     `json:"orders"`
	Traces  int     `json:"traces"` // that the shop says belong to them
	Absent  int     `json:"traces_not_in_jaeger"`
	Spans   int     `json:"spans"`
	Right   int     `json:"spans_with_the_right_order_id"`
	Wrong   int     `json:"spans_with_another_order_id"`
	Share   float64 `json:"share_right"`
	Session float64 `json:"share_with_session_id"`
	// Orphans are spans whose parent never arrived.
	Orphans int `json:"spans_whose_parent_is_not_in_jaeger"`
	// Bare counts the spans without an order id by service and name, to find who does not teach.
	Bare    map[string]int  `json:"spans_without,omitempty"`
	Samples []OrderCoverage `json:"samples"`

	sessions int // spans with a session id
}

// OrderCoverage is one order of the sample.
type OrderCoverage struct {
	OrderID string `json:"order_id"`
	Traces  int    `json:"traces"`
	Spans   int    `json:"spans"`
	Right   int    `json:"right"`
	// Absent are the traces that the shop noted and Jaeger does not know.
	Absent []string `json:"traces_not_in_jaeger,omitempty"`
}

// leastShare is the promise. The collector holds spans for seconds until something of their trace, or of the trace that
// they link to, names the order; what arrives later still stays bare.
const leastShare = 0.99

// leastSession is the promise for session ids. MES and CRM work on orders that no session is open for any more; their spans
// get the one in which the order was placed. What passes before that is known stays without.
const leastSession = 0.95

const (
	stillFor   = 4 * time.Second  // longer than the collector holds spans
	stillLimit = 30 * time.Second // for the span counts to stand still
)

// CheckCoverage compares Jaeger with the shop's ground truth for n orders chosen at random.
func (r *Report) CheckCoverage(ctx context.Context, s Sources, n int) error {
	truth, err := s.Shop.GroundTruth(ctx)
	if err != nil {
		return err
	}
	orders := make([]string, 0, len(truth))
	for order := range truth {
		orders = append(orders, order)
	}
	rand.Shuffle(len(orders), func(i, j int) { orders[i], orders[j] = orders[j], orders[i] })
	orders = orders[:min(n, len(orders))]
	var ids []string
	for _, order := range orders {
		ids = append(ids, truth[order]...)
	}
	traces, still, err := settled(ctx, s, ids)
	if err != nil {
		return err
	}
	if !still {
		r.Complain("spans of the sampled orders still arrive after %s", stillLimit)
	}
	c := Coverage{Orders: len(orders), Bare: map[string]int{}}
	for _, order := range orders {
		c.look(order, truth[order], traces)
	}
	c.Share, c.Session = share(c.Right, c.Spans), share(c.sessions, c.Spans)
	r.Coverage = c
	r.judgeCoverage(n)
	return nil
}

func (r *Report) judgeCoverage(n int) {
	c := r.Coverage
	if c.Orders < n {
		r.Complain("only %d orders to sample, not %d", c.Orders, n)
	}
	if c.Absent > 0 {
		r.Complain("%d of %d traces of the sampled orders are not in Jaeger", c.Absent, c.Traces)
	}
	if c.Orphans > 0 {
		r.Complain("%d spans of the sampled orders name a parent that is not in Jaeger", c.Orphans)
	}
	if c.Wrong > 0 {
		r.Complain("%d spans carry the id of another order", c.Wrong)
	}
	if c.Share < leastShare {
		r.Complain("%.1f %% of the sampled orders' spans carry the order id, less than %.0f %%", 100*c.Share, 100*leastShare)
	}
	if c.Session < leastSession {
		r.Complain("%.1f %% of the sampled orders' spans carry a session id, less than %.0f %%", 100*c.Session, 100*leastSession)
	}
}

// settled reads the traces until two readings, stillFor apart, find the same number of spans in each.
func settled(ctx context.Context, s Sources, ids []string) (traces map[string]trace, still bool, err error) {
	for end := time.Now().Add(stillLimit); ; {
		now := make(map[string]trace, len(ids))
		for _, id := range ids {
			spans, err := s.Jaeger.Trace(ctx, id)
			if err != nil {
				return nil, false, err
			}
			now[id] = newTrace(id, ask.Spans(spans))
		}
		still = traces != nil && maps.EqualFunc(traces, now, func(a, b trace) bool { return len(a.spans) == len(b.spans) })
		if traces = now; still || time.Now().After(end) {
			return traces, still, nil
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-time.After(stillFor):
		}
	}
}

// look counts what the traces of one order carry.
func (c *Coverage) look(order string, ids []string, traces map[string]trace) {
	one := OrderCoverage{OrderID: order, Traces: len(ids)}
	for _, id := range ids {
		t := traces[id]
		if len(t.spans) == 0 {
			one.Absent = append(one.Absent, id)
		}
		for _, span := range t.spans {
			one.Spans++
			if _, known := t.spans[span.ParentSpanID()]; !known && !span.ParentSpanID().IsEmpty() {
				c.Orphans++
			}
			if span.Attr("session.id") != "" {
				c.sessions++
			}
			switch span.Attr("order.id") {
			case order:
				one.Right++
			case "":
				c.Bare[span.Service()+" "+span.Name()]++
			default:
				c.Wrong++
			}
		}
	}
	c.Traces, c.Spans, c.Right, c.Absent = c.Traces+one.Traces, c.Spans+one.Spans, c.Right+one.Right, c.Absent+len(one.Absent)
	c.Samples = append(c.Samples, one)
}

// WaitForTraces returns once every trace that the shop says belongs to an order is in Jaeger, or at the limit.
func WaitForTraces(ctx context.Context, s Sources, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	arrived := map[string]bool{}
	for {
		truth, err := s.Shop.GroundTruth(ctx)
		if err != nil {
			return err
		}
		absent := 0
		for _, ids := range truth {
			for _, id := range ids {
				if arrived[id] {
					continue
				}
				trace, err := s.Jaeger.Trace(ctx, id)
				if err != nil {
					return err
				}
				if arrived[id] = trace.SpanCount() > 0; !arrived[id] {
					absent++
				}
			}
		}
		if absent == 0 && len(arrived) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d traces of orders did not reach Jaeger within %s", absent, limit)
		case <-time.After(time.Second):
		}
	}
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
