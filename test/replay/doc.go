// Package replay measures how many spans order_enrich gives their order and session, on traffic like that of a shop, in virtual time.
//
// The traffic is made by a seeded generator after what recorded traffic shows: few spans name their order, services send
// what has ended every few seconds with phases of their own, and some traces are batches over several orders.
//
//	go test ./test/replay -run TestCoverage -v
//
// And it counts spans and bytes of content, in and out, where something gets in their way: too little room, a next component
// that refuses, a shutdown, a million live traces, kill -9 of a real process.
//
//	go test ./test/replay -run TestInEqualsOut -v
package replay
