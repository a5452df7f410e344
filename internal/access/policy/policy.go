// Package policy holds who may do what: roles with permissions, and certificates with roles.
//
// Everything is denied by default, an explicit deny wins over every allow, and whatever the file says that is not
// known here (a key, a permission, a role) is an error.
package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Permission is one thing that a subject may be allowed to do.
type Permission string

// The permissions.
const (
	TracesWrite   Permission = "traces.write"
	MetricsWrite  Permission = "metrics.write"
	LogsWrite     Permission = "logs.write"
	TracesRead    Permission = "traces.read"
	TracesSearch  Permission = "traces.search"
	TracesArchive Permission = "traces.archive"
	DepsRead      Permission = "deps.read"
	MetricsRead   Permission = "metrics.read"
	PIIRead       Permission = "pii.read"
	AuditRead     Permission = "audit.read"
)

// Permissions lists them all.
var Permissions = []Permission{TracesWrite, MetricsWrite, LogsWrite, TracesRead, TracesSearch, TracesArchive, DepsRead,
	MetricsRead, PIIRead, AuditRead}

// SupportRole is the one role that may read traces, unless the policy says otherwise in so many words.
const SupportRole = "support"

var readsTraces = []Permission{TracesRead, TracesSearch, TracesArchive}

// MaxFile bounds a policy file in bytes.
const MaxFile = 1 << 20

// file is the policy as it is written.
type file struct {
	Roles             map[string]roleSpec `yaml:"roles"`
	Certificates      []certificateSpec   `yaml:"certificates"`
	AllowOtherReaders bool                `yaml:"allow_other_readers"`
}

type roleSpec struct {
	Allow []Permission `yaml:"allow"`
	Deny  []Permission `yaml:"deny"`
}

type certificateSpec struct {
	URI   string   `yaml:"uri"`
	DNS   string   `yaml:"dns"`
	Roles []string `yaml:"roles"`
}

// Policy is a checked policy. It is immutable and safe for concurrent use.
type Policy struct {
	roles map[string]roleSpec
	uris  map[string][]string
	dns   map[string][]string
	hash  string
}

// Verdict is the answer to one question, with the rule that gave it.
type Verdict struct {
	Allowed bool
	Rule    string // for example `role "sender" allows traces.write`
}

// Parse reads a policy and names all its mistakes at once.
func Parse(data []byte) (*Policy, error) {
	var spec file
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&spec); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("parse policy: the file is empty; start from the shipped example")
		}
		return nil, fmt.Errorf("parse policy: %w", err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("parse policy: more than one YAML document")
	}
	sum := sha256.Sum256(data)
	p := &Policy{roles: spec.Roles, uris: map[string][]string{}, dns: map[string][]string{}, hash: hex.EncodeToString(sum[:8])}
	errs := checkRoles(spec)
	for i, c := range spec.Certificates {
		errs = append(errs, p.addCertificate(i, c)...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

func checkRoles(spec file) (errs []error) {
	if len(spec.Roles) == 0 {
		errs = append(errs, errors.New("roles: is empty; nobody could do anything"))
	}
	for _, name := range sortedKeys(spec.Roles) {
		role := spec.Roles[name]
		for _, permission := range slices.Concat(role.Allow, role.Deny) {
			if !slices.Contains(Permissions, permission) {
				errs = append(errs, fmt.Errorf("roles::%s: permission %q is not one of %q", name, permission, Permissions))
			}
		}
		for _, permission := range role.Allow {
			if slices.Contains(readsTraces, permission) && name != SupportRole && !spec.AllowOtherReaders {
				errs = append(errs, fmt.Errorf("roles::%s: allows %s, which only the role %q has; remove it, or write allow_other_readers: true",
					name, permission, SupportRole))
			}
		}
	}
	return errs
}

// addCertificate takes exactly one of uri and dns, spelled out: a pattern would admit names that nobody has seen.
func (p *Policy) addCertificate(i int, c certificateSpec) (errs []error) {
	key := fmt.Sprintf("certificates[%d]", i)
	index, name := p.uris, c.URI
	switch {
	case (c.URI == "") == (c.DNS == ""):
		return []error{fmt.Errorf("%s: name exactly one of uri and dns", key)}
	case c.URI != "":
		if u, err := url.Parse(c.URI); err != nil || u.Scheme == "" || u.Host == "" {
			errs = append(errs, fmt.Errorf("%s: uri %q is not an absolute URI such as spiffe://example.com/agent", key, c.URI))
		}
	default:
		index, name = p.dns, strings.ToLower(c.DNS)
	}
	if strings.ContainsAny(name, "* \t") {
		errs = append(errs, fmt.Errorf("%s: %q: names are exact, patterns are not known", key, name))
	}
	if len(c.Roles) == 0 {
		errs = append(errs, fmt.Errorf("%s: roles is empty", key))
	}
	for _, role := range c.Roles {
		if !p.HasRole(role) {
			errs = append(errs, fmt.Errorf("%s: role %q is not under roles", key, role))
		}
	}
	if _, twice := index[name]; twice {
		errs = append(errs, fmt.Errorf("%s: %q occurs twice", key, name))
	}
	index[name] = c.Roles
	return errs
}

// Hash names this version of the policy in the audit.
func (p *Policy) Hash() string { return p.hash }

// HasRole reports whether the policy defines the role.
func (p *Policy) HasRole(name string) bool {
	_, ok := p.roles[name]
	return ok
}

// Certificates returns how many certificates the policy names.
func (p *Policy) Certificates() int { return len(p.uris) + len(p.dns) }

// CertificateRoles returns the subject and the roles of a verified certificate's names: all that match exactly,
// the URIs first. No match means no roles.
func (p *Policy) CertificateRoles(uris []*url.URL, dns []string) (subject string, roles []string) {
	add := func(name string, more []string, ok bool) {
		if !ok {
			return
		}
		if subject == "" {
			subject, roles = name, more
			return
		}
		roles = slices.Concat(roles, more)
	}
	for _, u := range uris {
		name := u.String()
		more, ok := p.uris[name]
		add(name, more, ok)
	}
	for _, name := range dns {
		name = strings.ToLower(name)
		more, ok := p.dns[name]
		add(name, more, ok)
	}
	return subject, roles
}

// Allows answers whether somebody with these roles has the permission.
func (p *Policy) Allows(roles []string, permission Permission) bool {
	allowed := false
	for _, name := range roles {
		role, ok := p.roles[name]
		if !ok {
			continue
		}
		if slices.Contains(role.Deny, permission) {
			return false
		}
		allowed = allowed || slices.Contains(role.Allow, permission)
	}
	return allowed
}

// Explain answers like Allows and names the rule.
func (p *Policy) Explain(roles []string, permission Permission) Verdict {
	verdict := Verdict{Rule: fmt.Sprintf("default deny: none of the roles %q allows %s", roles, permission)}
	for _, name := range roles {
		role, ok := p.roles[name]
		if ok && slices.Contains(role.Deny, permission) {
			return Verdict{Rule: fmt.Sprintf("role %q denies %s; an explicit deny wins", name, permission)}
		}
		if ok && !verdict.Allowed && slices.Contains(role.Allow, permission) {
			verdict = Verdict{Allowed: true, Rule: fmt.Sprintf("role %q allows %s", name, permission)}
		}
	}
	return verdict
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
