package binding

// Source says where a value was found. A higher source outranks a lower one.
type Source uint8

// The sources, weakest first. The numbers are ranks only and are not stored outside the process.
const (
	// NoSource is the zero value: nothing was found.
	NoSource Source = iota
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
	"", "log_body", "sql", "sql_parameter", "link", "conversation", "message", "query", "url", "baggage", "header",
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
