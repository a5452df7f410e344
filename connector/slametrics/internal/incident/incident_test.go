package incident

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	s     = int64(time.Second)
	epoch = int64(1_700_000_000) * s
	quiet = 60 * time.Second
)

var pricing = Subject{"order", "submitted->priced"}

func at(seconds int64) int64 { return epoch + seconds*s }

func newTracker() *Tracker {
	t := New(quiet, 4, epoch)
	t.Declare(pricing, "submitted")
	t.Declare(Subject{"order", "submitted->closed"}, "submitted")
	t.Declare(Subject{"order", "priced->approved"}, "priced")
	return t
}

// script plays steps "<second> <what> [argument]" and returns the facts as lines.
type script struct {
	*Tracker
	overdue bool
	out     []string
}

func (sc *script) play(steps string) {
	for _, line := range strings.Split(strings.TrimSpace(steps), "\n") {
		var now, arg int64
		var what string
		_, _ = fmt.Sscan(line, &now, &what, &arg)
		var facts []Fact
		switch what {
		case "bad": // became known now, happened at arg
			facts = sc.Bad(pricing, at(arg), at(now), nil)
		case "retract":
			facts = sc.Retract(pricing, at(now), nil)
		case "fires", "resolves": // alert that started at arg
			_, facts = sc.Notify([]Alert{alert(what, at(arg), "flow", "order", "transition", "submitted->priced")}, at(now), nil)
		case "stage-fires":
			_, facts = sc.Notify([]Alert{alert("fires", at(arg), "flow", "order", "stage", "submitted")}, at(now), nil)
		case "mes-fires", "mes-resolves":
			_, facts = sc.Notify([]Alert{alert(what[4:], at(arg), "service", "mes-api")}, at(now), nil)
		case "mes-fails":
			sc.Failed("mes-api", at(arg), at(now))
		case "overdue":
			sc.overdue = arg == 1
		case "tick":
			facts = sc.Pass(at(now), at(now), func(x Subject) bool { return x == pricing && sc.overdue }, nil)
		case "blind": // the wall clock goes on, event time does not
			facts = sc.Pass(at(arg), at(now), func(Subject) bool { return false }, nil)
		case "restart":
			sc.restart(at(now))
		default:
			panic(line)
		}
		for _, f := range facts {
			sc.out = append(sc.out, fmt.Sprintf("%d %s onset %d at %d detected %v delay %s", now,
				[]string{"opened", "detected", "restored", "withdrawn"}[f.Kind], (f.Onset-epoch)/s, (f.At-epoch)/s, f.Detected, f.NotifyDelay))
		}
	}
}

func (sc *script) restart(now int64) {
	saved, alarms := sc.Collect(func(Subject, bool, *Account) {}), sc.SaveAlarms()
	sc.Tracker = newTracker()
	if err := sc.Load(saved); err != nil {
		panic(err)
	}
	if facts, err := sc.LoadAlarms(alarms, now, nil); err != nil || len(facts) > 0 {
		panic(fmt.Sprint(facts, err))
	}
}

func alert(what string, starts int64, labels ...string) Alert {
	a := Alert{Status: firing, StartsAt: time.Unix(0, starts), Labels: map[string]string{}}
	if what == "resolves" {
		a.Status = resolved
	}
	for i := 0; i < len(labels); i += 2 {
		a.Labels[labels[i]] = labels[i+1]
	}
	return a
}

func TestAnIncidentIsTimedFromItsFirstImpact(t *testing.T) {
	for name, c := range map[string]struct{ steps, want string }{
		"detected by its alert, restored when quiet": {
			"10 bad 5\n20 fires 12\n50 tick\n71 tick",
			"10 opened onset 5 at 10 detected false delay 0s\n20 detected onset 5 at 20 detected true delay 8s\n71 restored onset 5 at 5 detected true delay 0s",
		},
		"an alert on the stage tells as well": {
			"10 bad 5\n20 stage-fires 12",
			"10 opened onset 5 at 10 detected false delay 0s\n20 detected onset 5 at 20 detected true delay 8s",
		},
		"nobody was told": {
			"10 bad 5\n71 tick",
			"10 opened onset 5 at 10 detected false delay 0s\n71 restored onset 5 at 5 detected false delay 0s",
		},
		"an order that is overdue keeps it open": {
			"10 bad 5\n10 overdue 1\n500 tick\n501 overdue 0\n550 tick\n561 tick",
			"10 opened onset 5 at 10 detected false delay 0s\n561 restored onset 5 at 500 detected false delay 0s",
		},
		"a further bad event keeps it open": {
			"10 bad 5\n60 bad 55\n71 tick\n121 tick",
			"10 opened onset 5 at 10 detected false delay 0s\n121 restored onset 5 at 55 detected false delay 0s",
		},
		"telemetry out of order moves the onset back": {
			"10 bad 5\n11 bad 2\n20 fires 12",
			"10 opened onset 5 at 10 detected false delay 0s\n20 detected onset 2 at 20 detected true delay 8s",
		},
		"a repeated notification tells nothing new": {
			"10 bad 5\n20 fires 12\n30 fires 12",
			"10 opened onset 5 at 10 detected false delay 0s\n20 detected onset 5 at 20 detected true delay 8s",
		},
		"an alert that fires already has told": {
			"1 stage-fires 0\n10 bad 5",
			"10 opened onset 5 at 10 detected false delay 0s\n10 detected onset 5 at 1 detected true delay 1s",
		},
		"an alert that was resolved before has not": {
			"1 stage-fires 0\n3 resolves 0\n10 bad 5",
			"10 opened onset 5 at 10 detected false delay 0s",
		},
		"an alert that nobody resolved is forgotten after a day": {
			"1 fires 0\n90000 bad 89999",
			"90000 opened onset 89999 at 90000 detected false delay 0s",
		},
		"a breach that was none": {
			"10 bad 5\n12 retract\n13 fires 12\n100 tick",
			"10 opened onset 5 at 10 detected false delay 0s\n12 withdrawn onset 5 at 12 detected false delay 0s",
		},
		"one of two breaches was none": {
			"10 bad 5\n11 bad 6\n12 retract\n80 tick",
			"10 opened onset 5 at 10 detected false delay 0s\n80 restored onset 5 at 6 detected false delay 0s",
		},
		"people were told of a breach that was none": {
			"10 bad 5\n11 fires 11\n12 retract\n80 tick",
			"10 opened onset 5 at 10 detected false delay 0s\n11 detected onset 5 at 11 detected true delay 0s\n80 restored onset 5 at 5 detected true delay 0s",
		},
		"a silence of telemetry restores nothing": {
			"10 bad 5\n500 blind 20\n501 tick",
			"10 opened onset 5 at 10 detected false delay 0s\n501 restored onset 5 at 5 detected false delay 0s",
		},
		"a restart changes nothing": {
			"10 bad 5\n15 restart\n20 fires 12\n25 restart\n50 tick\n60 restart\n71 tick",
			"10 opened onset 5 at 10 detected false delay 0s\n20 detected onset 5 at 20 detected true delay 8s\n71 restored onset 5 at 5 detected true delay 0s",
		},
		"a service's incident begins with the failures that led to its alert": {
			"100 mes-fails 90\n130 mes-fails 130\n160 mes-fires 140\n200 mes-fails 200\n300 tick\n310 mes-resolves 140\n320 tick",
			"160 opened onset 90 at 160 detected false delay 0s\n160 detected onset 90 at 160 detected true delay 20s\n320 restored onset 90 at 200 detected true delay 0s",
		},
		"failures of long ago are no part of it": {
			"100 mes-fails 90\n500 mes-fails 500\n505 mes-fires 502",
			"505 opened onset 500 at 505 detected false delay 0s\n505 detected onset 500 at 505 detected true delay 3s",
		},
		"failures that never stop count from a while before": {
			"100 mes-fails 90\n150 mes-fails 150\n200 mes-fails 200\n250 mes-fails 250\n260 mes-fires 255",
			"260 opened onset 195 at 260 detected false delay 0s\n260 detected onset 195 at 260 detected true delay 5s",
		},
		"failures without an alert are no incident": {"100 mes-fails 90\n300 tick", ""},
	} {
		t.Run(name, func(t *testing.T) {
			sc := &script{Tracker: newTracker()}
			sc.play(c.steps)
			if got := strings.Join(sc.out, "\n"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestDurationsAndIncidentsAreCounted(t *testing.T) {
	sc := &script{Tracker: newTracker()}
	sc.play("10 bad 5\n20 fires 12\n21 resolves 12\n80 tick\n100 bad 100\n101 overdue 1\n107 tick\n108 overdue 0\n200 tick")
	sc.restart(at(300))
	sc.Collect(func(x Subject, open bool, a *Account) {
		switch {
		case x != pricing && (open || a.Restored != [2]uint64{}):
			t.Errorf("%v has had no incident", x)
		case x == pricing && (open || a.Restored != [2]uint64{1, 1} || a.TimeToTell.Sum != 15 || a.Notify.Sum != 8 || a.TimeToMend.Count != 2 || a.TimeToMend.Sum != 7):
			t.Errorf("%+v", a)
		}
	})
}

// TestAnAlertToldBeforeAKillIsNotForgotten restores a checkpoint from before the alert, and the alarms from after it.
func TestAnAlertToldBeforeAKillIsNotForgotten(t *testing.T) {
	sc := &script{Tracker: newTracker()}
	sc.play("10 bad 5")
	checkpoint := sc.Collect(func(Subject, bool, *Account) {})
	sc.play("20 fires 12\n21 resolves 12")
	alarms := sc.SaveAlarms()
	again := newTracker()
	if err := again.Load(checkpoint); err != nil {
		t.Fatal(err)
	}
	facts, err := again.LoadAlarms(alarms, at(30), nil)
	if err != nil || len(facts) != 1 || facts[0].Kind != Known || facts[0].At != at(20) {
		t.Fatalf("%+v, %v", facts, err)
	}
}

func TestDamagedStateIsRefusedWhole(t *testing.T) {
	sc := &script{Tracker: newTracker()}
	sc.play("10 bad 5\n20 fires 12")
	saved, alarms := sc.Collect(func(Subject, bool, *Account) {}), sc.SaveAlarms()
	for cut := range saved {
		again := newTracker()
		if again.Load(saved[:cut]) == nil {
			t.Fatalf("%d bytes of %d were taken for all", cut, len(saved))
		}
		again.Collect(func(_ Subject, open bool, _ *Account) {
			if open {
				t.Fatal("a part was taken")
			}
		})
	}
	if _, err := newTracker().LoadAlarms(alarms[:len(alarms)-1], at(30), nil); err == nil {
		t.Fatal("cut alarms were taken")
	}
	saved[0]++
	if err := newTracker().Load(saved); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Fatalf("another version: %v", err)
	}
}

func TestAMillionServicesAreNotRemembered(t *testing.T) {
	tr := newTracker()
	for i := range 1_000_000 {
		tr.Failed(fmt.Sprint("service-", i), epoch, epoch)
	}
	if len(tr.entries) != 7 || tr.order.Len() != 7 || tr.Evicted() != 999_996 || tr.Denied() != 0 {
		t.Errorf("%d subjects, %d evicted, %d denied", len(tr.entries), tr.Evicted(), tr.Denied())
	}
	name := strings.Repeat("x", 1<<20)
	if n, _ := tr.Notify([]Alert{alert("fires", epoch, "service", name)}, epoch, nil); n != 0 {
		t.Error("an alert may not make a name of any length known")
	}
	if tr.Bad(pricing, epoch, epoch, nil); len(tr.entries) != 7 {
		t.Error("what is declared has its place")
	}
}

func TestAlertsFindTheirSubjectsByLabels(t *testing.T) {
	for name, c := range map[string]struct {
		labels []string
		want   []Subject
	}{
		"transition":              {[]string{"flow", "order", "transition", "submitted->priced"}, []Subject{pricing}},
		"transition of any flow":  {[]string{"transition", "submitted->priced"}, []Subject{pricing}},
		"stage":                   {[]string{"flow", "order", "stage", "submitted"}, []Subject{pricing, {"order", "submitted->closed"}}},
		"destination":             {[]string{"destination", "orders"}, []Subject{{"messages", "messages:orders"}}},
		"service":                 {[]string{"service", "mes-api"}, []Subject{{"services", "service:mes-api"}}},
		"another flow":            {[]string{"flow", "returns", "transition", "submitted->priced"}, nil},
		"a transition of no flow": {[]string{"flow", "order", "transition", "a->b"}, nil},
		"a flow alone":            {[]string{"flow", "order"}, nil},
		"no label of ours":        {[]string{"path", "agent-1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTracker()
			got := tr.concernedLocked(alert("fires", epoch, c.labels...).Labels)
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestANotificationIsReadOrRefusedWithAReason(t *testing.T) {
	const good = `{"version":"4","groupKey":"{}:{}","status":"firing","receiver":"ordertrace","alerts":[{"status":"firing","labels":{"alertname":"LostOrder","flow":"order"},"annotations":{},"startsAt":"2026-11-27T20:00:00.5Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"a"}]}`
	alerts, err := Parse([]byte(good))
	if err != nil || len(alerts) != 1 || alerts[0].Labels["flow"] != "order" || alerts[0].StartsAt.Nanosecond() != 5e8 {
		t.Fatalf("%+v, %v", alerts, err)
	}
	for body, want := range map[string]string{
		"": "no JSON", "{": "no JSON", "[]": "no JSON", `"x"`: "no JSON", "null": "version",
		`{"alerts":[{}]}`: "version", `{"version":"3"}`: "version", `{"version":"4","alerts":[]}`: "without alerts",
		strings.Replace(good, `"status":"firing","labels"`, `"status":"burning","labels"`, 1): "status",
		strings.Replace(good, "2026-11-27T20:00:00.5Z", "1948-01-01T00:00:00Z", 1):            "startsAt",
		strings.Replace(good, "2026-11-27T20:00:00.5Z", "yesterday", 1):                       "no JSON",
	} {
		if _, err := Parse([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", body, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":"4","alerts":[{"status":"firing","labels":{"stage":"submitted"},"startsAt":"2026-11-27T20:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		alerts, err := Parse(body)
		if err != nil {
			return
		}
		tr := newTracker()
		if matched, _ := tr.Notify(alerts, epoch, nil); matched > len(alerts) || len(tr.entries) > 7 {
			t.Errorf("%d matched of %d, %d subjects", matched, len(alerts), len(tr.entries))
		}
	})
}

// Subjects that come and go must not take the places of those that are in trouble, nor keep them for good.
func TestANewSubjectTakesThePlaceOfTheOneThatIsLongestOutOfTrouble(t *testing.T) {
	tr := newTracker()
	tr.Bad(Messages("burning"), epoch, epoch, nil)
	for _, name := range []string{"old", "new", "heard of again", "old"} {
		tr.Failed(name, epoch, epoch)
	}
	tr.Failed("a fifth", epoch, epoch)
	if tr.entries[Service("new")] != nil || tr.entries[Service("old")] == nil || tr.entries[Messages("burning")] == nil || tr.entries[Service("a fifth")] == nil {
		t.Errorf("%v are followed", tr.entries)
	}
	again := newTracker()
	if err := again.Load(tr.Collect(func(Subject, bool, *Account) {})); err != nil {
		t.Fatal(err)
	}
	again.Failed("a sixth", epoch, epoch)
	if again.entries[Service("heard of again")] != nil || again.entries[Service("old")] == nil {
		t.Errorf("after a restart %v are followed", again.entries)
	}
	for n := range 4 {
		again.Bad(Messages(fmt.Sprint(n)), epoch, epoch, nil)
	}
	if again.Denied() != 1 || len(again.entries) != 7 {
		t.Errorf("%d denied when all are in trouble", again.Denied())
	}
}
