// Package orderjoins is the receiver order_joins: a log record for each trace whose order is learnt after spans of the trace
// have passed without it, so that whoever stored them can put the order beside them.
//
// It asks the order_index that it names, and receives nothing from outside.
//
//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml
package orderjoins
