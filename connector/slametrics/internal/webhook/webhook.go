// Package webhook takes the notifications of Alertmanager from those who show its token.
package webhook

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/incident"
)

const (
	// MaxBody bounds a notification: Alertmanager sends at most some hundreds of alerts at a time.
	MaxBody = 4 << 20
	// maxToken bounds the token's file.
	maxToken = 4096
)

// Handler answers Alertmanager.
type Handler struct {
	// TokenFile holds the bearer token. It is read for each notification, so that a new one needs no restart.
	TokenFile string
	// Take returns nil once what the alerts told is kept. After an error Alertmanager comes again.
	Take func(context.Context, []incident.Alert) error
	// Count counts a request by its outcome: accepted, unauthorized, malformed, too_large or not_kept.
	Count func(ctx context.Context, outcome string)
}

var _ http.Handler = (*Handler)(nil)

// Check says whether the token can be read.
func (h *Handler) Check() error {
	_, err := readToken(h.TokenFile)
	return err
}

// ServeHTTP takes one notification.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	code, outcome, err := h.take(w, r)
	h.Count(r.Context(), outcome)
	switch code {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	if err != nil {
		http.Error(w, err.Error(), code)
	}
}

func (h *Handler) take(w http.ResponseWriter, r *http.Request) (code int, outcome string, err error) {
	want, err := readToken(h.TokenFile)
	if err != nil {
		return http.StatusServiceUnavailable, "not_kept", errors.New("the token of this webhook cannot be read")
	}
	if !bears(r, want) {
		return http.StatusUnauthorized, "unauthorized", errors.New("show the bearer token of token_file")
	}
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, "malformed", errors.New("POST a notification")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge, "too_large", fmt.Errorf("a notification of more than %d bytes: lower max_alerts", MaxBody)
	}
	if err != nil {
		return http.StatusBadRequest, "malformed", errors.New("the body ended early")
	}
	alerts, err := incident.Parse(body)
	if err != nil {
		return http.StatusBadRequest, "malformed", err
	}
	if err := h.Take(r.Context(), alerts); err != nil {
		return http.StatusServiceUnavailable, "not_kept", errors.New("the notification could not be kept")
	}
	return http.StatusOK, "accepted", nil
}

// bears compares in a time that says nothing of the token.
func bears(r *http.Request, token string) bool {
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	theirs, ours := sha256.Sum256([]byte(strings.TrimSpace(shown))), sha256.Sum256([]byte(token))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(theirs[:], ours[:]) == 1
}

// readToken reads a token of one line.
func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if token == "" || len(b) > maxToken || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("%s holds no token: write one line of at most %d bytes", path, maxToken)
	}
	return token, nil
}
