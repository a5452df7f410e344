// Package jwt verifies access tokens of OpenID providers, strictly: what a token may contain is listed, everything
// else is refused, and nothing in a token decides where keys are looked for.
//
// Signatures are checked by go-jose; which keys count, when they are fetched, and what claims must say is decided here.
package jwt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxToken = 16 << 10
	maxDepth = 8
)

// Reason says why a token is refused, for the audit.
type Reason string

func (r Reason) Error() string { return string(r) }

// The reasons.
const (
	Malformed    Reason = "jwt_malformed"
	BadHeader    Reason = "jwt_header"
	BadAlgorithm Reason = "jwt_algorithm"
	BadIssuer    Reason = "jwt_issuer"
	NoKey        Reason = "jwt_unknown_key"
	StaleKeys    Reason = "jwt_keys_too_old"
	BadSignature Reason = "jwt_signature"
	BadAudience  Reason = "jwt_audience"
	BadParty     Reason = "jwt_authorized_party"
	BadTime      Reason = "jwt_time"
	Expired      Reason = "jwt_expired"
	NoSubject    Reason = "jwt_subject"
	BadPurpose   Reason = "jwt_purpose"
	NoRoles      Reason = "jwt_roles"
)

// LooksLike reports whether a bearer token is a JWT rather than a static token. It decides the path, nothing else.
func LooksLike(text string) bool { return strings.Count(text, ".") == 2 }

// unverified is a token that was taken apart and not believed yet.
type unverified struct {
	text   string
	alg    string
	kid    string
	typ    string
	claims map[string]any
}

// headerMembers may be in a header. jku, x5u, jwk and x5c would let a token bring its own key; crit asks for
// extensions that nobody here knows; zip and enc belong to encrypted tokens.
var headerMembers = map[string]bool{"alg": true, "kid": true, "typ": true, "x5t": true, "x5t#S256": true}

// parse takes a token apart. Nothing is repaired: padding, other alphabets, white space and members that occur twice
// are refused, because two readers of such a token may see two different ones.
func parse(text string) (unverified, error) {
	u := unverified{text: text}
	parts := strings.Split(text, ".")
	if len(text) > maxToken || len(parts) != 3 {
		return u, Malformed
	}
	var raw [3][]byte
	for i, part := range parts {
		data, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || len(data) == 0 || strings.ContainsAny(part, "\r\n") {
			return u, Malformed
		}
		raw[i] = data
	}
	header, err := object(raw[0])
	if err != nil {
		return u, Malformed
	}
	for name, value := range header {
		text, isText := value.(string)
		if !headerMembers[name] || !isText {
			return u, BadHeader
		}
		switch name {
		case "alg":
			u.alg = text
		case "kid":
			u.kid = text
		case "typ":
			u.typ = text
		}
	}
	if u.claims, err = object(raw[1]); err != nil {
		return u, Malformed
	}
	return u, nil
}

// object decodes a JSON object whose members are unique at every depth. Names are compared exactly, unlike
// encoding/json does for structs.
func object(data []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	value, err := decode(decoder, 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("is no object")
	}
	return object, nil
}

func decode(decoder *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("is nested too deep")
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return decodeObject(decoder, depth)
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			value, err := decode(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err := decoder.Token()
		return list, err
	default:
		return token, nil
	}
}

func decodeObject(decoder *json.Decoder, depth int) (any, error) {
	members := map[string]any{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("member %q occurs twice", name)
		}
		if members[name], err = decode(decoder, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return members, err
}
