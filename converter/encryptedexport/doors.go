package encryptedexport // import "github.com/ordertrace/ordertrace/converter/encryptedexport"

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"

	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/finding"
	"github.com/ordertrace/ordertrace/converter/encryptedexport/internal/wire"
)

const (
	doorType   = "rbac_auth"      // authenticates and authorises senders
	sealedType = "sealed_storage" // encrypts what lies on disk
	indexType  = "order_index"    // tells other gateways which order a message belongs to
)

var componentKinds = []string{"receivers", "processors", "exporters", "connectors", "extensions"}

// judgeDoors refuses a server that names rbac_auth in `auth:` without its middleware. An authenticator over HTTP
// sees neither path nor client certificate: without the middleware every authenticated sender may do everything.
func judgeDoors(root map[string]any, findings *finding.List) {
	for _, kind := range componentKinds {
		walk(kind, root[kind], func(key string, m map[string]any) { judgeDoor(key, m, findings) })
	}
}

func judgeDoor(key string, m map[string]any, findings *finding.List) {
	guards := middlewares(m)
	doors := 0
	for _, id := range guards {
		if id.Type().String() == doorType {
			doors++
		}
	}
	if doors > 1 {
		findings.Refuse(finding.OpenDoor, key+"::middlewares", doorType, "two doors on one listener cannot both decide", "name it once")
	}
	auth, ok := m["auth"].(map[string]any)
	if !ok {
		return
	}
	id, ok := idOf(auth["authenticator"])
	if doors == 0 && (!ok || id.Type().String() != doorType) {
		return
	}
	if ok && id.Type().String() == doorType && !slices.Contains(guards, id) {
		findings.Refuse(finding.OpenDoor, key+"::auth::authenticator", id.String(), "as an authenticator alone it never sees the path or the certificate",
			fmt.Sprintf("write `middlewares: [{id: %s}]` instead of `auth:`", id))
	}
	if params, set := auth["request_params"]; set && params != nil {
		findings.Refuse(finding.OpenDoor, key+"::auth::request_params", "", "lets a query override the Authorization header", "remove it")
	}
}

func middlewares(m map[string]any) []component.ID {
	list, _ := m["middlewares"].([]any)
	var ids []component.ID
	for _, item := range list {
		if entry, ok := item.(map[string]any); ok {
			if id, ok := idOf(entry["id"]); ok {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

func idOf(value any) (component.ID, bool) {
	var id component.ID
	text, ok := value.(string)
	if !ok || id.UnmarshalText([]byte(text)) != nil {
		return id, false
	}
	return id, true
}

// judgeStorages names every queue and state that lies on disk in clear.
func (c *converter) judgeStorages(root map[string]any, findings *finding.List) {
	if extensions, ok := root["extensions"].(map[string]any); ok {
		for _, name := range sortedKeys(extensions) { // others wrap a storage
			if id, ok := idOf(name); ok && id.Type().String() == indexType {
				section, _ := extensions[name].(map[string]any)
				c.judgeStorage("extensions::"+name, section, findings)
			}
		}
	}
	for _, kind := range componentKinds[:4] {
		walk(kind, root[kind], func(key string, m map[string]any) { c.judgeStorage(key, m, findings) })
	}
}

func (c *converter) judgeStorage(key string, m map[string]any, findings *finding.List) {
	for _, use := range [...]struct{ name, what string }{
		{"storage", "what is stored there lies on disk in clear"},
		{"journal", "spans lie there on disk in clear, as they came, before pii_redact"},
	} {
		if id, ok := idOf(m[use.name]); ok && id.Type().String() != sealedType {
			answer(findings, c.policy.UnsealedStorage, finding.UnsealedStorage, key+"::"+use.name, id.String(), use.what, "put its directory on an encrypted volume")
		}
	}
}

// judgeBroadcasts names every index that tells other gateways its orders in clear.
func (c *converter) judgeBroadcasts(root map[string]any, findings *finding.List) {
	extensions, _ := root["extensions"].(map[string]any)
	for _, name := range sortedKeys(extensions) {
		id, ok := idOf(name)
		section, _ := extensions[name].(map[string]any)
		broadcast, _ := section["broadcast"].(map[string]any)
		text, _ := broadcast["redis"].(string)
		if !ok || id.Type().String() != indexType || text == "" {
			continue
		}
		key := "extensions::" + name + "::broadcast::redis"
		u, err := url.Parse(text)
		if err != nil || !strings.EqualFold(u.Scheme, "redis") {
			continue // encrypted, or refused by the extension itself
		}
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		if !c.exempt(key, wire.HostPort(net.JoinHostPort(u.Hostname(), port)), findings) {
			findings.Warn(finding.Plaintext, key, wire.Safe(text), "tells other gateways in clear which orders and sessions belong together",
				"write rediss:// and set tls::ca_file; this will be refused in a later version")
		}
	}
}

// walk calls visit for every map below value, in a stable order.
func walk(key string, value any, visit func(key string, m map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		visit(key, v)
		for _, name := range sortedKeys(v) {
			walk(key+"::"+name, v[name], visit)
		}
	case []any:
		for i, item := range v {
			walk(fmt.Sprintf("%s[%d]", key, i), item, visit)
		}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
