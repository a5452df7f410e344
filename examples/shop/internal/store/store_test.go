package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
)

func TestAnOrderMovesOnceAndInOrder(t *testing.T) {
	db, spans := open(t)
	ctx := t.Context()
	id := place(t, db)
	for _, step := range []struct {
		to    order.Status
		moved bool
		err   error
	}{
		{order.Approved, false, ErrIllegal}, // not priced yet
		{order.Priced, true, nil},
		{order.Priced, false, nil}, // a message that came twice
		{order.Cancelled, true, nil},
		{order.Approved, false, ErrIllegal},
	} {
		moved, err := db.Move(ctx, "test", "orderId", id, step.to)
		if moved != step.moved || !errors.Is(err, step.err) {
			t.Errorf("to %s: moved %v, %v; want %v, %v", step.to, moved, err, step.moved, step.err)
		}
	}
	if _, err := db.Move(ctx, "test", "", "ORD-99999999", order.Priced); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown order: %v", err)
	}
	// A status is on a span only when the database has taken it.
	var statuses []string
	for _, span := range spans.Ended() {
		for _, attr := range span.Attributes() {
			if attr.Key == "order.status" {
				statuses = append(statuses, attr.Value.AsString())
				if span.Status().Code == codes.Error {
					t.Errorf("%s on a failed span", attr.Value.AsString())
				}
			}
		}
	}
	if got := strings.Join(statuses, " "); got != "SUBMITTED PRICE_CALCULATED CANCELLED" {
		t.Errorf("spans say %q", got)
	}
}

func TestNumbersAreNeverGivenTwice(t *testing.T) {
	db, _ := open(t)
	var (
		mu   sync.Mutex
		seen = map[string]bool{}
		all  sync.WaitGroup
	)
	for range 40 {
		all.Add(1)
		go func() {
			defer all.Done()
			id, err := db.NextID(context.Background())
			mu.Lock()
			defer mu.Unlock()
			if err != nil || seen[id] || !order.ValidID(id) {
				t.Errorf("%q, seen %v (%v)", id, seen[id], err)
			}
			seen[id] = true
		}()
	}
	all.Wait()
}

func TestEveryStatementIsASpanUnlessQuiet(t *testing.T) {
	db, spans := open(t)
	before := len(spans.Ended())
	if _, err := db.Summary(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(spans.Ended()) - before; n != 0 {
		t.Errorf("the summary made %d spans", n)
	}
	o := Order{ID: "ORD-10000001", Name: "Bel O'Brannick", Email: "b@example.com", Phone: "+4915112345678", Card: "4111111111111111", Note: "n"}
	if err := db.AddContact(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	span := spans.Ended()[len(spans.Ended())-1]
	text := ""
	for _, attr := range span.Attributes() {
		if attr.Key == "db.query.text" {
			text = attr.Value.AsString()
		}
	}
	if span.Name() != "INSERT crm_contacts" || !strings.Contains(text, "'Bel O''Brannick'") || !strings.Contains(text, o.Card) {
		t.Errorf("span %q, text %q", span.Name(), text)
	}
}

func TestAHeldLockIsAnErrorWithItsCode(t *testing.T) {
	db, spans := open(t)
	id := place(t, db)
	ctx, release := context.WithCancel(t.Context())
	held, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- db.HoldRow(ctx, id, func(which string) { held <- which }) }()
	if which := <-held; which != id {
		t.Errorf("held %s", which)
	}
	_, err := db.Move(t.Context(), "test", "", id, order.Priced)
	if !Locked(err) {
		t.Errorf("err = %v, code %q", err, Code(err))
	}
	span := spans.Ended()[len(spans.Ended())-1]
	if span.Status().Code != codes.Error {
		t.Errorf("status %v", span.Status())
	}
	release()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if moved, err := db.Move(t.Context(), "test", "", id, order.Priced); !moved || err != nil {
		t.Errorf("after the lock: moved %v, %v", moved, err)
	}
}

func TestJobsComeWhenDueAndOnce(t *testing.T) {
	db, _ := open(t)
	ctx := t.Context()
	for range 2 { // a message that came twice asks twice
		if err := db.AddJob(ctx, "mes-api", Job{OrderID: "ORD-10000001", Step: "pack", DueMS: Now() - 1, Trace: "t"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.AddJob(ctx, "mes-api", Job{OrderID: "ORD-10000002", Step: "pack", DueMS: Now() + 60_000}); err != nil {
		t.Fatal(err)
	}
	due, err := db.DueJobs(ctx, "mes-api", 10)
	if err != nil || len(due) != 1 || due[0].OrderID != "ORD-10000001" || due[0].Trace != "t" {
		t.Fatalf("%+v (%v)", due, err)
	}
	if err := db.FinishJob(ctx, due[0].ID); err != nil {
		t.Fatal(err)
	}
	if due, _ = db.DueJobs(ctx, "mes-api", 10); len(due) != 0 {
		t.Errorf("%+v", due)
	}
}

// The services start at once: one makes the file while another holds it.
func TestAFileThatIsHeldForAMomentIsOpenedAllTheSame(t *testing.T) {
	dir := t.TempDir()
	other, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	holder, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(5*time.Second/2, func() { _, _ = holder.ExecContext(context.Background(), "ROLLBACK") }) // longer than lockWait
	db, err := Open(t.Context(), "", dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestParametersAreRewrittenOutsideOfLiteralsOnly(t *testing.T) {
	in := "SELECT $1 WHERE a = 'it''s $5' AND b = $2"
	if got, want := numbered(in), "SELECT ?1 WHERE a = 'it''s $5' AND b = ?2"; got != want {
		t.Errorf("%q", got)
	}
	if got := Literal("O'Brannick\x00"); got != "'O''Brannick'" {
		t.Errorf("%q", got)
	}
}

func open(t *testing.T) (*DB, *tracetest.SpanRecorder) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	db, err := Open(t.Context(), "", t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, recorder
}

func place(t *testing.T, db *DB) string {
	t.Helper()
	id, err := db.NextID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Insert(t.Context(), "test", Order{ID: id, Email: "a@example.com"}); err != nil {
		t.Fatal(err)
	}
	return id
}
