// Package lifecycle decides the verdicts on orders: plain Go, no clock, no telemetry.
//
// An order's history is the set of its events. The verdicts at watermark W are a function of the events up to W alone,
// whatever order they came in (judge.go), so shuffled, repeated and late telemetry ends in the same verdicts:
//
//	events up to W → visits (sorted, duplicates folded, skewed predecessors moved) → one verdict per transition instance
//
// What changes between two evaluations becomes facts (state, events, W) → (state, facts):
//
//	from \ to | on_time    | breached          | late            | lost              | void
//	open      | on_time    | breached          | breached, late  | breached, lost    | –
//	breached  | retracted  | –                 | late            | lost              | retracted
//	late      | retracted  | –                 | –               | lost              | retracted
//	lost      | retracted  | –                 | late            | –                 | retracted
//
// "void" is an instance that will not be judged: the order ended, or moved on, before the deadline. As long as
// telemetry is no later than the allowed lateness, only the first line and breached → late | lost, lost → late happen.
package lifecycle
