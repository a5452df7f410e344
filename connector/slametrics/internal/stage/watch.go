package stage

// Watch asks the cheap question first: can a span of this resource reach a stage, by the names of its attributes? Nineteen of
// twenty cannot. The zero value wants nothing.
type Watch struct {
	all   bool
	sizes uint64 // of the names wanted: bit n is for sizes of n, modulo 64
	among []*Candidates
}

// Reset forgets what was wanted.
func (w *Watch) Reset() {
	clear(w.among)
	w.all, w.sizes, w.among = false, 0, w.among[:0]
}

// Add wants what the candidates ask for. What the resource has, all of its telemetry has. Candidates may be nil.
func (w *Watch) Add(c *Candidates, resource Subject) {
	if c == nil {
		return
	}
	w.all = w.all || len(c.plain) > 0
	for i := range c.probes {
		key := c.probes[i].key
		w.sizes |= 1 << (len(key) % 64)
		if _, ok := resource.Text(key); ok {
			w.all = true
		}
	}
	w.among = append(w.among, c)
}

// All says that everything has to be looked at, whatever its attributes.
func (w *Watch) All() bool { return w.all }

// Wants says whether a rule asks for the attribute first.
func (w *Watch) Wants(key string) bool {
	return w.sizes>>(len(key)%64)&1 != 0 && w.asked(key)
}

func (w *Watch) asked(key string) bool {
	for _, c := range w.among {
		for i := range c.probes {
			if c.probes[i].key == key {
				return true
			}
		}
	}
	return false
}
