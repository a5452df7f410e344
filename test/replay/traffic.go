package replay

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Shape of the traffic.
type Shape struct {
	Seed       uint64
	Traces     int
	Services   int
	SpansEvery time.Duration // how often a service sends its spans; logs are sent every second
	Batches    float64       // share of traces that handle several orders
	Logs       bool
	Poison     bool // service 0 logs its customer's account as the order
}

// Account is what the poisoned service names.
const Account = "ACC-00000001"

// span is one span of the traffic, with the truth about it.
type span struct {
	trace, id, parent int
	service           int
	start, end        time.Duration
	names             string // the order that it names
	truth             string // the order that it belongs to, "" for none
}

// record is one log record.
type record struct {
	trace, span, service int
	at                   time.Duration
	names                string
}

// Arrival is a payload at the moment when it reaches the collector.
type Arrival struct {
	At     time.Duration
	Traces ptrace.Traces
	Logs   plog.Logs
}

// Traffic is what was made.
type Traffic struct {
	Arrivals []Arrival
	spans    map[[2]int]*span
	window   map[int][2]time.Duration // first and last arrival of the spans of each trace
}

// namedShare is the share of spans of an order's trace that name it (2.9 % in the recorded traffic).
const namedShare = 0.029

// Make makes the traffic.
func Make(shape Shape) *Traffic {
	r := rand.New(rand.NewPCG(shape.Seed, 42))
	var spans []*span
	var records []record
	for t := range shape.Traces {
		begin := time.Duration(r.Int64N(int64(60 * time.Second)))
		made := makeTrace(r, shape, t+1, begin)
		spans = append(spans, made...)
		if shape.Logs {
			records = append(records, makeLogs(r, made)...)
		}
	}
	tr := &Traffic{spans: map[[2]int]*span{}, window: map[int][2]time.Duration{}}
	for _, s := range spans {
		tr.spans[[2]int{s.trace, s.id}] = s
	}
	tr.sendSpans(r, shape, spans)
	tr.sendLogs(r, shape, records)
	slices.SortStableFunc(tr.Arrivals, func(a, b Arrival) int { return cmp.Compare(a.At, b.At) })
	return tr
}

// makeTrace grows a tree of 10 to 70 spans. A batch has a branch for each of its orders, and spans that belong to none.
func makeTrace(r *rand.Rand, shape Shape, trace int, begin time.Duration) []*span {
	n := 10 + r.IntN(60)
	orders := []string{fmt.Sprintf("ORD-%08d", trace*10)}
	if r.Float64() < shape.Batches {
		for k := range 1 + r.IntN(3) {
			orders = append(orders, fmt.Sprintf("ORD-%08d", trace*10+k+1))
		}
	}
	took := 50*time.Millisecond + time.Duration(r.ExpFloat64()*float64(600*time.Millisecond))
	root := &span{trace: trace, id: 1, service: r.IntN(shape.Services), start: begin, end: begin + took}
	spans := []*span{root}
	branch := []int{-1} // which order's branch a span is in
	for id := 2; id <= n; id++ {
		k := r.IntN(len(spans))
		if r.IntN(3) > 0 {
			k = max(0, len(spans)-1-r.IntN(4))
		}
		p := spans[k]
		b := branch[k]
		if b < 0 && len(orders) > 1 && id > 2 {
			b = r.IntN(len(orders)+1) - 1
		}
		length := p.end - p.start
		start := p.start + time.Duration(r.Int64N(int64(length)+1))
		s := &span{trace: trace, id: id, parent: p.id, service: p.service, start: start}
		s.end = start + time.Duration(r.Int64N(int64(p.end-start)+1))
		if r.IntN(3) == 0 {
			s.service = r.IntN(shape.Services)
		}
		spans, branch = append(spans, s), append(branch, b)
	}
	name(r, spans, branch, orders)
	return spans
}

// name lets few spans name their order. In a batch the first span of each branch does, as consumers do.
func name(r *rand.Rand, spans []*span, branch []int, orders []string) {
	if len(orders) == 1 {
		spans[1+r.IntN(len(spans)-1)].names = orders[0]
		for _, s := range spans {
			s.truth = orders[0]
			if r.Float64() < namedShare/2 {
				s.names = orders[0]
			}
		}
		return
	}
	for i, s := range spans {
		if branch[i] < 0 {
			continue
		}
		s.truth = orders[branch[i]]
		if branch[s.parent-1] < 0 {
			s.names = s.truth
		}
	}
	adopt(spans)
}

// adopt gives spans outside the branches to the order that all named spans below them share, and what is below such a
// span as well: a consumer's span belongs to the order of its only message.
func adopt(spans []*span) {
	below := make([]map[string]bool, len(spans))
	for i := len(spans) - 1; i >= 0; i-- { // children come after their parents
		if below[i] == nil {
			below[i] = map[string]bool{}
		}
		if p := spans[i].parent - 1; p >= 0 {
			if below[p] == nil {
				below[p] = map[string]bool{}
			}
			for v := range below[i] {
				below[p][v] = true
			}
			if spans[i].names != "" {
				below[p][spans[i].names] = true
			}
		}
	}
	for i, s := range spans {
		if s.truth != "" {
			continue
		}
		if p := s.parent - 1; p >= 0 && spans[p].truth != "" {
			s.truth = spans[p].truth
		} else if len(below[i]) == 1 {
			for only := range below[i] {
				s.truth = only
			}
		}
	}
	if len(below[0]) == 1 { // a trace of one order after all
		for _, s := range spans {
			s.truth = spans[0].truth
		}
	}
}

// makeLogs lets spans write logs, of which few name the order, most of them late.
func makeLogs(r *rand.Rand, spans []*span) []record {
	var out []record
	for _, s := range spans {
		for range r.IntN(3) {
			rec := record{trace: s.trace, span: s.id, service: s.service, at: s.start + time.Duration(r.Int64N(int64(s.end-s.start)+1))}
			if r.Float64() < 0.06 {
				rec.names = s.truth
			}
			out = append(out, rec)
		}
	}
	return out
}

// sendSpans lets each service send what has ended, every period, from a phase of its own.
func (t *Traffic) sendSpans(r *rand.Rand, shape Shape, spans []*span) {
	phase := phases(r, shape.Services, shape.SpansEvery)
	batches := map[[2]int64][]*span{}
	for _, s := range spans {
		at := nextFlush(s.end, phase[s.service], shape.SpansEvery)
		batches[[2]int64{int64(s.service), int64(at)}] = append(batches[[2]int64{int64(s.service), int64(at)}], s)
		w, ok := t.window[s.trace]
		if !ok {
			w = [2]time.Duration{at, at}
		}
		t.window[s.trace] = [2]time.Duration{min(w[0], at), max(w[1], at)}
	}
	for key, batch := range batches {
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", key[0]))
		out := rs.ScopeSpans().AppendEmpty().Spans()
		slices.SortFunc(batch, func(a, b *span) int {
			return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.trace, b.trace), cmp.Compare(a.id, b.id))
		})
		for _, s := range batch {
			o := out.AppendEmpty()
			o.SetTraceID(traceID(s.trace))
			o.SetSpanID(spanID(s.id))
			if s.parent > 0 {
				o.SetParentSpanID(spanID(s.parent))
			}
			o.Attributes().PutStr("http.request.method", "GET")
			o.Attributes().PutInt("number", int64(s.id))
			if s.names != "" {
				o.Attributes().PutStr(field(shape), s.names)
			}
		}
		t.Arrivals = append(t.Arrivals, Arrival{At: time.Duration(key[1]), Traces: td})
	}
	// The map's order must not decide between payloads of one moment.
	slices.SortFunc(t.Arrivals, func(a, b Arrival) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(serviceOf(a), serviceOf(b)))
	})
}

func serviceOf(a Arrival) string {
	v, _ := a.Traces.ResourceSpans().At(0).Resource().Attributes().Get("service.name")
	return v.Str()
}

func (t *Traffic) sendLogs(r *rand.Rand, shape Shape, records []record) {
	phase := phases(r, shape.Services, time.Second)
	batches := map[[2]int64]plog.LogRecordSlice{}
	slices.SortFunc(records, func(a, b record) int {
		return cmp.Or(cmp.Compare(nextFlush(a.at, phase[a.service], time.Second), nextFlush(b.at, phase[b.service], time.Second)), cmp.Compare(a.service, b.service), cmp.Compare(a.at, b.at))
	})
	for _, rec := range records {
		at := nextFlush(rec.at, phase[rec.service], time.Second)
		key := [2]int64{int64(rec.service), int64(at)}
		list, ok := batches[key]
		if !ok {
			ld := plog.NewLogs()
			rl := ld.ResourceLogs().AppendEmpty()
			rl.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", rec.service))
			list = rl.ScopeLogs().AppendEmpty().LogRecords()
			batches[key] = list
			t.Arrivals = append(t.Arrivals, Arrival{At: at, Logs: ld})
		}
		o := list.AppendEmpty()
		o.SetTraceID(traceID(rec.trace))
		o.SetSpanID(spanID(rec.span))
		switch {
		case shape.Poison && rec.service == 0:
			o.Attributes().PutStr("orderId", Account)
		case rec.names != "":
			o.Attributes().PutStr(field(shape), rec.names)
		}
	}
}

// field is where services name the order. One that names the wrong thing is only found where others use the better name.
func field(shape Shape) string {
	if shape.Poison {
		return "order.id"
	}
	return "orderId"
}

func phases(r *rand.Rand, services int, every time.Duration) []time.Duration {
	out := make([]time.Duration, services)
	for i := range out {
		out[i] = time.Duration(r.Int64N(int64(every)))
	}
	return out
}

func nextFlush(at, phase, every time.Duration) time.Duration {
	n := (at - phase + every - 1) / every
	return phase + max(n, 0)*every + time.Millisecond
}

func traceID(n int) pcommon.TraceID {
	return [16]byte{1, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
}

func spanID(n int) pcommon.SpanID { return [8]byte{1, 6: byte(n >> 8), 7: byte(n)} }
