package replay

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
)

// childDir makes the test binary the collector that is killed, childRound says which one it is; the last only drains.
const (
	childDir, childRound = "ORDERTRACE_REPLAY_CHILD", "ORDERTRACE_REPLAY_ROUND"
	rounds               = 10
)

// file appends lines of "number content size", all of a payload in one write: what was written survives the kill.
type file struct{ *os.File }

func open(dir, name string) file {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	return file{f}
}

func lines(td ptrace.Traces) []byte {
	var b bytes.Buffer
	eachSpan(td, func(rs ptrace.ResourceSpans, s ptrace.Span) {
		n, sum := content(rs, s)
		fmt.Fprintln(&b, numberOf(s), sum, n)
	})
	return b.Bytes()
}

func (f file) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (f file) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	_, err := f.Write(lines(td))
	return err
}

// child is a collector with four senders, until it is killed. It writes down what was acknowledged and what it passed on.
func child(dir string) {
	round, err := strconv.Atoi(os.Getenv(childRound))
	if err != nil {
		panic(err)
	}
	id := component.MustNewID("file_storage")
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory, cfg.FSync = dir, true
	ext, err := f.Create(context.Background(), extensiontest.NewNopSettings(f.Type()), cfg)
	if err == nil {
		err = ext.Start(context.Background(), componenttest.NewNopHost())
	}
	if err != nil {
		panic(err)
	}
	t := childTest{}
	p := begin(t, open(dir, "out"), host{componenttest.NewNopHost(), map[component.ID]component.Component{id: ext}},
		map[string]any{"max_wait": "300ms", "max_bytes": "64MiB", "journal": "file_storage"})
	fmt.Println("ready")
	if round < rounds {
		sendForEver(p, open(dir, "acknowledged"), round)
	}
	settle(filepath.Join(dir, "out"))
	if err := p.Shutdown(context.Background()); err != nil {
		panic(err)
	}
	_ = ext.Shutdown(context.Background())
}

// settle waits until nothing more comes out.
func settle(name string) {
	for size := int64(-1); ; {
		time.Sleep(2 * time.Second)
		info, err := os.Stat(name)
		if err != nil || info.Size() == size {
			return
		}
		size = info.Size()
	}
}

func sendForEver(p processor.Traces, acknowledged file, round int) {
	var senders sync.WaitGroup
	for sender := range 4 {
		senders.Go(func() {
			r := rand.New(rand.NewPCG(uint64(round), uint64(sender)))
			for number := uint64(round*4+sender)<<20 + 1; ; {
				spans := 1 + r.IntN(60)
				td := mixed(r, number, spans, 40, 1500)
				raw := lines(td)
				number += uint64(spans)
				if p.ConsumeTraces(context.Background(), td) == nil {
					_, _ = acknowledged.Write(raw)
				}
			}
		})
	}
	senders.Wait()
}

// childTest lets begin be used where no test runs.
type childTest struct{ testing.TB }

func (childTest) Helper()                   {}
func (childTest) FailNow()                  { os.Exit(1) }
func (childTest) Errorf(f string, a ...any) { fmt.Fprintf(os.Stderr, f, a...) }

// killed kills a collector again and again with SIGKILL, at moments that nothing announces, and compares what it had
// acknowledged with what it and those after it passed on.
func killed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	for round := range rounds + 1 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), childDir+"="+dir, childRound+"="+strconv.Itoa(round))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		ready, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "ready\n", ready)
		if round == rounds {
			require.NoError(t, cmd.Wait(), "the last one drains and stops")
			break
		}
		time.Sleep(time.Duration(100+rand.IntN(900)) * time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	book := newBalance()
	read(t, dir, "acknowledged", book.enter)
	acknowledged := book.in
	unknown := 0
	read(t, dir, "out", func(number, content uint64, size int) {
		if _, ok := book.owed[number]; !ok { // handed over, but killed before its sender was told
			unknown++
			return
		}
		book.leave(number, content, size)
	})
	require.NotZero(t, acknowledged)
	require.Zero(t, book.lost(), "acknowledged and never passed on")
	require.Zero(t, book.strange)
	require.Equal(t, book.bytes[0], book.bytes[1])
	return book.line(fmt.Sprintf("kill -9, %d times, with journal", rounds), fmt.Sprintf("and %d that nobody was told of", unknown))
}

func read(t *testing.T, dir, name string, book func(number, content uint64, size int)) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	for line := range strings.Lines(string(raw)) {
		var number, content uint64
		var size int
		n, err := fmt.Sscan(line, &number, &content, &size)
		require.NoError(t, err, line)
		require.Equal(t, 3, n)
		book(number, content, size)
	}
}
