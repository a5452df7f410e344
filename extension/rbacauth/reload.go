package rbacauth // import "github.com/ordertrace/ordertrace/extension/rbacauth"

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/audit"
	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/door"
	"github.com/ordertrace/ordertrace/internal/access/policy"
	"github.com/ordertrace/ordertrace/internal/access/token"
)

const (
	// settle is how long writers get to finish: an editor writes a file in several steps.
	settle = 100 * time.Millisecond
	// lookAnyway is for file systems that tell nobody about changes.
	lookAnyway = time.Minute
)

// use puts new keys in force and says so.
func (r *rbacAuth) use(p *policy.Policy, tokens *token.Set) {
	r.door.Use(door.Keys{Policy: p, Tokens: tokens})
	r.telemetry.RbacAuthPolicyStale.Record(context.Background(), 0)
	r.audit.Add(audit.Record{Category: "policy", Decision: "loaded", Reason: "file", Policy: p.Hash()})
	r.logger.Info("policy in force", zap.String("policy", p.Hash()), zap.Int("tokens", tokens.Len()), zap.Int("certificates", p.Certificates()))
}

// watch looks at the directories of both files, not at the files: editors and Kubernetes replace them.
func (r *rbacAuth) watch(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the policy: %w", err)
	}
	for _, path := range []string{r.cfg.Policy, r.cfg.Tokens} {
		if path == "" {
			continue
		}
		if err := watcher.Add(filepath.Dir(path)); err != nil {
			_ = watcher.Close()
			return fmt.Errorf("watch the directory of %q: %w", path, err)
		}
	}
	r.watching.Go(func() {
		defer func() { _ = watcher.Close() }()
		r.follow(ctx, watcher)
	})
	return nil
}

// follow drains the watcher's errors too: an overflow means that events were missed, so it counts as one.
func (r *rbacAuth) follow(ctx context.Context, watcher *fsnotify.Watcher) {
	seen := r.fingerprint()
	tick := time.NewTicker(lookAnyway)
	defer tick.Stop()
	due := time.NewTimer(settle)
	defer due.Stop()
	pending := true // counted from the first event on: a busy directory must not put it off for ever
	for {
		select {
		case <-ctx.Done():
			return
		case <-watcher.Events:
			pending = soon(due, pending)
			continue
		case _, ok := <-watcher.Errors: // events were lost: look for oneself
			if !ok {
				return
			}
			pending = soon(due, pending)
			continue
		case <-due.C:
			pending = false
		case <-tick.C:
		}
		if now := r.fingerprint(); now != seen {
			seen = now
			r.reload()
		}
	}
}

func soon(due *time.Timer, pending bool) bool {
	if !pending {
		due.Reset(settle)
	}
	return true
}

// reload takes over changed files, or keeps the old keys and raises the alarm.
func (r *rbacAuth) reload() {
	p, tokens, err := policy.Load(r.cfg.Policy, r.cfg.Tokens, len(r.cfg.Issuers) > 0)
	if err != nil {
		r.countReload("rejected")
		r.telemetry.RbacAuthPolicyStale.Record(context.Background(), 1)
		r.audit.Add(audit.Record{Category: "policy", Decision: "rejected", Reason: "file is wrong; the old policy stays in force"})
		r.logger.Error("changed policy or tokens file is wrong; the old ones stay in force", zap.Error(err))
		r.report(componentstatus.NewRecoverableErrorEvent(err))
		return
	}
	r.countReload("loaded")
	r.use(p, tokens)
	r.report(componentstatus.NewEvent(componentstatus.StatusOK))
}

func (r *rbacAuth) countReload(result string) {
	r.telemetry.RbacAuthReloads.Add(context.Background(), 1, metric.WithAttributes(attribute.String("result", result)))
}

// fingerprint changes whenever the content or the mode of one of the files does. A file that cannot be read has a
// fingerprint too: losing it is a change.
func (r *rbacAuth) fingerprint() [sha256.Size]byte {
	hash := sha256.New()
	for _, path := range []string{r.cfg.Policy, r.cfg.Tokens} {
		if path == "" {
			continue
		}
		data, err := os.ReadFile(path) // #nosec G304 -- the operator's path
		if err != nil {
			data = []byte("unreadable: " + err.Error())
		}
		sum := sha256.Sum256(data)
		_, _ = hash.Write(sum[:])
		if info, err := os.Stat(path); err == nil {
			_, _ = hash.Write([]byte(info.Mode().String()))
		}
	}
	return [sha256.Size]byte(hash.Sum(nil))
}
