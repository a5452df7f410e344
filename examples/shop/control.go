package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/ordertrace/ordertrace/examples/shop/internal/fault"
	"github.com/ordertrace/ordertrace/examples/shop/internal/service"
)

var services = []string{"shop-api", "crm-api", "mes-api"}

func breakSomething(ctx context.Context, args []string) error {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	var (
		dir       string
		wish      = fault.Fault{Name: name}
		stay, lag time.Duration
		wait      bool
	)
	f := newFlags("fault " + name)
	f.dir(&dir)
	f.StringVar(&wish.Mode, "mode", "", "how it breaks")
	f.StringVar(&wish.Order, "order", "next", "next, all, or an order number")
	f.IntVar(&wish.Count, "count", 1, "with next: how many orders")
	f.DurationVar(&stay, "for", 0, "how long it stays; 0: until clear")
	f.DurationVar(&lag, "delay", 0, "by how much slow and delay are late (default 20s)")
	f.StringVar(&wish.Queue, "queue", "mes.submitted", "the queue of f2")
	f.BoolVar(&wait, "wait", false, "wait until it has hit an order, and print which")
	check := func() error {
		wish.ForMS, wish.DelayMS = stay.Milliseconds(), lag.Milliseconds()
		if name == "list" || name == "clear" {
			return nil
		}
		complete, err := wish.Complete()
		if err == nil && wait && (complete.Mode == "consumer" || complete.Mode == "queue") {
			err = fmt.Errorf("--wait: %s hits no single order", complete.Mode)
		}
		return err
	}
	if err := f.parse(args, check); err != nil {
		return err
	}
	switch name {
	case "list":
		return listFaults(ctx, dir)
	case "clear":
		return clearFaults(ctx, dir)
	}
	return inject(ctx, dir, wish, wait)
}

func lose(ctx context.Context, args []string) error {
	var dir string
	f := newFlags("lose")
	f.dir(&dir)
	if err := f.parse(args); err != nil {
		return err
	}
	return inject(ctx, dir, fault.Fault{Name: "f2", Mode: "drop", Order: "next", Count: 1, Queue: "mes.submitted"}, true)
}

func inject(ctx context.Context, dir string, wish fault.Fault, wait bool) error {
	wish, err := wish.Complete()
	if err != nil {
		return err
	}
	owner, err := service.Find(dir, wish.Owner())
	if err != nil {
		return err
	}
	var before, now fault.State
	if err := call(ctx, http.MethodGet, owner.Admin+"/admin/faults", nil, &before); err != nil {
		return err
	}
	if err := call(ctx, http.MethodPost, owner.Admin+"/admin/faults", wish, nil); err != nil {
		return err
	}
	for wait {
		if err := call(ctx, http.MethodGet, owner.Admin+"/admin/faults", nil, &now); err != nil {
			return err
		}
		for _, hit := range now.Hits {
			if hit.Fault == wish.Name && hit.Mode == wish.Mode && !slices.Contains(before.Hits, hit) {
				return json.NewEncoder(os.Stdout).Encode(hit)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the fault to hit: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return json.NewEncoder(os.Stdout).Encode(wish)
}

func listFaults(ctx context.Context, dir string) error {
	all := map[string]fault.State{}
	for _, name := range services {
		a, err := service.Find(dir, name)
		if err != nil {
			return err
		}
		var state fault.State
		if err := call(ctx, http.MethodGet, a.Admin+"/admin/faults", nil, &state); err != nil {
			return err
		}
		all[name] = state
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

func clearFaults(ctx context.Context, dir string) error {
	var errs []error
	for _, name := range services {
		a, err := service.Find(dir, name)
		if err == nil {
			err = call(ctx, http.MethodDelete, a.Admin+"/admin/faults", nil, nil)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func summary(ctx context.Context, args []string) error {
	var dir string
	f := newFlags("summary")
	f.dir(&dir)
	if err := f.parse(args); err != nil {
		return err
	}
	a, err := service.Find(dir, "shop-api")
	if err != nil {
		return err
	}
	var out json.RawMessage
	if err := call(ctx, http.MethodGet, a.Admin+"/admin/summary", nil, &out); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// call talks to an admin port.
func call(ctx context.Context, method, url string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var out io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		out = bytes.NewReader(b)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, out)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // read as far as needed
	if response.StatusCode >= 300 {
		reason, _ := io.ReadAll(io.LimitReader(response.Body, 1000)) // the status alone will do
		return fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(reason))
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}
