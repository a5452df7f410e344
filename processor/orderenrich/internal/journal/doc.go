// Package journal keeps payloads on disk from before they are acknowledged until everything in them was handed on.
//
// Each payload is a record under keys of its own, with a version, a checksum and the number of its items; "head" says
// which numbers may be in use. Appends that come while a commit runs share the next one; deletions ride on it, or go
// alone after a moment. In one commit records come first, then deletions, then the head: if a store does not commit all
// of it or nothing, a record that the head does not know was never acknowledged, and one it knows in vain is skipped.
//
//	record  | Append          | every item Done  | read again after a crash
//	--------+-----------------+------------------+-------------------------
//	-       | committed: live | -                | intact: live
//	live    | -               | deleted          | damaged: reported, left under its key
//	        |                 |                  | not given by the store: reported, for the next process
//
// Delivery is at least once: what was handed on just before a crash may not be deleted yet. The package knows no telemetry
// and no storage: see Store.
package journal
