package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// Alertmanager routes every alert to one webhook.
type Alertmanager struct {
	*Process
	Addr string // host:port
}

// AlertmanagerOptions configure Alertmanager.
type AlertmanagerOptions struct {
	Port    int
	Webhook string // URL
	Judge   string // URL of the sla_metrics webhook, if it is to be told as well
	Token   string // file of the token to show there
	Config  string // a configuration file in place of all these
}

// Alertmanager starts a server and waits until it is ready. It sends an alert on within a second.
func (s *Site) Alertmanager(ctx context.Context, o AlertmanagerOptions) (*Alertmanager, error) {
	bin, err := Tool("alertmanager", "ALERTMANAGER_BIN")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return onPorts([]int{o.Port}, func(ports []int) (*Alertmanager, error) {
		conf := o.Config
		if conf == "" {
			var err error
			if conf, err = s.write(fmt.Sprintf("alertmanager-%d.yaml", ports[0]), alertmanagerConfig(o)); err != nil {
				return nil, err
			}
		}
		p, err := s.Run(Command{Name: "alertmanager", Path: bin, Args: []string{
			"--config.file=" + conf, "--web.listen-address=" + loopback(ports[0]),
			"--cluster.listen-address=", // alone: no gossip
			"--storage.path=" + filepath.Join(s.data, fmt.Sprintf("alertmanager-%d", ports[0])),
		}})
		if err != nil {
			return nil, err
		}
		a := &Alertmanager{Process: p, Addr: loopback(ports[0])}
		if err := p.WaitReady(ctx, Answers("http://"+a.Addr+"/-/ready")); err != nil {
			return nil, errors.Join(err, p.Stop())
		}
		return a, nil
	})
}

func alertmanagerConfig(o AlertmanagerOptions) string {
	conf := fmt.Sprintf(alertmanagerYAML, o.Webhook)
	if o.Judge != "" {
		conf += fmt.Sprintf("      - {url: %q, send_resolved: true, http_config: {authorization: {type: Bearer, credentials_file: %q}}}\n", o.Judge, o.Token)
	}
	return conf
}

const alertmanagerYAML = `route:
  receiver: webhook
  group_by: ["..."] # no grouping: one notification per alert, so that each names its order
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: webhook
    webhook_configs:
      - {url: %q, send_resolved: true}
`

// Alert is what Alertmanager says about one alert.
type Alert struct {
	Status      string            `json:"status"` // firing or resolved
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`

	Received time.Time `json:"received"` // when it reached us
}

// Webhook receives what Alertmanager sends.
type Webhook struct {
	URL string

	server *http.Server
	mu     sync.Mutex
	alerts []Alert       // in order of arrival; guarded by mu
	news   chan struct{} // closed and replaced at each arrival; guarded by mu
}

// maxAlerts bounds what a webhook receiver remembers; a run has a handful.
const maxAlerts = 10_000

// NewWebhook listens on loopback until Close.
func NewWebhook() (*Webhook, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	w := &Webhook{URL: "http://" + l.Addr().String() + "/alerts", news: make(chan struct{})}
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = w.server.Serve(l) }() // ends with Close
	return w, nil
}

// Close stops listening.
func (w *Webhook) Close() error { return w.server.Close() }

// ServeHTTP takes one notification.
func (w *Webhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	var notification struct {
		Alerts []Alert `json:"alerts"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 4<<20)).Decode(&notification); err != nil {
		http.Error(rw, "not a notification of Alertmanager", http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range notification.Alerts {
		if len(w.alerts) < maxAlerts {
			a.Received = time.Now()
			w.alerts = append(w.alerts, a)
		}
	}
	close(w.news)
	w.news = make(chan struct{})
}

// Alerts returns what has arrived so far.
func (w *Webhook) Alerts() []Alert {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Alert(nil), w.alerts...)
}

// Wait returns the first alert that matches, waiting for it when it has not arrived.
func (w *Webhook) Wait(ctx context.Context, match func(Alert) bool) (Alert, error) {
	for {
		w.mu.Lock()
		news := w.news
		alerts := w.alerts
		w.mu.Unlock()
		for _, a := range alerts {
			if match(a) {
				return a, nil
			}
		}
		select {
		case <-news:
		case <-ctx.Done():
			return Alert{}, fmt.Errorf("%d alerts, none that matches: %w", len(alerts), ctx.Err())
		}
	}
}
