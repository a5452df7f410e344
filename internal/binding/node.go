// Package binding remembers which identifiers (an order, a session, a pseudonym) a trace or a message belongs to.
//
// The Index is shared by every instance and signal that names the same order_index extension. It is flat and
// generational: directories of 8-byte slots, eight to a cache line, which hold a fingerprint of the id and where its records
// are; ids and records in append-only chunks, no pointer per entry, and a hard bound in bytes. One probe finds an entry,
// whatever its age. Entries are written to the newest generation, move there when they are used, and expire when a whole
// generation is dropped.
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

import "crypto/sha256"

// Space separates the kinds of nodes.
type Space uint8

// The spaces: traces live for minutes, messages and conversations for days, values such as an order for weeks.
const (
	TraceSpace Space = iota
	MessageSpace
	ValueSpace
	spaces
)

// Node is what identifiers are bound to.
type Node struct {
	ID    [16]byte
	Space Space
}

// Trace is the node of a trace id.
func Trace(id [16]byte) Node { return Node{ID: id, Space: TraceSpace} }

// MessageOf is the node of a message or conversation id. Ids are of any length, so they are hashed; the hash is
// cryptographic, because whoever writes ids must not be able to choose two that meet.
func MessageOf(via Source, id string) Node {
	buf := make([]byte, 0, 128)
	buf = append(buf, byte(via))
	sum := sha256.Sum256(append(buf, id...))
	return Node{ID: [16]byte(sum[:16]), Space: MessageSpace}
}

// ValueOf is the node of a value of an identifier: what an order is known by in every trace that names it. What is bound
// first to such a node stays, whatever its rank: it stands for how things were when the order was placed.
func ValueOf(identifier, value string) Node {
	buf := make([]byte, 0, 128)
	buf = append(append(buf, identifier...), 0)
	sum := sha256.Sum256(append(buf, value...))
	return Node{ID: [16]byte(sum[:16]), Space: ValueSpace}
}

// IsZero says that the id is the invalid one of the specification.
func (n Node) IsZero() bool { return n.ID == [16]byte{} }

// Name is the number of an identifier within one Index.
type Name uint8

// Binding says that a node belongs to a value of an identifier.
type Binding struct {
	Name   Name
	Source Source
	// Hops is the distance from the trace that named the value: one for each message, two for each link.
	Hops uint8
	// Several says that values of equal rank contradict each other; then Value is only the first of them.
	Several bool
	// Tag stands for whoever said it: a service and a field. 0: unknown.
	Tag   uint16
	Value string
}

// Outcome is what became of a Bind.
type Outcome uint8

// The outcomes of Bind.
const (
	// Known: the node already had this value from a source at least as good.
	Known Outcome = iota
	// Bound: the node had no value and has it now.
	Bound
	// Better: the value replaced one of lower rank.
	Better
	// Weaker: the node has a value of higher rank; nothing changed.
	Weaker
	// Contradicted: the node has another value of the same rank; it is ambiguous from now on.
	Contradicted
	// Refused: the id is zero, the value is too long or the bound left no room.
	Refused
	// Nearer: the node already had this value, over more hops; it may travel further now.
	Nearer
)

const (
	// MaxValue is the longest value, in bytes.
	MaxValue = 255
	// MaxNames is how many identifiers one Index can hold.
	MaxNames = 32
	// MaxHops ends the travel of a binding: two links, or two messages (to the message and from it, twice).
	MaxHops = 4
	// MaxEdges is how many other nodes one node can be connected to.
	MaxEdges = 16
)

// Source says where a value was found. A higher source outranks a lower one.
type Source uint8

// The sources, weakest first. The numbers are ranks only and are not stored outside the process.
const (
	// NoSource is the zero value: nothing was found.
	NoSource Source = iota
	// Order is what another identifier of the trace, such as the order, is known to belong to.
	Order
	// LogBody is a text found in the body of a log record.
	LogBody
	// Statement is a text found in a database statement.
	Statement
	// Parameter is a parameter of a database statement.
	Parameter
	// Link is a binding that came over a span link from another trace.
	Link
	// Conversation is a binding that came over a conversation id.
	Conversation
	// Message is a binding that came over a message id.
	Message
	// Table is a table of references: what a partner's number or a job's stands for.
	Table
	// Query is a URL query parameter.
	Query
	// URL is a segment of a URL path.
	URL
	// Baggage is an entry of W3C baggage.
	Baggage
	// Header is a captured HTTP, RPC or message header.
	Header
	// Resource is an attribute of the resource.
	Resource
	// LinkAttribute is an attribute of a span link.
	LinkAttribute
	// Event is an attribute of a span event.
	Event
	// Attribute is an attribute of the span or log record under one of its other names.
	Attribute
	// Canonical is an attribute under the identifier's own name, written by the service itself.
	Canonical
	// sourceCount is the number of sources; it must stay below 32 (five bits in a record).
	sourceCount
)

var sourceNames = [sourceCount]string{
	"", "order", "log_body", "sql", "sql_parameter", "link", "conversation", "message", "table", "query", "url", "baggage", "header",
	"resource", "link_attribute", "event", "attribute", "canonical",
}

// String returns the name that is written into "<identifier>.source".
func (s Source) String() string {
	if s >= sourceCount {
		return ""
	}
	return sourceNames[s]
}

// ParseSource is the inverse of String; an unknown name is NoSource.
func ParseSource(name string) Source {
	for i, n := range sourceNames {
		if i > 0 && n == name {
			return Source(i)
		}
	}
	return NoSource
}

// Sources lists every source, weakest first.
func Sources() []Source {
	all := make([]Source, 0, sourceCount-1)
	for s := NoSource + 1; s < sourceCount; s++ {
		all = append(all, s)
	}
	return all
}

// Joins is a set of the sources that connect traces: Link, Message, Conversation.
type Joins uint8

// With returns the set with s added.
func (j Joins) With(s Source) Joins { return j | 1<<(s-Link) }

// Has says whether s is in the set.
func (j Joins) Has(s Source) bool { return s >= Link && s <= Message && j&(1<<(s-Link)) != 0 }
