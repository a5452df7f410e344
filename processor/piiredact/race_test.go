package piiredact

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/metadata"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/pseudonym"
)

func TestCopiesOfAFanOutAreRedactedSideBySideWhileKeysRotate(t *testing.T) {
	r := newTestRedactor(t, createDefaultConfig().(*Config))
	source := canaryBatch()
	before := marshal(t, source)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 30 {
				s := blank()
				source.td.CopyTo(s.td)
				if _, err := r.traces(context.Background(), s.td); err != nil {
					t.Error(err)
				}
				if out := marshal(t, s); bytes.Contains(out, []byte("ivan.petrov")) || bytes.Contains(out, []byte("hunter2")) {
					t.Error("a canary survived")
				}
			}
		})
	}
	all.Go(func() {
		for range 100 {
			r.keys.ring.Replace(pseudonym.Random())
		}
	})
	all.Wait()
	if !bytes.Equal(before, marshal(t, source)) {
		t.Error("redacting a copy changed what it was copied from")
	}
}

// canaryBatch has every canary as a string and as bytes, the array behind which copies share.
func canaryBatch() signals {
	s := blank()
	m := span(s.td).Attributes()
	for _, c := range canaries {
		m.PutStr(c.key+"."+c.detector, c.value)
		m.PutEmptyBytes("bytes." + c.detector).FromRaw([]byte(c.text))
		nested := m.PutEmptyMap("map." + c.detector)
		nested.PutEmptySlice("list").AppendEmpty().SetEmptyBytes().FromRaw([]byte(c.text))
	}
	return s
}

// reader keeps what it gets and looks at it while others work; it changes nothing.
type reader struct {
	mu   sync.Mutex
	held []ptrace.Traces
}

func (*reader) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (r *reader) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	_, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = append(r.held, td)
	return err
}

// scribbler changes every attribute of what it gets.
type scribbler struct{}

func (scribbler) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

func (scribbler) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	for _, v := range span(td).Attributes().All() {
		v.SetStr("scribbled")
	}
	return nil
}

// TestPipelinesOfOneReceiverDoNotSeeEachOthersEdits runs the collector's own fan-out: two processors of ours that edit,
// one in a dry run, a consumer that changes everything and one that only reads, all on the same batch, several at once.
func TestPipelinesOfOneReceiverDoNotSeeEachOthersEdits(t *testing.T) {
	raw, dryRead, edited := &reader{}, &reader{}, []*reader{{}, {}}
	branches := map[pipeline.ID]consumer.Traces{
		pipeline.NewIDWithName(pipeline.SignalTraces, "raw"):       raw,
		pipeline.NewIDWithName(pipeline.SignalTraces, "scribbler"): scribbler{},
	}
	add := func(name string, next consumer.Traces, mode Mode) {
		cfg := createDefaultConfig().(*Config)
		cfg.Mode = mode
		p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, next)
		must(t, err)
		must(t, p.Start(context.Background(), componenttest.NewNopHost()))
		t.Cleanup(func() { must(t, p.Shutdown(context.Background())) })
		branches[pipeline.NewIDWithName(pipeline.SignalTraces, name)] = p
	}
	add("first", edited[0], Enforce)
	add("second", edited[1], Enforce)
	add("dry", dryRead, DryRun)
	ids := make([]pipeline.ID, 0, len(branches))
	for id := range branches {
		ids = append(ids, id)
	}
	fan, err := connector.NewTracesRouter(branches).Consumer(ids...)
	must(t, err)
	before := string(marshal(t, canaryBatch()))
	const senders, batches = 4, 25
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for range batches {
				if err := fan.ConsumeTraces(context.Background(), canaryBatch().td); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	text := func(td ptrace.Traces) string {
		s := blank()
		td.CopyTo(s.td)
		return string(marshal(t, s))
	}
	for name, r := range map[string]*reader{"the reader": raw, "the dry run": dryRead} {
		for _, td := range r.held {
			if text(td) != before {
				t.Fatalf("%s got a batch that somebody changed", name)
			}
		}
	}
	for i, r := range edited {
		for _, td := range r.held {
			if out := text(td); strings.Contains(out, "ivan.petrov") || strings.Contains(out, "hunter2") || strings.Contains(out, "scribbled") {
				t.Fatalf("processor %d passed on a canary, or what another consumer wrote", i+1)
			}
		}
	}
	if n := len(raw.held) + len(dryRead.held) + len(edited[0].held) + len(edited[1].held); n != 4*senders*batches {
		t.Errorf("%d batches came out", n)
	}
}

// TestRotationOfKeyFilesUnderLoadLosesNothing replaces the key file time and again, sometimes with half a file, while
// batches run: every value is a pseudonym under one of the keys that were ever good, and none is lost.
func TestRotationOfKeyFilesUnderLoadLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hmac.json")
	must(t, os.WriteFile(path, []byte(hmacFile("k0")), 0o600))
	cfg := createDefaultConfig().(*Config)
	cfg.Keys.HMAC = path
	r := newTestRedactor(t, cfg)
	must(t, r.start(context.Background(), componenttest.NewNopHost()))
	want := map[string]bool{} // the person's pseudonym under every key
	for k := range 10 {
		keys, err := pseudonym.Parse([]byte(hmacFile(fmt.Sprintf("k%d", k))))
		must(t, err)
		want[pseudonym.NewKeyring(keys).Name("email", "ivan.petrov@example.com")] = true
	}
	stop, seen, batches := make(chan struct{}), sync.Map{}, atomic.Int64{}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := blank()
				m := span(s.td).Attributes()
				for i := range 20 {
					m.PutStr(fmt.Sprintf("note.%d", i), "Ivan.Petrov@example.com")
				}
				walkTraces(r, s)
				batches.Add(1)
				m.Range(func(_ string, v pcommon.Value) bool {
					if !want[v.Str()] {
						t.Errorf("%q is no pseudonym under any key", v.Str())
					}
					seen.Store(v.Str(), true)
					return true
				})
				if m.Len() != 20 {
					t.Errorf("%d of 20 values came out", m.Len())
				}
			}
		})
	}
	work := func() { // until some more batches went through
		for until := batches.Load() + 10; batches.Load() < until; {
			runtime.Gosched()
		}
	}
	for k := range 10 { // what the watching goroutine does when a file has changed
		must(t, os.WriteFile(path, []byte(hmacFile(fmt.Sprintf("k%d", k), fmt.Sprintf("k%d", (k+9)%10))), 0o600))
		must(t, r.keys.load())
		work()
		must(t, os.WriteFile(path, []byte(`{"keys": [`), 0o600))
		if err := r.keys.load(); err == nil {
			t.Error("half a file was taken for keys")
		}
		work()
	}
	close(stop)
	all.Wait()
	n := 0
	seen.Range(func(any, any) bool { n++; return true })
	if n < 3 {
		t.Errorf("only %d keys were seen at work", n)
	}
	must(t, r.shutdown(context.Background()))
}
