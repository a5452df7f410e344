package lifecycle

// Kind says what happened.
type Kind uint8

const (
	Started  Kind = iota // an order was seen for the first time
	Finished             // an order reached an end: End, Duration
	Decided              // an outcome of a transition: Transition, Outcome, Net, Age
	Reached              // a transition's duration became known: Transition, Duration
	Reworked             // a stage was entered again: Stage
	Revised              // an on_time verdict was wrong: an earlier event came later than the allowed lateness
	Skewed               // a stage was entered before its predecessor, by their clocks; its duration counts as zero
	Repeated             // an event was the same as one already known
	Crowded              // an event was dropped: the order already has MaxEvents
	Refused              // an order was not taken on: the book is full of open orders
	Evicted              // a finished order was forgotten early to make room
	Expired              // an order was forgotten max_age after its last event
	Doubled              // the same party reached a stage again with another span (flows that CountDoubles): Stage, Party
	Kinds                // number of kinds
)

// Fact is one thing that the shell turns into telemetry. Key is set where a log record names the order.
type Fact struct {
	Kind       Kind
	Outcome    Outcome
	Net        Verdict
	End        End
	Stage      int
	Transition int
	Party      uint32 // of the stage of origin, or of the event itself
	Entered    int64  // when the stage of origin was entered
	Due        int64  // of breached and lost: the instant that passed
	Duration   int64  // ns
	Age        int64  // watermark minus Entered, ns
	Key        string
	Trace      [16]byte
	Span       [8]byte
}

// Problem is an open order in trouble.
type Problem struct {
	Key        string
	Transition int
	Outcome    string // stuck, breached or lost
	Entered    int64
	Trace      [16]byte
}

// StageGauge is what a stage holds now.
type StageGauge struct {
	InFlight int64
	Stuck    int64
	Oldest   int64 // when the oldest order now in the stage entered it; 0 if there is none
}
