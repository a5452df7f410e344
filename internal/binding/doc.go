// Package binding remembers which identifiers (an order, a session, a pseudonym) a trace or a message belongs to.
//
// The Index is shared by every instance and signal that names the same order_index extension. It is flat and
// generational: open-addressed tables of 20-byte slots keyed by all 16 bytes of an id, records in append-only chunks, no
// pointer per entry, and a hard bound in bytes. Entries are written to the newest generation, read newest to oldest,
// moved up when they are used, and expire when a whole generation is dropped.
//
// Merging is a function of (rank of the source, first seen): a better source replaces a value, a worse one is ignored,
// and two different values of equal rank make the binding ambiguous, which binds nothing.
//
// It does not know spans, logs or collectors, and it never sees a raw user id.
//
//	x := binding.New(binding.Options{MaxBytes: 256 << 20})
//	order, _ := x.Name("order.id", 0)
//	x.Bind(binding.Trace(traceID), binding.Binding{Name: order, Source: binding.URL, Value: "ORD-10000042"}, now)
package binding
