// Package waiting keeps the traces whose order is not known yet: for how long, in how many bytes, and who may go early.
//
// An entry begins with the first span of such a trace and ends at its deadline, when it is too large, or at the end of
// the process; it then goes back to the caller with everything it holds. Nothing is ever dropped.
//
//	event                 | room below 80 % | degraded (from 80 % until below 60 %)
//	----------------------+-----------------+--------------------------------------
//	span of a new trace   | entry begins    | passes
//	span of a waiting one | waits           | waits; at 100 % the entry ends
//	span names the order  | it and what is below it may go
//	deadline              | entry ends
//
// What an entry holds for the caller is a type parameter: the package knows no telemetry. Room is safe for concurrent
// use; an Entry belongs to whoever is inside With, and after it ended to whoever was given it.
package waiting
