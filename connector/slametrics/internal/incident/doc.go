// Package incident says since when something is wrong, when people were told, and when it was right again: plain Go,
// no clock, no telemetry.
//
// A subject (a transition, a destination, a service) is in one of three states, each a function of
// (state, event, now) → (state, facts):
//
//	state    | bad event          | alert fires        | trouble goes on | quiet has passed  | all bad taken back
//	clear    | opened [, detected] | noted; a service: opened, detected | – | –              | –
//	open     | onset = the first  | detected           | last = now      | restored, undetected | withdrawn
//	detected | –                  | –                  | last = now      | restored, detected   | –
//
// A bad event is a breach, a lost order or a lost message, and its onset the instant that passed: the first impact, not
// when it was computed. One failed request is nobody's incident, so that of a service begins with its alert: its onset is
// the first of the failures, none further apart than quiet, that led to it.
// An alert that fires when trouble begins has detected it at once. Trouble is an order past its deadline, a further bad
// event, or, for a service, that its alert fires. Quiet is counted in event time: a silence of telemetry restores nothing.
package incident
