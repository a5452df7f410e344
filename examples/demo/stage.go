package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the shop's database
	_ "modernc.org/sqlite"             // its stand-in

	"github.com/ordertrace/ordertrace/examples/demo/internal/report"
	"github.com/ordertrace/ordertrace/internal/backend"
	"github.com/ordertrace/ordertrace/internal/backend/ask"
)

// stage is everything that runs, and how to ask it.
type stage struct {
	out       string
	root      string
	site      *backend.Site
	hook      *backend.Webhook
	jaeger    *backend.Jaeger
	prom      *backend.Prometheus
	alerts    *backend.Alertmanager
	collector *backend.Process
	customers *backend.Process
	services  []*backend.Process

	amqp, database  string // URLs; empty for the shop's stand-ins
	brokerMetrics   string
	databaseMetrics string
	adminPorts      []int // of shop-api, crm-api, mes-api
	otlp, metrics   string
	told            []string // variables by which the collector hears of alerts
	servers         map[string]string
	db              *sql.DB
}

var serviceNames = []string{"shop-api", "crm-api", "mes-api"}

// raise starts everything. What it returns must be struck even when it fails.
func raise(ctx context.Context, out string) (*stage, error) {
	s := &stage{servers: map[string]string{}}
	var err error
	if s.out, err = filepath.Abs(out); err != nil {
		return s, err
	}
	if s.root, err = backend.Root(); err != nil {
		return s, err
	}
	for _, old := range []string{"shop", "data", "logs", "monitor", "report.json"} { // of the run before
		if err := os.RemoveAll(filepath.Join(s.out, old)); err != nil {
			return s, err
		}
	}
	if s.site, err = backend.NewSite(filepath.Join(s.out, "logs")); err != nil {
		return s, err
	}
	for _, step := range []func(context.Context) error{s.startStores, s.startBackends, s.startCollector, s.startShop, s.openDatabase} {
		if err := step(ctx); err != nil {
			return s, err
		}
	}
	return s, nil
}

// strike ends everything, in reverse order.
func (s *stage) strike() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.site != nil {
		errs = append(errs, s.site.Stop())
	}
	if s.hook != nil {
		errs = append(errs, s.hook.Close())
	}
	return errors.Join(errs...)
}

func say(format string, args ...any) {
	fmt.Printf("%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// startStores prefers the real broker and database and falls back on what the shop brings along.
func (s *stage) startStores(ctx context.Context) error {
	s.brokerMetrics, s.databaseMetrics = "127.0.0.1:15692", "127.0.0.1:9187"
	if os.Getenv("DEMO_SERVERS") == "stand-in" {
		s.servers["broker"], s.servers["database"] = "stand-in", "stand-in"
		say("using the shop's stand-ins: a small AMQP broker in memory and an SQLite file")
		return ctx.Err()
	}
	if rabbit, err := s.site.RabbitMQ(ctx, backend.RabbitMQOptions{MetricsPort: 15692}); err != nil {
		say("RabbitMQ: %v", err)
		say("RabbitMQ: using the shop's stand-in, a small AMQP broker in memory")
		s.servers["broker"] = "stand-in"
	} else {
		s.amqp, s.brokerMetrics, s.servers["broker"] = rabbit.URL, rabbit.Metrics, "RabbitMQ"
		say("RabbitMQ takes messages")
	}
	if pg, err := s.site.Postgres(ctx, backend.PostgresOptions{}); err != nil {
		say("PostgreSQL: %v", err)
		say("PostgreSQL: using the shop's stand-in, an SQLite file")
		s.servers["database"] = "stand-in"
	} else {
		s.database, s.servers["database"] = pg.URL, "PostgreSQL"
		say("PostgreSQL takes queries")
		if exporter, err := s.site.Exporter(ctx, pg, 9187); err != nil {
			say("PostgreSQL's metrics: %v", err)
		} else {
			s.databaseMetrics = exporter.Addr
		}
	}
	return ctx.Err()
}

func (s *stage) startBackends(ctx context.Context) (err error) {
	if s.hook, err = backend.NewWebhook(); err != nil {
		return err
	}
	assets := os.Getenv("JAEGER_ASSETS")
	if s.jaeger, err = s.site.Jaeger(ctx, backend.JaegerOptions{OTLPPort: 14317, QueryPort: 16686, Assets: assets}); err != nil {
		return err
	}
	if err = s.makeMonitor(ctx); err != nil {
		return err
	}
	s.alerts, err = s.site.Alertmanager(ctx, backend.AlertmanagerOptions{Port: 9093, Config: filepath.Join(s.monitor(), "alertmanager.yaml")})
	if err != nil {
		return err
	}
	s.prom, err = s.site.Prometheus(ctx, backend.PrometheusOptions{
		Port: 9090, Alertmanager: s.alerts.Addr, Rules: []string{filepath.Join(s.monitor(), "rules/ordertrace.yaml")},
	})
	if err != nil {
		return err
	}
	s.servers["traces"], s.servers["metrics"], s.servers["alerts"] = "Jaeger", "Prometheus", "Alertmanager"
	say("Jaeger, Prometheus, Alertmanager and a webhook receiver answer")
	return nil
}

// configs are the standalone preset as it is, with the shop's flow beside it.
func (s *stage) configs() []string {
	return []string{"--config", "preset:standalone", "--config", filepath.Join(s.root, "examples/demo/demo.yaml")}
}

// startCollector runs what configs says.
func (s *stage) startCollector(ctx context.Context) error {
	ports, err := backend.FreePorts(4317, 4318, 13133, 8888, 0, 0, 0)
	if err != nil {
		return err
	}
	s.adminPorts = ports[4:]
	s.otlp, s.metrics = fmt.Sprintf("http://127.0.0.1:%d", ports[0]), fmt.Sprintf("http://127.0.0.1:%d/metrics", ports[3])
	env := append(s.told,
		fmt.Sprintf("ORDERTRACE_OTLP_GRPC_ENDPOINT=127.0.0.1:%d", ports[0]),
		fmt.Sprintf("ORDERTRACE_OTLP_HTTP_ENDPOINT=127.0.0.1:%d", ports[1]),
		fmt.Sprintf("ORDERTRACE_HEALTH_ENDPOINT=127.0.0.1:%d", ports[2]),
		fmt.Sprintf("ORDERTRACE_METRICS_PORT=%d", ports[3]),
		"ORDERTRACE_JAEGER_OTLP="+s.jaeger.OTLP, "ORDERTRACE_PROMETHEUS_OTLP="+s.prom.OTLP,
		"ORDERTRACE_DATA_DIR="+filepath.Join(s.out, "data"), "DEMO_RABBITMQ_METRICS="+s.brokerMetrics,
		"DEMO_POSTGRES_METRICS="+s.databaseMetrics,
	)
	for i, name := range serviceNames {
		variable := "DEMO_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		env = append(env, fmt.Sprintf("%s=127.0.0.1:%d", variable, s.adminPorts[i]))
	}
	bin, err := backend.Built("otelcol-ordertrace")
	if err != nil {
		return err
	}
	s.collector, err = s.site.Run(backend.Command{
		Name: "collector", Path: bin, Env: env, Grace: 30 * time.Second,
		Args: s.configs(),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := s.collector.WaitReady(ctx, backend.Answers(fmt.Sprintf("http://127.0.0.1:%d/", ports[2]))); err != nil {
		return err
	}
	say("the collector takes telemetry at %s", s.otlp)
	return nil
}

func (s *stage) shopDir() string { return filepath.Join(s.out, "shop") }

func (s *stage) shop(name string, env []string, args ...string) (*backend.Process, error) {
	if s.amqp != "" {
		env = append(env, "AMQP_URL="+s.amqp)
	}
	if s.database != "" {
		env = append(env, "DATABASE_URL="+s.database)
	}
	env = append(env, "SHOP_DIR="+s.shopDir(), "OTEL_EXPORTER_OTLP_ENDPOINT="+s.otlp, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc")
	bin, err := backend.Built("shop")
	if err != nil {
		return nil, err
	}
	return s.site.Run(backend.Command{Name: name, Path: bin, Args: append([]string{name}, args...), Env: env})
}

func (s *stage) startShop(ctx context.Context) error {
	if err := os.MkdirAll(s.shopDir(), 0o755); err != nil {
		return err
	}
	names := serviceNames
	if s.amqp == "" {
		names = append([]string{"broker"}, names...)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for i, name := range names {
		var env []string
		if name != "broker" {
			env = append(env, "SHOP_ADMIN=127.0.0.1:"+strconv.Itoa(s.adminPorts[i-len(names)+len(serviceNames)]))
		}
		p, err := s.shop(name, env)
		if err != nil {
			return err
		}
		s.services = append(s.services, p)
		if name == "broker" { // the services look for it when they start
			if err := p.WaitReady(ctx, s.announced(name)); err != nil {
				return err
			}
		}
	}
	for i, name := range names {
		if err := s.services[i].WaitReady(ctx, s.announced(name)); err != nil {
			return err
		}
	}
	say("the shop is open: %s", strings.Join(names, ", "))
	return nil
}

// letCustomersIn starts the load. After the given time (0: never) no new orders come; the customers leave when
// theirs are through, or when they have lost patience.
func (s *stage) letCustomersIn(business time.Duration) (err error) {
	s.customers, err = s.shop("customers", nil, "--rate", "2", "--patience", "30s", "--duration", business.String())
	return err
}

// announced is a probe: the process has written that it is ready.
func (s *stage) announced(name string) func(context.Context) error {
	return func(context.Context) error {
		_, err := os.Stat(filepath.Join(s.shopDir(), name+".json"))
		return err
	}
}

func (s *stage) openDatabase(ctx context.Context) (err error) {
	if s.database != "" {
		s.db, err = sql.Open("pgx", s.database)
	} else {
		s.db, err = sql.Open("sqlite", "file:"+filepath.Join(s.shopDir(), "shop.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	}
	if err != nil {
		return err
	}
	return s.db.PingContext(ctx)
}

func (s *stage) sources(since time.Time) report.Sources {
	return report.Sources{
		Jaeger: ask.Jaeger{Addr: s.jaeger.Query}, Prometheus: ask.Prometheus{Addr: s.prom.Addr},
		Shop: report.Shop{DB: s.db}, Since: since, Planted: filepath.Join(s.shopDir(), "planted.jsonl"),
		Dashboards: filepath.Join(s.monitor(), "grafana/*.json"),
		LogFiles:   []string{filepath.Join(s.out, "data/logs/*"), filepath.Join(s.out, "data/queue/*"), s.collector.Log},
	}
}
