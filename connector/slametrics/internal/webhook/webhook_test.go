package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ordertrace/ordertrace/connector/slametrics/internal/incident"
)

const notification = `{"version":"4","alerts":[{"status":"firing","labels":{"stage":"submitted"},"startsAt":"2026-11-27T20:00:00Z"}]}`

// cut is a body that ends before its end.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestOnlyAWholeNotificationFromWhoHoldsTheTokenIsTaken(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	for name, c := range map[string]struct {
		method, authorization string
		body                  io.Reader
		file                  string
		fails                 bool
		code                  int
		outcome               string
	}{
		"good":               {"POST", "Bearer s3cret", strings.NewReader(notification), "s3cret\n", false, 200, "accepted"},
		"scheme in any case": {"POST", "bearer s3cret", strings.NewReader(notification), "s3cret", false, 200, "accepted"},
		"no token":           {"POST", "", strings.NewReader(notification), "s3cret", false, 401, "unauthorized"},
		"another token":      {"POST", "Bearer s3cre", strings.NewReader(notification), "s3cret", false, 401, "unauthorized"},
		"another scheme":     {"POST", "Basic s3cret", strings.NewReader(notification), "s3cret", false, 401, "unauthorized"},
		"an empty token":     {"POST", "Bearer ", strings.NewReader(notification), "", false, 503, "not_kept"},
		"a GET":              {"GET", "Bearer s3cret", http.NoBody, "s3cret", false, 405, "malformed"},
		"no JSON":            {"POST", "Bearer s3cret", strings.NewReader("lost!"), "s3cret", false, 400, "malformed"},
		"a body cut off":     {"POST", "Bearer s3cret", cut{}, "s3cret", false, 400, "malformed"},
		"too much":           {"POST", "Bearer s3cret", strings.NewReader(strings.Repeat(" ", MaxBody+1)), "s3cret", false, 413, "too_large"},
		"a full disk":        {"POST", "Bearer s3cret", strings.NewReader(notification), "s3cret", true, 503, "not_kept"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(token, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			taken, outcome := 0, ""
			h := &Handler{TokenFile: token, Count: func(_ context.Context, o string) { outcome += o },
				Take: func(_ context.Context, alerts []incident.Alert) error {
					taken = len(alerts)
					if c.fails {
						return errors.New("disk full")
					}
					return nil
				}}
			r := httptest.NewRequest(c.method, "/", c.body)
			r.Header.Set("Authorization", c.authorization)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.code || outcome != c.outcome || (taken == 1) != (c.code == 200 || c.fails) {
				t.Errorf("%d %s, %d taken: %s", w.Code, outcome, taken, w.Body)
			}
			if says := w.Header(); (says.Get("WWW-Authenticate") == "Bearer") != (c.code == 401) || (says.Get("Allow") == "POST") != (c.code == 405) {
				t.Errorf("%d: %v", c.code, says)
			}
			if strings.Contains(w.Body.String(), "s3cret") {
				t.Error("the answer tells the token")
			}
		})
	}
}

func TestAFileWithoutATokenIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "blank": " \n", "two lines": "a\nb\n", "huge": strings.Repeat("a", maxToken+1)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := (&Handler{TokenFile: path}).Check(); err == nil || !strings.Contains(err.Error(), "holds no token") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&Handler{TokenFile: filepath.Join(dir, "none")}).Check(); err == nil {
		t.Error("no file")
	}
}
