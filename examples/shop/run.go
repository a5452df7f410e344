package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/ordertrace/ordertrace/examples/shop/broker"
	"github.com/ordertrace/ordertrace/examples/shop/internal/crmapi"
	"github.com/ordertrace/ordertrace/examples/shop/internal/customers"
	"github.com/ordertrace/ordertrace/examples/shop/internal/mesapi"
	"github.com/ordertrace/ordertrace/examples/shop/internal/service"
	"github.com/ordertrace/ordertrace/examples/shop/internal/shopapi"
)

func shopAPI(ctx context.Context, args []string) error {
	return runService(ctx, args, shopapi.Name, "", shopapi.New)
}

func crmAPI(ctx context.Context, args []string) error {
	return runService(ctx, args, crmapi.Name, "", crmapi.New)
}

func mesAPI(ctx context.Context, args []string) error {
	return runService(ctx, args, mesapi.Name, mesapi.IDKey, mesapi.New)
}

func runService(ctx context.Context, args []string, name, idKey string, build func(*service.Service) service.App) error {
	var cfg service.Config
	f := newFlags(name)
	f.service(&cfg)
	f.addresses(&cfg, name == shopapi.Name)
	if err := f.parse(args, func() error { return cfg.Check() }); err != nil {
		return err
	}
	return service.Run(ctx, name, idKey, cfg, build)
}

func runBroker(ctx context.Context, args []string) error {
	var dir, address string
	f := newFlags("broker")
	f.dir(&dir)
	f.text(&address, "http", "SHOP_HTTP", "127.0.0.1:0", "loopback address to listen on, for AMQP")
	if err := f.parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	b, err := broker.Listen(address)
	if err != nil {
		return err
	}
	retract, err := service.Announce(dir, service.Announcement{Name: "broker", AMQP: b.URL(), Broker: "stand-in"})
	if err != nil {
		return errors.Join(err, b.Close())
	}
	<-ctx.Done()
	retract()
	return b.Close()
}

func sendCustomers(ctx context.Context, args []string) error {
	var cfg customers.Config
	var dir string
	f := newFlags("customers")
	f.dir(&dir)
	f.number(&cfg.Pace, "pace", "SHOP_PACE", 1, "factor on all times")
	f.customers(&cfg)
	if err := f.parse(args, func() error { return cfg.Check() }); err != nil {
		return err
	}
	shop, err := waitFor(ctx, dir, shopapi.Name, 30*time.Second)
	if err != nil {
		return err
	}
	ledger, err := customers.OpenLedger(dir)
	if err != nil {
		return err
	}
	retract, err := service.Announce(dir, service.Announcement{Name: "customers"})
	if err != nil {
		return errors.Join(err, ledger.Close())
	}
	defer retract()
	result, err := customers.Run(ctx, cfg, customers.NewWeb(shop.HTTP), ledger.Add)
	err = errors.Join(err, ledger.Close(), json.NewEncoder(os.Stdout).Encode(result))
	if err == nil && len(result.GivenUp)+result.Refused > 0 {
		return notAllEnd
	}
	return err
}

// waitFor waits until another process of the run has announced itself.
func waitFor(ctx context.Context, dir, name string, patience time.Duration) (service.Announcement, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		a, err := service.Find(dir, name)
		if err == nil {
			return a, nil
		}
		select {
		case <-ctx.Done():
			return a, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}
