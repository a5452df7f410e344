// Package redact puts the parts together: what a key means, what a text holds, what the policy says of it,
// and one edit. It knows strings and numbers, no telemetry; it returns new values and counts.
package redact

import (
	"path"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/finding"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/meaning"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/number"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/policy"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/pseudonym"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/scan"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/sealed"
)

// Fixed stands where a value was masked.
const Fixed = finding.Fixed

// Options make an engine.
type Options struct {
	Table  *policy.Table
	Keys   *pseudonym.Keyring
	Box    *sealed.Box
	Loose  bool
	Allow  []string // keys of ids: number detectors skip them
	Secret []string // keys of secrets, '*' matches anything
	Rules  []scan.Rule
	Names  []string // the rules' names, for their pseudonyms
	// Needs are the numbers that count in context only, besides those that always do.
	Needs finding.Set
	// Overrides: tables of their own for the values of some keys; the first that matches counts.
	Overrides []Override
	Limits    Limits
}

// Override is what is done about findings under some attributes.
type Override struct {
	Keys  []string // '*' matches anything
	Table *policy.Table
}

// actions are a table, and what it keeps and what it replaces at some cost, computed once.
type actions struct {
	table        *policy.Table
	kept, costly finding.Set
	bit          uint32 // of these actions in what is remembered of names; 0 for those beyond 32
}

// actionsOf makes the n-th actions of an engine.
func actionsOf(t *policy.Table, n int) actions {
	return actions{table: t, kept: t.Those(policy.Keep), costly: t.Those(policy.Hash, policy.Token), bit: 1 << n}
}

// Engine is shared by all goroutines; each works through a Session.
type Engine struct {
	opt     Options
	actions actions   // where no override says otherwise
	special []actions // of opt.Overrides
	keys    *meaning.Cache[Decision]
	text    Decision // of texts without a key
	words   *meaning.Cache[word]
	// idle holds the sessions that wait for work, at most one a core. A sync.Pool would lose what they remember with
	// every second garbage collection.
	idle chan *Session
}

// Decision is what a key settles before its value is looked at.
type Decision struct {
	meaning.Class
	env number.Env
	// actions are an override's, or nil.
	actions *actions
	// plain: the key says nothing, so the parent's may.
	plain bool
	// key is a copy of the key that this is the decision for; salt tells decisions apart in a session's memory.
	key  string
	salt uint64
	// opaque: a UUID or a trace id under this key is just that.
	opaque bool
	// calm: a value under this key is nothing but what it holds itself, and no rule looks for more.
	calm bool
	// name remembers under which actions nothing is done about the key itself, a bit for each.
	name atomic.Uint32
}

// New makes an engine.
func New(opt Options) *Engine {
	e := &Engine{opt: opt, actions: actionsOf(opt.Table, 0), idle: make(chan *Session, runtime.GOMAXPROCS(0))}
	for i, o := range opt.Overrides {
		e.special = append(e.special, actionsOf(o.Table, i+1))
	}
	e.text.plain, e.text.env.Loose, e.text.env.Needs = true, opt.Loose, opt.Needs
	e.text.opaque, e.text.calm = len(opt.Rules) == 0, len(opt.Rules) == 0
	e.keys = meaning.NewCache(opt.Limits.Keys, e.decide)
	e.words = meaning.NewCache(opt.Limits.Keys, func(name string) *word {
		return &word{Class: meaning.Of(name), name: strings.Clone(name)}
	})
	return e
}

// KeyCacheFull is how often a key was not remembered.
func (e *Engine) KeyCacheFull() int64 { return e.keys.Full() + e.words.Full() }

// Session returns a session of one goroutine; Release gives it back.
func (e *Engine) Session() *Session {
	var se *Session
	select {
	case se = <-e.idle:
	default:
		se = &Session{e: e}
		se.scanner = scan.New(se.class, e.opt.Rules)
	}
	se.use(&e.actions)
	return se
}

func (e *Engine) decide(key string) *Decision {
	d := &Decision{Class: meaning.Of(key), key: strings.Clone(key), salt: spread(key)}
	for _, a := range e.opt.Allow {
		if a == key {
			d.env.Skip = true
			d.Whole, d.Statement = finding.None, false
		}
	}
	for _, pattern := range e.opt.Secret {
		if matches(pattern, key) || spelledAs(pattern, key) {
			d.Whole, d.Place = finding.Secret, false
		}
	}
	d.env.Hint, d.env.Quantity, d.env.Loose = d.Hint, d.Quantity, e.opt.Loose
	d.env.Needs = e.opt.Needs
	for i, o := range e.opt.Overrides {
		if d.actions == nil && slices.ContainsFunc(o.Keys, func(p string) bool { return matches(p, key) }) {
			d.actions = &e.special[i]
		}
	}
	d.env.Number, d.env.Query = d.Number, d.Query || strings.HasSuffix(strings.ToLower(key), "query")
	d.opaque = (d.Whole == finding.None || d.Place) && !d.Statement && d.Number == finding.None && len(e.opt.Rules) == 0
	d.calm = d.opaque && !d.Place && !d.Coordinate && !d.Spot
	d.plain = d.Whole == finding.None && d.Hint == 0 && !d.Statement && !d.Coordinate && !d.Spot && !d.env.Skip
	return d
}

// matches is a glob in which '*' stands for anything, dots included.
func matches(pattern, key string) bool {
	p := strings.ReplaceAll(strings.ToLower(pattern), "/", "\x00")
	ok, err := path.Match(p, strings.ReplaceAll(strings.ToLower(key), "/", "\x00"))
	return ok && err == nil
}

// spelledAs: user.id is also userId, user_id and USERID.
func spelledAs(name, key string) bool {
	return !strings.ContainsAny(name, `*?[\`) && strings.Join(meaning.Words(name), "") == strings.Join(meaning.Words(key), "")
}

// Plain is the decision for texts without a key.
func (e *Engine) Plain() *Decision { return &e.text }
