package rbacauth // import "github.com/ordertrace/ordertrace/extension/rbacauth"

import (
	"context"
	"slices"

	"go.opentelemetry.io/collector/client"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/door"
)

var _ client.AuthData = authData{}

// authData tells later components who sent, never with what.
type authData struct{ subject door.Subject }

func (a authData) GetAttribute(name string) any {
	switch name {
	case "subject":
		return a.subject.Name
	case "method":
		return a.subject.Method
	case "roles":
		return slices.Clone(a.subject.Roles)
	default:
		return nil
	}
}

func (a authData) GetAttributeNames() []string { return []string{"subject", "method", "roles"} }

// credentialHeaders carry secrets by convention. In lower case.
var credentialHeaders = []string{"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"}

// credentialHTTPHeaders are the same in net/http's spelling.
var credentialHTTPHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"}

func isCredential(key string) bool { return slices.Contains(credentialHeaders, key) }

// admit puts the subject into the client information and takes the credentials out of it: the persistent queue
// writes client metadata to disk.
func admit(ctx context.Context, subject door.Subject) context.Context {
	info := client.FromContext(ctx)
	info.Auth = authData{subject}
	for key := range info.Metadata.Keys() {
		if isCredential(key) {
			info.Metadata = stripped(info.Metadata)
			break
		}
	}
	return client.NewContext(ctx, info)
}

func stripped(all client.Metadata) client.Metadata {
	kept := map[string][]string{}
	for key := range all.Keys() {
		if !isCredential(key) {
			kept[key] = all.Get(key)
		}
	}
	return client.NewMetadata(kept)
}
