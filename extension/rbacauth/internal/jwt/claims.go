package jwt

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
)

// Issuer is what one provider's tokens must say.
type Issuer struct {
	Name       string            // the iss claim, exactly
	Audiences  []string          // one of them must be in aud
	Parties    []string          // when not empty, azp must be one of them
	Algorithms []string          // allowed ones
	RolesClaim []string          // path of the claim that holds the roles
	RoleMap    map[string]string // the provider's role → the policy's; empty: the same names
	Skew       time.Duration     // how far the two clocks may differ
}

// Verified is a token that was believed.
type Verified struct {
	Subject string
	Roles   []string
	Expires time.Time
}

// check holds the claims of a token, whose signature was verified, against what the issuer's must say.
func (i *Issuer) check(u unverified, now time.Time) (Verified, error) {
	subject, _ := u.claims["sub"].(string)
	expires, err := i.checkTimes(u.claims, now)
	switch {
	case err != nil:
		return Verified{}, err
	case !intersects(texts(u.claims["aud"]), i.Audiences):
		return Verified{}, BadAudience
	case !i.partyAllowed(u.claims["azp"]):
		return Verified{}, BadParty
	case strings.TrimSpace(subject) == "":
		return Verified{}, NoSubject
	case !isAccessToken(u):
		return Verified{}, BadPurpose
	}
	roles, err := i.roles(u.claims)
	if err != nil {
		return Verified{}, err
	}
	return Verified{Subject: i.Name + "#" + subject, Roles: roles, Expires: expires}, nil
}

func (i *Issuer) checkTimes(claims map[string]any, now time.Time) (time.Time, error) {
	expires, ok := instant(claims["exp"])
	if !ok {
		return time.Time{}, BadTime
	}
	if !now.Before(expires.Add(i.Skew)) {
		return time.Time{}, Expired
	}
	for _, name := range []string{"nbf", "iat"} {
		value, given := claims[name]
		if !given {
			continue
		}
		if at, ok := instant(value); !ok || at.After(now.Add(i.Skew)) {
			return time.Time{}, BadTime
		}
	}
	return expires, nil
}

// instant reads a NumericDate. Beyond the year 9999 it is no date.
func instant(value any) (time.Time, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > 253402300799 {
		return time.Time{}, false
	}
	return time.Unix(int64(math.Floor(seconds)), 0), true
}

func (i *Issuer) partyAllowed(azp any) bool {
	party, isText := azp.(string)
	if len(i.Parties) > 0 {
		return isText && slices.Contains(i.Parties, party)
	}
	return azp == nil || isText
}

// isAccessToken refuses what else providers sign with the same key: ID tokens say something about a person to a
// client, refresh and logout tokens are for the provider.
func isAccessToken(u unverified) bool {
	switch strings.TrimPrefix(strings.ToLower(u.typ), "application/") {
	case "", "jwt", "at+jwt":
	default:
		return false
	}
	if kind, given := u.claims["typ"]; given {
		text, _ := kind.(string)
		if !strings.EqualFold(text, "bearer") {
			return false
		}
	}
	for _, name := range []string{"events", "nonce", "at_hash", "c_hash", "s_hash"} {
		if _, given := u.claims[name]; given {
			return false
		}
	}
	if use, given := u.claims["token_use"]; given && use != "access" { // Cognito
		return false
	}
	return true
}

// roles follows the path to a text or a list of texts. A provider that says "too many, ask me" (Entra's group
// overage) gets no roles: what was not said is not fetched.
func (i *Issuer) roles(claims map[string]any) ([]string, error) {
	if _, overage := claims["_claim_names"]; overage {
		return nil, NoRoles
	}
	var value any = claims
	for _, name := range i.RolesClaim {
		members, ok := value.(map[string]any)
		if !ok {
			return nil, NoRoles
		}
		value = members[name]
	}
	var roles []string
	for _, role := range texts(value) {
		if len(i.RoleMap) > 0 {
			role = i.RoleMap[role]
		}
		if role != "" && !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	if len(roles) == 0 {
		return nil, NoRoles
	}
	return roles, nil
}

// texts returns a text or a list of nothing but texts as a list.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		list := make([]string, 0, len(v))
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil
			}
			list = append(list, text)
		}
		return list
	default:
		return nil
	}
}

func intersects(a, b []string) bool {
	return slices.ContainsFunc(a, func(text string) bool { return slices.Contains(b, text) })
}
