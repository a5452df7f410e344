package service

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are what each service counts, in Prometheus' own way.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	moves    *prometheus.CounterVec
	messages *prometheus.CounterVec
	queries  *prometheus.CounterVec
	contact  *prometheus.GaugeVec
}

func newMetrics(service string) *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	own := prometheus.WrapRegistererWith(prometheus.Labels{"shop_service": service}, registry)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		own.MustRegister(c)
		return c
	}
	m := &Metrics{
		registry: registry,
		requests: counter("shop_http_requests_total", "Requests answered.", "route", "code"),
		moves:    counter("shop_order_moves_total", "Orders that reached a status.", "status"),
		messages: counter("shop_messages_total", "Messages handled.", "queue", "outcome"),
		queries:  counter("shop_db_queries_total", "Statements sent to the database.", "operation", "table", "outcome"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "shop_http_request_duration_seconds", Help: "Time to answer.", Buckets: prometheus.DefBuckets,
		}, []string{"route"}),
		contact: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "shop_last_customer_info", Help: "The newest customer. A label that should never have held a mail address.",
		}, []string{"contact"}),
	}
	own.MustRegister(m.duration, m.contact)
	return m
}

// LastCustomer keeps one series, with the mail address in its label: the kind
// of mistake that redaction of metrics is there for.
func (m *Metrics) LastCustomer(email string) {
	m.contact.Reset()
	m.contact.WithLabelValues(email).Set(1)
}

// observe counts the requests that pass through next.
func (m *Metrics) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		route := r.Pattern
		if route == "" {
			route = "none"
		}
		m.requests.WithLabelValues(route, strconv.Itoa(recorder.status)).Inc()
		m.duration.WithLabelValues(route).Observe(time.Since(started).Seconds())
	})
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the real writer.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
