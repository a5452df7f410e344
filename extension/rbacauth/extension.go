package rbacauth // import "github.com/ordertrace/ordertrace/extension/rbacauth"

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/audit"
	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/door"
	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/jwt"
	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/limit"
	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/metadata"
	"github.com/ordertrace/ordertrace/internal/access/policy"
)

var (
	_ extensionauth.Server           = (*rbacAuth)(nil)
	_ extensionmiddleware.HTTPServer = (*rbacAuth)(nil)
	_ extensionmiddleware.GRPCServer = (*rbacAuth)(nil)
)

// rbacAuth hands requests to the door and records what it decided.
type rbacAuth struct {
	cfg       *Config
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	counters  counters
	paths     map[string]policy.Permission
	failures  *limit.Limiter
	jwts      *jwt.Verifier // nil without issuers
	door      *door.Door
	host      component.Host

	audit    *audit.Log // nil before Start and after a failed one
	stop     context.CancelFunc
	watching sync.WaitGroup
}

func newExtension(cfg *Config, set extension.Settings) (*rbacAuth, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, fmt.Errorf("create telemetry: %w", err)
	}
	verifier := newVerifier(cfg.Issuers)
	failures := limit.New(cfg.Failures.Burst, cfg.Failures.Every, cfg.Failures.Sources)
	return &rbacAuth{
		cfg: cfg, logger: set.Logger, telemetry: telemetry, counters: newCounters(),
		paths: cfg.HTTPPaths.permissions(), failures: failures, jwts: verifier, door: door.New(failures, verifier),
	}, nil
}

// Start opens the audit and the door. It fails on a wrong policy: only a reload keeps what was there before.
func (r *rbacAuth) Start(_ context.Context, host component.Host) error {
	r.host = host
	p, tokens, err := policy.Load(r.cfg.Policy, r.cfg.Tokens, len(r.cfg.Issuers) > 0)
	if err != nil {
		return err
	}
	instance, _ := os.Hostname()
	r.audit, err = audit.Open(r.cfg.Audit.Path, r.cfg.Audit.MaxBytes, instance, r.auditFailed)
	if err != nil {
		return err
	}
	if err := r.observe(); err != nil {
		return err
	}
	r.use(p, tokens)
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	if err := r.fetchKeys(ctx); err != nil {
		return err
	}
	return r.watch(ctx)
}

// Shutdown stops the watcher and writes the rest of the audit.
func (r *rbacAuth) Shutdown(context.Context) error {
	if r.stop != nil {
		r.stop()
	}
	r.watching.Wait()
	r.telemetry.Shutdown()
	if r.audit != nil {
		return r.audit.Close()
	}
	return nil
}

func (r *rbacAuth) observe() error {
	err := r.telemetry.RegisterRbacAuthAuditLinesCallback(func(_ context.Context, o metric.Int64Observer) error {
		written, _ := r.audit.Counts()
		o.Observe(int64(written)) // #nosec G115 -- a count of lines
		return nil
	})
	if err != nil {
		return err
	}
	err = r.telemetry.RegisterRbacAuthAuditLostCallback(func(_ context.Context, o metric.Int64Observer) error {
		_, lost := r.audit.Counts()
		o.Observe(int64(lost)) // #nosec G115 -- a count of events
		return nil
	})
	if err != nil {
		return err
	}
	return r.telemetry.RegisterRbacAuthLimiterEvictedCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(int64(r.failures.Evicted())) // #nosec G115 -- a count of sources
		return nil
	})
}

// auditFailed is called by the audit's goroutine. Denials stay denials; what got no line is counted.
func (r *rbacAuth) auditFailed(err error) {
	r.logger.Error("audit line was not written", zap.Error(err))
	r.report(componentstatus.NewRecoverableErrorEvent(err))
}

func (r *rbacAuth) report(event *componentstatus.Event) {
	if r.host != nil {
		componentstatus.ReportStatus(r.host, event)
	}
}

// decide asks the door, counts the answer and audits a denial.
func (r *rbacAuth) decide(request door.Request, target audit.Target) door.Verdict {
	verdict := r.door.Decide(request, time.Now())
	r.record(request, verdict, target)
	return verdict
}

func (r *rbacAuth) record(request door.Request, v door.Verdict, target audit.Target) {
	r.telemetry.RbacAuthDecisions.Add(context.Background(), 1, r.counters.of(target.Transport, request.Permission, v.Outcome))
	if v.Outcome == door.Allowed || r.audit == nil {
		return
	}
	if v.Quiet {
		r.audit.Suppress()
		return
	}
	if len(target.Route) > maxRoute {
		target.Route = target.Route[:maxRoute]
	}
	r.audit.Add(audit.Record{
		Category: "send", Decision: "denied", Reason: string(v.Reason), Permission: string(request.Permission), Rule: v.Rule,
		Policy: v.PolicyHash, Source: request.From(), Target: target,
		Actor: audit.Actor{Subject: v.Subject.Name, Claimed: v.Claimed, Method: v.Subject.Method, Roles: v.Subject.Roles},
	})
}

// maxRoute bounds what a stranger can make us write.
const maxRoute = 200

// counters holds the attribute sets of every decision, so that counting allocates nothing.
type counters map[counter]metric.MeasurementOption

type counter struct {
	transport  string
	permission policy.Permission
	outcome    door.Outcome
}

func newCounters() counters {
	c := counters{}
	for _, transport := range []string{transportGRPC, transportHTTP} {
		for _, permission := range []policy.Permission{"", policy.TracesWrite, policy.MetricsWrite, policy.LogsWrite} {
			for _, outcome := range []door.Outcome{door.Allowed, door.Unauthenticated, door.Forbidden, door.Limited} {
				name := string(permission)
				if name == "" {
					name = "none"
				}
				c[counter{transport, permission, outcome}] = metric.WithAttributeSet(attribute.NewSet(
					attribute.String("transport", transport), attribute.String("permission", name),
					attribute.String("decision", string(outcome))))
			}
		}
	}
	return c
}

func (c counters) of(transport string, permission policy.Permission, outcome door.Outcome) metric.MeasurementOption {
	return c[counter{transport, permission, outcome}]
}
