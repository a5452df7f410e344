package policy

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ordertrace/ordertrace/internal/access/token"
)

// LoadFile reads a policy alone.
func LoadFile(path string) (*Policy, error) {
	data, err := readProtected(path, MaxFile)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	p, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("policy %q: %w", path, err)
	}
	return p, nil
}

// Load reads a policy and, when a path is given, the tokens that refer to it. The two belong together: a token with
// a role that the policy lacks is an error, and so is a pair that admits nobody, unless there are others.
func Load(policyPath, tokensPath string, others bool) (*Policy, *token.Set, error) {
	p, err := LoadFile(policyPath)
	if err != nil {
		return nil, nil, err
	}
	var tokens *token.Set
	if tokensPath != "" {
		data, err := readProtected(tokensPath, token.MaxFile)
		if err != nil {
			return nil, nil, fmt.Errorf("tokens: %w", err)
		}
		if tokens, err = token.Parse(data, p.HasRole); err != nil {
			return nil, nil, fmt.Errorf("tokens %q: %w", tokensPath, err)
		}
	}
	if tokens.Len() == 0 && p.Certificates() == 0 && !others {
		return nil, nil, fmt.Errorf("policy %q names no certificate and there is no token: nobody could send; "+
			"make one with `ordertrace token new --id NAME --role ROLE --file %s`", policyPath, orDefault(tokensPath, "tokens.yaml"))
	}
	return p, tokens, nil
}

func orDefault(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}

// readProtected reads a file that others must not be able to change: who writes it decides who gets in.
func readProtected(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path) // #nosec G304 -- the path is the operator's
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return nil, fmt.Errorf("%q is writable by others (mode %04o); chmod go-w it", path, mode)
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, errors.New("is larger than its limit")
	}
	return data, nil
}
