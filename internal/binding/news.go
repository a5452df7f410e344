package binding

import "time"

// News is what an index learnt that matters to the indexes of other gateways: a binding of a node that more than one trace
// meets at, or a link between traces that may live elsewhere.
type News struct {
	Node    Node
	Binding Binding // Value "": this is a link
	To      Node    // of a link
}

// Share calls f, unless it is nil, with everything that other indexes should know. f runs in the middle of a payload, on several goroutines: it
// must not wait, and must not keep the value, which may be a part of something large.
func (x *Index) Share(f func(News)) {
	if f == nil {
		x.share.Store(nil)
		return
	}
	x.share.Store(&f)
}

// KeepToSelf says that the values of an identifier mean nothing to other indexes: they are neither told nor taken.
func (x *Index) KeepToSelf(n Name) { x.toSelf.Or(1 << n) }

func (x *Index) keepsToSelf(n *News) bool {
	return n.Binding.Value != "" && x.toSelf.Load()&(1<<n.Binding.Name) != 0
}

func (x *Index) tell(n News) {
	if f := x.share.Load(); f != nil && !x.keepsToSelf(&n) {
		(*f)(n)
	}
}

// Tell is Bind for a node that other traces meet at, wherever they are.
func (x *Index) Tell(n Node, b Binding, now time.Time) Outcome {
	out := x.Bind(n, b, now)
	if out == Bound || out == Better || out == Nearer || out == Contradicted {
		x.tell(News{Node: n, Binding: b})
	}
	return out
}

// Apply merges what another index shared. That itself is not shared again; what follows from it for further nodes is.
func (x *Index) Apply(n News, now time.Time) {
	if n.Binding.Value != "" {
		x.Bind(n.Node, n.Binding, now)
		return
	}
	x.join(n.Node, n.To, Link, now)
}
