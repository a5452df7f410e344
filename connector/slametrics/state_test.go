package slametrics_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/ordertrace/ordertrace/connector/slametrics"
)

// disk is a storage extension in memory. A copy of it is what a killed process leaves behind.
type disk struct {
	component.StartFunc
	component.ShutdownFunc
	mu      sync.Mutex
	data    map[string][]byte
	full    bool
	written func() // after each write
}

func newDisk() *disk { return &disk{data: map[string][]byte{}} }

func (d *disk) clone() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &disk{data: maps.Clone(d.data)}
}

func (d *disk) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return d, nil
}

func (d *disk) Get(_ context.Context, key string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.data[key], nil
}

func (d *disk) Set(ctx context.Context, key string, value []byte) error {
	return d.Batch(ctx, storage.SetOperation(key, value))
}

func (d *disk) Delete(ctx context.Context, key string) error {
	return d.Batch(ctx, storage.DeleteOperation(key))
}

func (d *disk) Batch(_ context.Context, ops ...*storage.Operation) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return errors.New("no space left on device")
	}
	for _, op := range ops {
		switch op.Type {
		case storage.Set:
			d.data[op.Key] = op.Value
		case storage.Delete:
			delete(d.data, op.Key)
		}
	}
	if d.written != nil {
		d.written()
	}
	return nil
}

func (d *disk) Close(context.Context) error { return nil }

// host knows the disk, if there is one.
type host struct{ disk *disk }

func (h host) GetExtensions() map[component.ID]component.Component {
	if h.disk == nil {
		return nil
	}
	return map[component.ID]component.Component{component.MustNewID("disk"): h.disk}
}

// kill ends the connector as kill -9 would, and starts it on what it left behind.
func (r *rig) kill() *rig { return r.killAs(r.config) }

// killAs starts it with another configuration.
func (r *rig) killAs(config string) *rig {
	synctest.Wait()
	told := append(r.before, r.toldAt()...)
	left := r.disk.clone()
	r.stop()
	next := newRigOn(r.t, config, left)
	next.before = told
	return next
}

// toldAt is every verdict record so far, as "order transition outcome entered".
func (r *rig) toldAt() []string {
	var all []string
	for _, rec := range r.verdicts() {
		at, _ := rec.Attributes().Get("order.entered_at")
		all = append(all, line(rec)+" "+at.Str())
	}
	return all
}

func TestOrdersAndCountersSurviveARestart(t *testing.T) {
	for _, how := range []string{"stopped", "killed"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRigOn(t, simple, newDisk())
				r.stage("done", "SUBMITTED")
				r.stage("lost", "SUBMITTED")
				r.live(1500 * time.Millisecond)
				r.stage("done", "PRICED")
				if how == "killed" {
					r = r.kill()
				} else {
					r.stop()
					time.Sleep(2 * time.Second)
					r = newRigOn(t, simple, r.disk)
				}
				r.live(14 * time.Second)
				require.Empty(t, r.told(), "nothing is judged within restore_grace")
				r.live(25 * time.Second)
				require.Contains(t, r.told(), "lost submitted->priced lost")
				r.stop()
				n := r.numbers()
				require.Equal(t, 2.0, n["order.started{}"])
				require.Equal(t, 1.0, n["order.transitions{transition=submitted->priced,outcome=on_time}"])
				require.Equal(t, 1.0, n["order.transitions{transition=submitted->priced,outcome=lost}"])
			})
		})
	}
}

func TestStateThatCannotBeUsedStartsAnew(t *testing.T) {
	for name, damage := range map[string]func(*disk){
		"a flipped bit":   func(d *disk) { b := append([]byte{}, d.data["state"]...); b[len(b)/2] ^= 1; d.data["state"] = b },
		"half of it":      func(d *disk) { d.data["state"] = d.data["state"][:len(d.data["state"])/2] },
		"another version": func(d *disk) { b := append([]byte{}, d.data["state"]...); b[0] = 77; d.data["state"] = b },
		"nothing":         func(d *disk) { d.data["state"] = []byte{} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRigOn(t, simple, newDisk())
				r.stage("A", "SUBMITTED")
				r.stop()
				damage(r.disk)
				r = newRigOn(t, simple, r.disk)
				r.stage("B", "SUBMITTED")
				r.live(30 * time.Second)
				r.stop()
				require.Contains(t, r.told(), "B submitted->priced breached")
				require.NotContains(t, fmt.Sprint(r.told()), "A ")
			})
		})
	}
}

func TestStateOfOtherStagesStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigOn(t, simple, newDisk())
		r.stage("A", "SUBMITTED")
		r.stop()
		r = newRigOn(t, "flows: {order: {stages: {other: {attributes: {order.status: SUBMITTED}}}}}", r.disk)
		r.stage("B", "SUBMITTED")
		r.stop()
		require.Equal(t, 1.0, r.numbers()["order.in_flight{stage=other}"])
	})
}

func TestAFullDiskStopsNoVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigOn(t, simple, newDisk())
		r.disk.full = true
		r.stage("A", "SUBMITTED")
		r.live(14 * time.Second)
		r.stop()
		require.Equal(t, []string{"A submitted->priced breached"}, r.told())
	})
}

func TestAMissingStorageIsNamed(t *testing.T) {
	factory := slametrics.NewFactory()
	cfg := loadConfig(t, "storage: file_storage/sla")
	c, err := factory.CreateTracesToMetrics(context.Background(), connectortest.NewNopSettings(factory.Type()), cfg, consumertest.NewNop())
	require.NoError(t, err)
	err = c.Start(context.Background(), componenttest.NewNopHost())
	require.ErrorContains(t, err, `no extension "file_storage/sla": name it under service::extensions`)
	require.NoError(t, c.Shutdown(context.Background()))
}

var _ storage.Extension = (*disk)(nil)
