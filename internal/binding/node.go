package binding

import "crypto/sha256"

// Space separates the kinds of nodes.
type Space uint8

// The two spaces: traces live for minutes, messages and conversations for days.
const (
	TraceSpace Space = iota
	MessageSpace
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

	maxChain = MaxNames + MaxEdges
)
