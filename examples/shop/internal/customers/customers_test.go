package customers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ordertrace/ordertrace/examples/shop/internal/order"
	"github.com/ordertrace/ordertrace/examples/shop/internal/people"
	"github.com/ordertrace/ordertrace/examples/shop/internal/stl"
)

var calm = Config{Seed: 1, Rate: 10, Orders: 40, Patience: time.Minute, Pace: 1, Cancel: 0.2}

func TestThePurchasesDependOnTheSeedAlone(t *testing.T) {
	for n := range 50 {
		if a, b := New(calm, n), New(calm, n); !reflect.DeepEqual(a, b) {
			t.Fatalf("%d: %+v and %+v", n, a, b)
		}
	}
	other := calm
	other.Seed = 2
	if New(calm, 0).Email == New(other, 0).Email {
		t.Error("another seed, the same customer")
	}
}

func TestAWorkingShopSatisfiesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newFake()
		result, err := Run(context.Background(), calm, shop, listed(t))
		if err != nil || result.Placed != 40 || result.Closed+result.Cancelled != 40 || len(result.GivenUp)+result.Refused+result.Stopped != 0 {
			t.Errorf("%+v (%v)", result, err)
		}
		wantCancelled := 0
		for n := range 40 {
			if New(calm, n).Cancels {
				wantCancelled++
			}
		}
		if result.Cancelled != wantCancelled || wantCancelled == 0 {
			t.Errorf("%d cancelled, the seed wanted %d", result.Cancelled, wantCancelled)
		}
	})
}

func TestALostOrderIsGivenUpByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newFake()
		shop.stuck = order.ID(7)
		result, err := Run(context.Background(), calm, shop, listed(t))
		if err != nil || !slices.Equal(result.GivenUp, []string{order.ID(7)}) || result.Closed+result.Cancelled != 39 {
			t.Errorf("%+v (%v)", result, err)
		}
	})
}

func TestARefusedOrderIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newFake()
		shop.full = true
		result, _ := Run(context.Background(), calm, shop, listed(t))
		if result.Refused != 40 || result.Placed != 0 {
			t.Errorf("%+v", result)
		}
	})
}

func TestAFailedApprovalIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newFake()
		shop.deaf = 3
		one := calm
		one.Orders, one.Cancel = 1, 0
		if result, _ := Run(context.Background(), one, shop, listed(t)); result.Closed != 1 || shop.approvals != 4 {
			t.Errorf("%+v after %d approvals", result, shop.approvals)
		}
	})
}

func TestDurationAndSignalEndTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endless := calm
		endless.Orders, endless.Duration = 0, 2*time.Second+50*time.Millisecond
		if result, _ := Run(context.Background(), endless, newFake(), listed(t)); result.Placed != 21 {
			t.Errorf("placed %d in 2 s at 10 a second", result.Placed)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second+50*time.Millisecond)
		defer cancel()
		endless.Duration = 0
		if result, _ := Run(ctx, endless, newFake(), listed(t)); result.Placed != 11 || result.Stopped == 0 || len(result.GivenUp) != 0 {
			t.Errorf("%+v", result)
		}
	})
}

func TestNothingIsSentBeforeItIsListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newFake()
		full := errors.New("disk full")
		if _, err := Run(context.Background(), calm, shop, func(people.Planted) error { return full }); !errors.Is(err, full) {
			t.Errorf("err = %v", err)
		}
		if len(shop.orders) != 0 {
			t.Error("an order was placed whose values nobody can search for")
		}
	})
}

func TestTheFormHoldsTheWishAndAModel(t *testing.T) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	p := New(calm, 0)
	if err := fill(form, map[string]string{"email": p.Email}, p); err != nil {
		t.Fatal(err)
	}
	reader := multipart.NewReader(&body, form.Boundary())
	wish, err := reader.NextPart()
	if err != nil || wish.FormName() != "order" {
		t.Fatalf("%v", err)
	}
	if text, _ := io.ReadAll(wish); !strings.Contains(string(text), p.Email) {
		t.Errorf("wish %s", text)
	}
	model, err := reader.NextPart()
	if err != nil || model.FormName() != "model" {
		t.Fatalf("%v", err)
	}
	if volume, err := stl.Volume(model); err != nil || volume < 100 {
		t.Errorf("volume %v (%v)", volume, err)
	}
}

func TestWrongFlagsAreAllNamed(t *testing.T) {
	err := Config{Rate: 0, Orders: -1, Patience: 0, Pace: 1, Cancel: 2}.Check()
	for _, flag := range []string{"--rate", "--orders", "--patience", "--cancel"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s is not named in %v", flag, err)
		}
	}
	if err := calm.Check(); err != nil {
		t.Error(err)
	}
}

// fake is a shop that prices at the second look and closes at the fourth.
type fake struct {
	mu        sync.Mutex
	orders    map[string]*fakeOrder
	stuck     string
	full      bool
	deaf      int // so many approvals fail
	approvals int
}

type fakeOrder struct {
	looks int
	end   order.Status
}

func newFake() *fake { return &fake{orders: map[string]*fakeOrder{}} }

func (f *fake) Place(context.Context, Purchase) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full {
		return "", errors.New("500")
	}
	id := order.ID(int64(len(f.orders)))
	f.orders[id] = &fakeOrder{}
	return id, nil
}

func (f *fake) Status(_ context.Context, _ Purchase, id string) (order.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.orders[id]
	o.looks++
	switch {
	case id == f.stuck || o.looks < 2:
		return order.Submitted, nil
	case o.end == "":
		return order.Priced, nil
	case o.looks > 3:
		return o.end, nil
	}
	return order.Started, nil
}

func (f *fake) Approve(_ context.Context, _ Purchase, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.approvals++; f.approvals <= f.deaf {
		return errors.New("503")
	}
	f.orders[id].end = order.Closed
	return nil
}

func (f *fake) Cancel(_ context.Context, _ Purchase, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders[id].end = order.Cancelled
	return nil
}

func (f *fake) List(context.Context, Purchase) error { return nil }

// listed accepts values and fails when a purchase had none.
func listed(t *testing.T) func(people.Planted) error {
	t.Helper()
	n := 0
	t.Cleanup(func() {
		if n == 0 {
			t.Error("no value was listed")
		}
	})
	return func(people.Planted) error { n++; return nil }
}
