package meaning

import (
	"strings"
	"sync"
	"sync/atomic"
)

// Cache remembers what keys mean. Readers take no lock: the map is replaced, never changed.
// Past its bound it forgets nothing and learns nothing: a flood of made-up keys costs time, not memory.
type Cache[T any] struct {
	read  atomic.Pointer[map[string]*T]
	bound int
	learn func(key string) *T

	mu      sync.Mutex
	pending map[string]*T // guarded by mu; merged into read once it is worth a copy
	full    atomic.Int64
	closed  atomic.Bool // the bound was reached
}

// MaxKey is the longest key that is worth remembering.
const MaxKey = 256

// NewCache makes a cache of at most bound keys; learn computes what is not in it.
func NewCache[T any](bound int, learn func(string) *T) *Cache[T] {
	c := &Cache[T]{bound: bound, learn: learn, pending: map[string]*T{}}
	c.read.Store(&map[string]*T{})
	return c
}

// Get looks key up or learns it.
func (c *Cache[T]) Get(key string) *T {
	if v, ok := (*c.read.Load())[key]; ok {
		return v
	}
	return c.miss(key)
}

// GetBytes is Get for a key that was put together in a buffer.
func (c *Cache[T]) GetBytes(key []byte) *T {
	if v, ok := (*c.read.Load())[string(key)]; ok {
		return v
	}
	return c.miss(string(key))
}

// Full is how often a key was not remembered because the cache was full.
func (c *Cache[T]) Full() int64 { return c.full.Load() }

func (c *Cache[T]) miss(key string) *T {
	if len(key) > MaxKey || c.closed.Load() { // nobody waits for anybody in a flood of made-up keys
		c.full.Add(1)
		return c.learn(key)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.pending[key]; ok {
		c.mergeLocked()
		return v
	}
	v := c.learn(key)
	old := *c.read.Load()
	if len(old)+len(c.pending) >= c.bound {
		c.full.Add(1)
		c.mergeLocked()
		c.closed.Store(true)
		return v
	}
	c.pending[strings.Clone(key)] = v
	if len(c.pending) > len(old)/4 {
		c.mergeLocked()
	}
	return v
}

func (c *Cache[T]) mergeLocked() {
	old := *c.read.Load()
	next := make(map[string]*T, len(old)+len(c.pending))
	for k, v := range old {
		next[k] = v
	}
	for k, v := range c.pending {
		next[k] = v
	}
	clear(c.pending)
	c.read.Store(&next)
}
