package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ordertrace/ordertrace/examples/shop/internal/customers"
	"github.com/ordertrace/ordertrace/examples/shop/internal/fault"
	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
	"github.com/ordertrace/ordertrace/examples/shop/internal/service"
	"github.com/ordertrace/ordertrace/examples/shop/internal/store"
)

// TestMain lets the test binary be the shop: up starts its own executable.
func TestMain(m *testing.M) {
	if os.Getenv("SHOP_TEST_IS_SHOP") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestEveryOrderOfAHealthyShopEnds(t *testing.T) {
	s := start(t, "--orders", "6", "--rate", "20", "--cancel", "0.2")
	if err := s.cmd.Wait(); err != nil {
		t.Fatalf("shop up: %v\n%s", err, s.stderr)
	}
	result := s.result(t)
	if result.Placed != 6 || result.Closed+result.Cancelled != 6 {
		t.Errorf("%+v", result)
	}
	db := s.database(t)
	summary, err := db.Summary(t.Context())
	if err != nil || summary.ByStatus[string(order.Closed)] != result.Closed || summary.Lost != 0 {
		t.Errorf("%+v (%v)", summary, err)
	}
	for _, name := range []string{"up", "broker", "shop-api", "crm-api", "mes-api", "customers"} {
		if _, err := service.Find(s.dir, name); err == nil {
			t.Errorf("%s is still announced", name)
		}
	}
	planted, err := os.ReadFile(filepath.Join(s.dir, "planted.jsonl"))
	if n := bytes.Count(planted, []byte("\n")); err != nil || n < 6*7 {
		t.Errorf("%d planted values listed (%v)", n, err)
	}
}

// The faults act on the running shop, and on the order that they name.
func TestFaultsStrikeTheOrdersTheyName(t *testing.T) {
	s := start(t, "--rate", "4")
	s.ready(t)
	for _, tt := range []struct {
		args []string
		want order.Status // where the order stays while the fault stands; "" is: it is not stored
	}{
		{[]string{"f1", "--mode", "hang"}, order.Submitted},
		{[]string{"f1", "--mode", "undistributed"}, order.Submitted},
		{[]string{"f2"}, order.Submitted},
		{[]string{"f2", "--queue", "mes.approved"}, order.Approved},
		{[]string{"f3"}, ""},
		{[]string{"f4", "--mode", "fail"}, order.Priced},
		{[]string{"f4", "--mode", "stuck"}, order.Priced},
	} {
		var hit fault.Hit
		out := s.run(t, append(append([]string{"fault"}, tt.args...), "--wait")...)
		if err := json.Unmarshal(out, &hit); err != nil || !order.ValidID(hit.Order) {
			t.Fatalf("%v: %s (%v)", tt.args, out, err)
		}
		// Long enough for a healthy order at this pace to be through.
		s.until(t, "SELECT count(*) FROM orders WHERE id > $1 AND status = 'CLOSED'", hit.Order)
		o, err := s.database(t).Get(t.Context(), hit.Order)
		if (err != nil) != (tt.want == "") || o.Status != tt.want {
			t.Errorf("%v: %s is %q (%v), want %q", tt.args, hit.Order, o.Status, err, tt.want)
		}
		s.run(t, "fault", "clear")
	}
	s.stop(t)
}

// SQLite locks the whole file, so nobody gets through until the lock is gone;
// then everybody does.
func TestAHeldLockStopsTheOrderUntilItIsCleared(t *testing.T) {
	s := start(t, "--rate", "4", "--cancel", "0")
	s.ready(t)
	db := s.database(t)
	var hit fault.Hit
	if err := json.Unmarshal(s.run(t, "fault", "f5", "--wait"), &hit); err != nil {
		t.Fatal(err)
	}
	if o, err := db.Get(t.Context(), hit.Order); err != nil || o.Status != order.Submitted {
		t.Errorf("%s is %q (%v)", hit.Order, o.Status, err)
	}
	s.run(t, "fault", "clear")
	s.until(t, "SELECT count(*) FROM orders WHERE id = $1 AND status = 'CLOSED'", hit.Order)
	s.until(t, "SELECT count(*) FROM faults WHERE order_id = $1 AND fault = 'f5'", hit.Order)
	s.stop(t)
}

func TestADelayedAndADoubledMessageDoNoHarm(t *testing.T) {
	s := start(t, "--rate", "4", "--orders", "8", "--cancel", "0")
	s.ready(t)
	s.run(t, "fault", "f2", "--mode", "duplicate", "--order", "all")
	s.run(t, "fault", "f2", "--mode", "delay", "--delay", "200ms", "--order", "all", "--queue", "crm.packed")
	if err := s.cmd.Wait(); err != nil {
		t.Fatalf("shop up: %v\n%s", err, s.stderr)
	}
	if result := s.result(t); result.Closed != 8 {
		t.Errorf("%+v", result)
	}
}

func TestAQueueThatWasDeletedComesBackWithTheEndOfTheFault(t *testing.T) {
	s := start(t, "--rate", "4", "--orders", "12", "--cancel", "0", "--patience", "5s")
	s.ready(t)
	s.run(t, "fault", "f2", "--mode", "queue", "--for", "1s")
	err := s.cmd.Wait()
	result := s.result(t)
	if result.Closed == 0 || len(result.GivenUp) == 0 || result.Closed+len(result.GivenUp) != 12 {
		t.Errorf("%+v (%v): want some lost and the others closed", result, err)
	}
}

func TestTheDoorRefusesWhatIsNoOrder(t *testing.T) {
	s := start(t, "--customers=false")
	s.ready(t)
	shop, err := service.Find(s.dir, "shop-api")
	if err != nil {
		t.Fatal(err)
	}
	form := func(order, model string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"order\"\r\n\r\n" + order +
			"\r\n--b\r\nContent-Disposition: form-data; name=\"model\"; filename=\"x.stl\"\r\n\r\n" + model + "\r\n--b--\r\n"
	}
	const multipart = "multipart/form-data; boundary=b"
	for _, tt := range []struct {
		method, path, kind, body string
		want                     int
	}{
		{"POST", "/api/orders", "text/plain", "hello", 400},
		{"POST", "/api/orders", multipart, "--b--", 400},
		{"POST", "/api/orders", multipart, form("{not json", "solid"), 400},
		{"POST", "/api/orders", multipart, form(`{"email":"a@example.com"}`, "solid ascii"), 422},
		{"POST", "/partner/orders", "application/json", "[]", 400},
		{"GET", "/api/orders/ORD-99999999", "", "", 404},
		{"GET", "/api/orders/..%2f..%2fetc", "", "", 404},
		{"GET", "/api/orders/ORD-99999999/address", "", "", 404}, // not through the public door
		{"POST", "/api/orders/ORD-99999999/approve", "", "", 404},
		{"DELETE", "/api/orders/ORD-99999999", "", "", 405},
		{"GET", "/admin/faults", "", "", 404}, // not on this port
		{"GET", "/metrics", "", "", 404},
	} {
		request, err := http.NewRequestWithContext(t.Context(), tt.method, shop.HTTP+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", tt.kind)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != tt.want {
			t.Errorf("%s %s %.40q: %d, want %d", tt.method, tt.path, tt.body, response.StatusCode, tt.want)
		}
	}
	if summary, err := s.database(t).Summary(t.Context()); err != nil || summary.Orders != 0 {
		t.Errorf("%+v (%v)", summary, err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "uploads", "*")); len(left) != 0 {
		t.Errorf("refused models are kept: %v", left)
	}
	response, err := http.Get(shop.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Contains(text, []byte(`shop_http_requests_total{code="422",route="POST /api/orders",shop_service="shop-api"} 1`)) {
		t.Errorf("/metrics: %v\n%.2000s", err, text)
	}
	s.stop(t)
}

func TestUpSaysWhichServiceCouldNotStart(t *testing.T) {
	cmd := shop(t, t.TempDir(), "up", "--database", "mysql://shop:secret@nowhere/shop")
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "has ended while the shop was starting") {
		t.Errorf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), "not a PostgreSQL URL") || strings.Contains(string(out), "secret") {
		t.Errorf("the reason is missing, or says too much: %s", out)
	}
}

func TestTheReadmeAndTheFlagsAgree(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]bool{}
	for _, args := range [][]string{{"up", "-h"}, {"shop-api", "-h"}, {"mes-api", "-h"}, {"customers", "-h"}, {"broker", "-h"}, {"fault", "f1", "-h"}, {"lose", "-h"}, {"summary", "-h"}} {
		help, err := shop(t, t.TempDir(), args...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v", args, err)
		}
		for _, line := range strings.Split(string(help), "\n") {
			if name, ok := strings.CutPrefix(line, "  -"); ok {
				flags[strings.Fields(name)[0]] = true
			}
		}
	}
	for name := range flags {
		if !bytes.Contains(readme, []byte("| `--"+name+"`")) {
			t.Errorf("README.md has no row for --%s", name)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)`").FindAllSubmatch(readme, -1) {
		if !flags[string(row[1])] {
			t.Errorf("README.md has a row for --%s, which is no flag", row[1])
		}
	}
}

func TestWrongUsageIsSaid(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "usage:"},
		{[]string{"nonsense"}, "usage:"},
		{[]string{"up", "--pace", "0"}, "--pace must be positive"},
		{[]string{"up", "--stamp", "maybe"}, "use none, some or all"},
		{[]string{"mes-api", "stray"}, `what is "stray"?`},
		{[]string{"fault", "f7"}, "unknown fault"},
		{[]string{"fault", "f2", "--mode", "queue", "--wait"}, "hits no single order"},
		{[]string{"crm-api", "--admin", "0.0.0.0:0"}, "give it a loopback address"},
		{[]string{"broker", "--no-such"}, "no-such"},
	} {
		cmd := shop(t, t.TempDir(), tt.args...)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), tt.want) {
			t.Errorf("%v: %v, %s; want exit code 2 and %q", tt.args, err, out, tt.want)
		}
	}
	out, err := shop(t, t.TempDir(), "summary").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "shop-api is not running") {
		t.Errorf("summary without a shop: %v, %s", err, out)
	}
}

// running is a whole shop with stand-ins, at a tenth of its usual times.
type running struct {
	dir            string
	cmd            *exec.Cmd
	stdout, stderr *bytes.Buffer
	db             *store.DB
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	s := &running{dir: t.TempDir(), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	s.cmd = shop(t, s.dir, append([]string{"up", "--pace", "0.1"}, args...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.stdout, s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // ended already, if all went well
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
	})
	return s
}

func shop(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "SHOP_TEST_IS_SHOP=1", "SHOP_DIR="+dir, "OTEL_SDK_DISABLED=true", "AMQP_URL=", "DATABASE_URL=")
	return cmd
}

func (s *running) ready(t *testing.T) {
	t.Helper()
	if _, err := waitFor(t.Context(), s.dir, "up", 30*time.Second); err != nil {
		t.Fatalf("%v\n%s", err, s.stderr)
	}
}

func (s *running) run(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := shop(t, s.dir, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v %s", args, err, &complaint)
	}
	return out
}

func (s *running) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("shop up ended with %v\n%s", err, s.stderr)
	}
}

func (s *running) result(t *testing.T) (r customers.Result) {
	t.Helper()
	for lines := bufio.NewScanner(s.stdout); lines.Scan(); {
		if bytes.Contains(lines.Bytes(), []byte(`"placed"`)) {
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			return r
		}
	}
	t.Fatalf("the customers printed no result\n%s", s.stderr)
	return r
}

func (s *running) database(t *testing.T) *store.DB {
	t.Helper()
	if s.db != nil {
		return s.db
	}
	db, err := store.Open(t.Context(), "", s.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s.db = db
	return db
}

// until waits until a count about an order is above zero.
func (s *running) until(t *testing.T, query, id string) {
	t.Helper()
	db := s.database(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		var n int
		if err := db.Row(store.Quiet(ctx), store.Query{Text: query}, []any{id}, &n); err == nil && n > 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not so for %s\n%s", query, id, s.stderr)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
