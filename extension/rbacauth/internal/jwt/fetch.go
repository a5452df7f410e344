package jwt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	refreshEvery = 10 * time.Minute
	atMostEvery  = 10 * time.Second
	fetchTime    = 5 * time.Second
	maxAnswer    = 1 << 20
)

// Fetcher brings the keys of one issuer, in the background.
type Fetcher struct {
	verifier *Verifier
	source   *source
	client   *http.Client
	keysURL  string // empty: by discovery
	report   func(error)
}

// NewFetcher returns the fetcher of an issuer that the verifier knows. The transport carries the trusted roots;
// report is told what came of each fetch, nil or an error.
func (v *Verifier) NewFetcher(issuer, keysURL string, transport http.RoundTripper, report func(error)) *Fetcher {
	client := &http.Client{
		Transport: transport, Timeout: fetchTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirects are not followed") },
	}
	return &Fetcher{verifier: v, source: v.sources[issuer], client: client, keysURL: keysURL, report: report}
}

// Run fetches at once, every ten minutes, and when an unknown key is asked for; after a failure and however often it
// is asked, never more than once in ten seconds. It ends with the context.
func (f *Fetcher) Run(ctx context.Context) {
	for {
		err := f.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		f.report(err)
		if !sleep(ctx, atMostEvery, nil) {
			return
		}
		if err == nil && !sleep(ctx, refreshEvery-atMostEvery, f.source.want) {
			return
		}
	}
}

// sleep waits for the time or for a wish; false means that the context ended.
func sleep(ctx context.Context, d time.Duration, wish <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wish:
		return true
	case <-timer.C:
		return true
	}
}

func (f *Fetcher) fetch(ctx context.Context) error {
	keysURL := f.keysURL
	if keysURL == "" {
		var err error
		if keysURL, err = f.discover(ctx); err != nil {
			return fmt.Errorf("discover the keys of %s: %w", f.source.Name, err)
		}
	}
	asked := time.Now()
	data, err := f.get(ctx, keysURL)
	if err != nil {
		return fmt.Errorf("fetch the keys of %s: %w", f.source.Name, err)
	}
	keys, err := parseRing(data, asked)
	if err != nil {
		return fmt.Errorf("keys of %s: %w", f.source.Name, err)
	}
	if len(keys.keys) == 0 {
		return fmt.Errorf("keys of %s: none may verify a signature", f.source.Name)
	}
	f.verifier.use(f.source, keys)
	return nil
}

// discover asks the provider where its keys are. It must name itself exactly as configured.
func (f *Fetcher) discover(ctx context.Context) (string, error) {
	data, err := f.get(ctx, strings.TrimSuffix(f.source.Name, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		return "", fmt.Errorf("parse: %w", err)
	}
	if document.Issuer != f.source.Name {
		return "", errors.New("it calls itself by another name")
	}
	return document.JWKSURI, nil
}

func (f *Fetcher) get(ctx context.Context, address string) ([]byte, error) {
	if !strings.HasPrefix(address, "https://") {
		return nil, errors.New("only https is fetched from")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(data) > maxAnswer {
		err = errors.New("the answer is too large")
	}
	return data, err
}
