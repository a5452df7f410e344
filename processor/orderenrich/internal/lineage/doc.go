// Package lineage decides which order each span or log record of a payload belongs to.
//
// A Batch collects spans and what they say, learns (tells the shared binding index, and asks it), and then decides:
//
//   - what a span names itself is its own, the best source first;
//   - else, in a trace with one value, that value;
//   - in a trace with several: that of the nearest ancestor that has one, else the one that all its descendants name, else
//     the sorted set of them, else nothing.
//
// Spans with a zero trace id stand alone. A span whose parent is missing is a root of its fragment; spans whose parents
// form a circle are roots, each. The package knows no pdata; values are only ever borrowed until Reset.
package lineage
