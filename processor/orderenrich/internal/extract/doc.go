// Package extract finds identifiers in attributes: under alias names, in URL paths and queries, in captured headers and
// baggage. It reads key and value as strings and knows neither spans nor collectors.
//
// A Matcher is compiled once from Rules and shared; a Reader belongs to one goroutine, collects what the attributes of
// one span, event, link, resource or log record say, and is reused without allocating.
//
// It does not decide between contradicting values: package lineage does.
package extract
