// Package script runs txtar scripts (testdata/*.txtar) against the binaries that make build wrote into bin/.
package script

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestScripts(t *testing.T) {
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"otelcol-ordertrace", "ordertrace"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			t.Fatalf("%v: run make build first", err)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("ORDERTRACE_DATA_DIR", filepath.Join(env.WorkDir, "data"))
			env.Setenv("POLICY", filepath.Join(bin, "../extension/rbacauth/policy.example.yaml"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ports":      ports,
			"occupy":     occupy,
			"waitfor":    waitFor,
			"send":       send,
			"eventually": eventually,
		},
	})
}

// ports NAME…: sets each variable to a loopback port that was free a moment ago.
func ports(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer l.Close()
		ts.Setenv(name, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
}

// occupy NAME: listens on a free loopback port until the script ends and sets the variable to it.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

// waitfor URL: waits up to 30 s for a 200 answer.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	poll(ts, "no answer from "+args[0], func() bool {
		res, err := http.Get(args[0])
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// send HOST:PORT N: posts N spans, one a request, each of a customer and, by its URL, of an order, to an OTLP/HTTP receiver; every one must be accepted.
func send(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	for i := 1; i <= n; i++ {
		now := time.Now().UnixNano()
		body := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"script"}}]},
			"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","name":"work","kind":1,"startTimeUnixNano":"%d","endTimeUnixNano":"%d",
			"attributes":[{"key":"url.path","value":{"stringValue":"/api/orders/ORD-%08d/price"}},{"key":"customer.mail","value":{"stringValue":"anna@example.org"}}]}]}]}]}`,
			i, i, now, now+1000, 10000000+i)
		res, err := http.Post("http://"+args[0]+"/v1/traces", "application/json", strings.NewReader(body))
		ts.Check(err)
		answer, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			ts.Fatalf("span %d: %s: %s", i, res.Status, answer)
		}
	}
}

// eventually FILE N TEXT: waits up to 30 s until FILE holds TEXT exactly N times. With "!": TEXT must be absent now.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	count := func() int {
		content, _ := os.ReadFile(ts.MkAbs(args[0]))
		return strings.Count(string(content), args[2])
	}
	if neg {
		if n := count(); n != 0 {
			ts.Fatalf("%s holds %q %d times", args[0], args[2], n)
		}
		return
	}
	poll(ts, fmt.Sprintf("%s never held %q %d times", args[0], args[2], want), func() bool { return count() == want })
}

func poll(ts *testscript.TestScript, complaint string, done func() bool) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if done() {
			return
		}
	}
	ts.Fatalf("%s within 30 s", complaint)
}
