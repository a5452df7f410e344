// Package audit keeps an append-only file with one JSON line per event, each chained to the one before it by a hash.
//
// A changed, missing or reordered line shows in Verify. What does not show is a tail that was cut off, or a file
// that was written anew by somebody who may write it: for that, lines must also be sent elsewhere.
package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Record is one event. It holds no token, no header and no payload.
type Record struct {
	Sequence   uint64    `json:"seq"`
	Previous   string    `json:"prev"` // hash of the line before
	Time       time.Time `json:"time"`
	Category   string    `json:"category"` // send, policy, audit
	Decision   string    `json:"decision"` // denied, limited, loaded, rejected, started, resumed
	Reason     string    `json:"reason"`
	Permission string    `json:"permission,omitempty"`
	Rule       string    `json:"rule,omitempty"`
	Policy     string    `json:"policy,omitempty"` // hash of the policy that decided
	Actor      Actor     `json:"actor,omitzero"`
	Source     string    `json:"source,omitempty"` // address and port of the peer
	Target     Target    `json:"target,omitzero"`
	Suppressed uint64    `json:"suppressed,omitempty"` // events since the last line that the failure limit left out
	Lost       uint64    `json:"lost,omitempty"`       // events since the last line that could not be written
	Instance   string    `json:"instance,omitempty"`
}

// Actor is who asked. Claimed is what somebody says to be who could not prove it.
type Actor struct {
	Subject string   `json:"subject,omitempty"`
	Claimed string   `json:"claimed,omitempty"`
	Method  string   `json:"method,omitempty"` // token, certificate, none
	Roles   []string `json:"roles,omitempty"`
}

// Target is what was asked for.
type Target struct {
	Transport string `json:"transport,omitempty"` // grpc, http
	Route     string `json:"route,omitempty"`     // at most 200 characters
	Verb      string `json:"verb,omitempty"`
}

const hashKey = `,"hash":"`

// seal encodes the record and appends the hash of what it encoded.
func seal(r Record) (line []byte, hash string, err error) {
	line, err = json.Marshal(r)
	if err != nil {
		return nil, "", fmt.Errorf("encode audit record: %w", err)
	}
	body := line[:len(line)-1]
	hash = hashOf(body)
	line = append(body, hashKey...)
	line = append(line, hash...)
	return append(line, "\"}\n"...), hash, nil
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

var errTorn = errors.New("is torn")

// open checks a line's own hash and returns its record.
func open(line []byte) (Record, string, error) {
	var r Record
	line = bytes.TrimSuffix(line, []byte("\n"))
	at := bytes.LastIndex(line, []byte(hashKey))
	if at < 0 || len(line) != at+len(hashKey)+2*sha256.Size+2 || !bytes.HasSuffix(line, []byte(`"}`)) {
		return r, "", errTorn
	}
	hash := string(line[at+len(hashKey) : len(line)-2])
	if hash != hashOf(line[:at]) {
		return r, "", errors.New("does not match its hash")
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, "", fmt.Errorf("decode: %w", err)
	}
	return r, hash, nil
}
