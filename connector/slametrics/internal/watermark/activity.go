package watermark

import "strings"

// Activity is how far each path has come behind a gateway that tells another's clock of it. It is owned by its
// caller's lock.
type Activity struct {
	most int // bound on named paths; the telemetry of further ones counts as direct
	news map[string]int64
}

// NewActivity has nothing to tell.
func NewActivity(maxPaths int) *Activity { return &Activity{most: maxPaths, news: map[string]int64{}} }

// Observe notes that telemetry up to event time t came over a path. The name is cloned if kept.
func (a *Activity) Observe(name string, t int64) {
	old, known := a.news[name]
	if !known && len(a.news) >= a.most && name != Direct {
		a.Observe(Direct, t)
		return
	}
	if !known {
		name = strings.Clone(name)
	}
	a.news[name] = max(old, t)
}

// Take returns what is new since the last Take. What could not be told is to be observed again.
func (a *Activity) Take() map[string]int64 {
	news := a.news
	a.news = make(map[string]int64, len(news))
	return news
}

// Behind names a path that reaches the judge through a gateway.
func Behind(gateway, path string) string { return gateway + separator + path }

const separator = "/"

// direct says that a path is of senders without a name, here or behind a gateway.
func direct(name string) bool { return name == Direct || strings.HasSuffix(name, separator) }
