// Package order knows the statuses of an order and which may follow which.
package order

import (
	"fmt"
	"regexp"
)

// Status is where an order is in its life.
type Status string

// The life of an order, in its order, and the way out of it.
const (
	Submitted  Status = "SUBMITTED"
	Priced     Status = "PRICE_CALCULATED"
	Approved   Status = "MANUFACTURING_APPROVED"
	Started    Status = "MANUFACTURING_STARTED"
	Completed  Status = "MANUFACTURING_COMPLETED"
	Packaging  Status = "PACKAGING"
	Shipped    Status = "SHIPPED"
	Closed     Status = "CLOSED"
	Cancelled  Status = "CANCELLED"
	firstOrder        = 10_000_001
)

// before says from which statuses a status is reached.
//
//	(new) → SUBMITTED → PRICE_CALCULATED → MANUFACTURING_APPROVED → MANUFACTURING_STARTED
//	      → MANUFACTURING_COMPLETED → PACKAGING → SHIPPED → CLOSED
//	SUBMITTED, PRICE_CALCULATED → CANCELLED
var before = map[Status][]Status{
	Submitted: nil,
	Priced:    {Submitted},
	Approved:  {Priced},
	Started:   {Approved},
	Completed: {Started},
	Packaging: {Completed},
	Shipped:   {Packaging},
	Closed:    {Shipped},
	Cancelled: {Submitted, Priced},
}

// All lists the statuses in the order of a life.
func All() []Status {
	return []Status{Submitted, Priced, Approved, Started, Completed, Packaging, Shipped, Closed, Cancelled}
}

// Before returns the statuses from which to may be reached.
func Before(to Status) []Status { return append([]Status(nil), before[to]...) }

// Step is what a wish to move an order comes to.
type Step int

// The outcomes of Check.
const (
	Move    Step = iota // go ahead
	Already             // the order is there, or further on: a repeated message
	Illegal             // the order took another way
)

// Check judges the wish to move from one status to another.
func Check(from, to Status) Step {
	for _, allowed := range before[to] {
		if allowed == from {
			return Move
		}
	}
	if from == Cancelled && to != Cancelled {
		return Illegal
	}
	if rank(from) >= rank(to) && to != Cancelled || from == to {
		return Already
	}
	return Illegal
}

// Ended says that nothing follows.
func Ended(s Status) bool { return s == Closed || s == Cancelled }

func rank(s Status) int {
	for i, other := range All() {
		if s == other {
			return i
		}
	}
	return -1
}

// ID makes an order number of the n-th order, n from 0.
func ID(n int64) string { return fmt.Sprintf("ORD-%08d", firstOrder+n) }

var id = regexp.MustCompile(`^ORD-[0-9]{8}$`)

// ValidID tells whether s is an order number.
func ValidID(s string) bool { return id.MatchString(s) }
