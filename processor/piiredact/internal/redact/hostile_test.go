package redact

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
)

// TestHostileTextsCostNoMoreThanTheirLength: eight times the text takes eight times the CPU time; a quadratic finder takes 64
// times. Neighbours on the machine make that vague.
func TestHostileTextsCostNoMoreThanTheirLength(t *testing.T) {
	e := testEngine(policy.Strict)
	for _, unit := range []string{
		"@", "a@", "a@b.", "a@b.co", ":", "::", "a:", "=", "a=", "(", "1 ", "1-", "4111 ", "4111111111111111 ", "+7", "+7 999 123 45 67 ", "-", "--a ", "{", "[", "\"", "'", "<a>",
		"eyJ", "eyJhbGciOiJIUzI1NiJ9.", "://", "a://b:", "a://b:c@", "%40", "%2540", `\u0040`, `\`, "select ", "select 'a' from ", "1.2.3.4.", "a:b:c:", "DE89", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----",
		"password=", "password: a ", "Bearer ", "я", "４", "\u200b", "\xff", "{\"a\":", "[1,", "cvv ", "паспорт ", "enc:v1:AAAA ", "anonemail_k1_", "x-amz-signature=&", "tel ", "eyJ-", "A3-", "basic=", "sk-", "ghp_", "a>", "http://a:b/", "h://a:",
	} {
		took := func(length int) time.Duration {
			text, best := strings.Repeat(unit, length/len(unit)), time.Hour
			for range 2 {
				se := e.Session()
				start := cpu()
				se.Text(se.Key("", "note"), text, 0)
				se.Text(se.Key("", "db.query.text"), text, 0)
				best = min(best, cpu()-start)
				se.Release()
			}
			return best
		}
		if short, long := took(8<<10), took(64<<10); long > 28*short+100*time.Millisecond {
			t.Errorf("%q: 8 KiB take %v, 64 KiB %v", unit, short, long)
		}
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestWordsBeforeAFamilyNameAreReadOneByOne: of a person's name that never comes to its end, no call waits for the next.
func TestWordsBeforeAFamilyNameAreReadOneByOne(t *testing.T) {
	e := testEngine(policy.Balanced)
	se := e.Session()
	defer se.Release()
	if out, _ := se.Text(e.Plain(), "fullname=Juan de la Cruz", 0); strings.Contains(out, "Cruz") {
		t.Errorf("%q is left", out)
	}
	stack := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.StackInuse
	}
	before := stack()
	if _, v := se.Text(e.Plain(), "fullname=Juan "+strings.Repeat("de ", 300_000), 0); v != Changed {
		t.Error("the name is left")
	}
	if grown := int64(stack()) - int64(before); grown > 4<<20 { //nolint:gosec // bytes of stacks
		t.Errorf("the stack grew by %d bytes", grown)
	}
}
