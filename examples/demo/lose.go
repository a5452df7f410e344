package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/ordertrace/ordertrace/internal/backend"
)

// lostOrder is the order that a command of the shop has hit.
type lostOrder struct {
	id string
	at time.Time
}

const (
	howLost   = "shop lose: a message was taken from the queue mes.submitted and dropped after the broker had confirmed it"
	warmUp    = 15 * time.Second // the shop works undisturbed
	alertTime = 60 * time.Second // from the loss to the alert, on a busy machine
)

// breakThings holds the row of one order in the database for a moment, so that some spans fail; then it loses another
// order for good, and shows the alert that names it.
func (s *stage) breakThings(ctx context.Context, done chan<- lostOrder) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(warmUp):
	}
	if hit, err := s.breakShop(ctx, "fault", "f5", "--for", "4s", "--wait"); err == nil {
		say("FAILING ON PURPOSE: another session holds the database row of order %s for 4 s", hit.id)
	} else if ctx.Err() == nil {
		say("holding a row: %v", err)
	}
	lost, err := s.breakShop(ctx, "lose")
	if err != nil {
		if ctx.Err() == nil {
			say("losing an order: %v", err)
		}
		return
	}
	done <- lost // its buffer takes it
	say("LOST ON PURPOSE: order %s (its message was dropped from the queue); now wait for its alert …", lost.id)
	ctx, cancel := context.WithTimeout(ctx, alertTime)
	defer cancel()
	if alert, err := s.alertFor(ctx, lost.id); err == nil {
		s.showAlert(alert, lost)
	}
}

// breakShop runs a command of the shop that breaks something and says which order it hit.
func (s *stage) breakShop(ctx context.Context, args ...string) (lostOrder, error) {
	bin, err := backend.Built("shop")
	if err != nil {
		return lostOrder{}, err
	}
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env = append(os.Environ(), "SHOP_DIR="+s.shopDir(), "AMQP_URL="+s.amqp, "DATABASE_URL="+s.database)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return lostOrder{}, fmt.Errorf("shop %s: %w: %s", args[0], err, complaint.String())
	}
	var done struct {
		Order string `json:"order"`
		AtMS  int64  `json:"at_ms"`
	}
	if err := json.Unmarshal(out, &done); err != nil || done.Order == "" {
		return lostOrder{}, fmt.Errorf("shop %s said %q: %w", args[0], out, err)
	}
	return lostOrder{done.Order, time.UnixMilli(done.AtMS)}, nil
}

func (s *stage) alertFor(ctx context.Context, order string) (backend.Alert, error) {
	return s.hook.Wait(ctx, func(a backend.Alert) bool {
		return a.Status == "firing" && a.Labels["alertname"] == "LostOrder" && a.Labels["order_id"] == order
	})
}

func (s *stage) showAlert(a backend.Alert, lost lostOrder) {
	say("ALERT at the webhook receiver, %.0f s after the loss:", a.Received.Sub(lost.at).Seconds())
	for _, label := range []string{"alertname", "severity", "order_id", "flow", "transition", "trace_id"} {
		fmt.Printf("          %-10s %s\n", label, a.Labels[label])
	}
	for _, key := range []string{"summary", "description"} {
		if text := a.Annotations[key]; text != "" {
			fmt.Printf("          %s\n", text)
		}
	}
	if s.hasPages() {
		fmt.Printf("          %s\n", a.Annotations["trace_url"])
	}
	fmt.Printf("          its last trace  %s\n", s.readTrace(a.Labels["trace_id"]))
	fmt.Printf("          all its traces  %s\n", s.findOrder(lost.id))
}
