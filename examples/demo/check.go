package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ordertrace/ordertrace/examples/demo/internal/report"
	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

const (
	settleTime = 30 * time.Second // kept free at the end: orders finish, telemetry arrives, the checks run
	finishTime = 45 * time.Second // at most, for open orders to close
	arriveTime = 20 * time.Second // for the last telemetry to reach the back ends
	sampleSize = 20
)

// check waits until orders and telemetry have settled, checks every promise and writes the report.
func (s *stage) check(ctx context.Context, started time.Time, lost <-chan lostOrder) error {
	say("the customers have gone; the last orders finish, and what was promised is checked …")
	src := s.sources(started)
	s.finishOrders(ctx, src)
	r := &report.Report{Started: started, Servers: s.servers}
	if err := s.inspect(ctx, r, src, lost); err != nil {
		return err
	}
	r.Seconds = time.Since(started).Seconds()
	path := filepath.Join(s.out, "report.json")
	if err := r.Write(path); err != nil {
		return err
	}
	fmt.Print(r.Summary())
	fmt.Println("report:", path)
	if len(r.Complaints) > 0 {
		return fmt.Errorf("%d promises were broken; see %s", len(r.Complaints), path)
	}
	return nil
}

// finishOrders waits until no order moves any more, so that the database and the metrics can be compared.
func (s *stage) finishOrders(ctx context.Context, src report.Sources) {
	const still = 5 // seconds without a change
	var last report.Orders
	same := 0
	for end := time.Now().Add(finishTime); time.Now().Before(end) && same < still && ctx.Err() == nil; time.Sleep(time.Second) {
		now, err := src.Shop.Orders(ctx)
		if err != nil {
			say("%v", err)
			return
		}
		if now == last {
			same++
		} else {
			same = 0
		}
		last = now
	}
}

func (s *stage) inspect(ctx context.Context, r *report.Report, src report.Sources, lost <-chan lostOrder) error {
	if err := report.WaitForTraces(ctx, src, arriveTime); err != nil {
		r.Complain("%v", err)
	}
	err := errors.Join(
		r.CheckOrders(ctx, src),
		r.CheckMetrics(ctx, src, arriveTime),
		r.CheckCoverage(ctx, src, sampleSize),
		r.CheckKinds(ctx, src),
		r.CheckPersonal(ctx, src),
		r.CheckMonitor(ctx, src),
		r.CheckExemplars(ctx, src),
	)
	if err != nil {
		return fmt.Errorf("check what was promised: %w", err)
	}
	select {
	case one := <-lost:
		if err := s.inspectLost(ctx, r, src, one); err != nil {
			return err
		}
	default:
		r.Complain("no order was lost on purpose: the run was too short, or the shop could not lose one")
	}
	return r.CheckCollector(ctx, s.metrics, src.Prometheus, arriveTime)
}

func (s *stage) inspectLost(ctx context.Context, r *report.Report, src report.Sources, lost lostOrder) error {
	r.LostOrder = report.LostOrder{How: howLost, OrderID: lost.id, Injected: lost.at}
	waiting, cancel := context.WithTimeout(ctx, max(time.Until(lost.at.Add(alertTime)), time.Second))
	defer cancel()
	alert, err := s.alertFor(waiting, lost.id)
	if err != nil {
		r.Complain("no alert for the lost order %s reached the webhook receiver: %v", lost.id, err)
		return nil
	}
	r.LostOrder.Alerted, r.LostOrder.Labels = alert.Received, alert.Labels
	r.LostOrder.AfterS = alert.Received.Sub(lost.at).Seconds()
	r.LostOrder.Others = map[string]string{}
	for _, other := range s.hook.Alerts() {
		name, order := other.Labels["alertname"], other.Labels["order_id"]
		if order == lost.id || order == "" {
			continue
		}
		r.LostOrder.Others[order] = name
		if name == "LostOrder" {
			r.Complain("an alert calls order %s lost, which was not", order)
		}
	}
	trace, err := src.Jaeger.Trace(ctx, alert.Labels["trace_id"])
	if err != nil {
		return fmt.Errorf("read the trace that the alert names: %w", err)
	}
	for _, span := range ask.Spans(trace) {
		if span.Attr("order.id") == lost.id {
			r.LostOrder.LastTrace = trace.SpanCount()
		}
	}
	if r.LostOrder.LastTrace == 0 {
		r.Complain("the alert's trace_id leads to no trace of the lost order")
	}
	found, _, err := src.Jaeger.Find(ctx, ask.Search{Service: frontDoor, Attributes: map[string]string{"order.id": lost.id}, Since: src.Since, Limit: 20})
	if err != nil {
		return fmt.Errorf("search the lost order: %w", err)
	}
	if len(found) == 0 {
		r.Complain("the search that the screen tells people to make finds no trace of the lost order")
	}
	return r.CheckVerdictExemplars(ctx, src, alert.Labels["trace_id"])
}
