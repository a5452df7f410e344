package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordertrace/ordertrace/internal/access/policy"
	"github.com/ordertrace/ordertrace/internal/access/token"
)

type tokenOptions struct {
	id, file, out, policy string
	roles                 []string
	days                  int
	rotate                bool
}

func newTokenNewCommand() *cobra.Command {
	var o tokenOptions
	cmd := &cobra.Command{
		Use:   "new --id NAME --file TOKENS",
		Short: "Make a token for a sender and add its hash to the tokens file",
		Long: `Makes a token of the form id.secret with 256 random bits. The tokens file (ORDERTRACE_TOKENS of the
gateway) gets its SHA-256, its roles and its end; the token itself is shown once, on standard output,
or written to --out. A running gateway takes the new file over by itself.

The sender shows it as "Authorization: Bearer <token>".`,
		Example: `  ordertrace token new --id shop-api --file /etc/ordertrace/tokens.yaml
  ordertrace token new --id agent-7 --file tokens.yaml --out agent-7.token --days 30
  ordertrace token new --id shop-api --file tokens.yaml --rotate`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, entry, err := o.make(time.Now())
			if err != nil {
				return err
			}
			done := "added %s to %s: roles %s, until %s\n"
			if o.rotate {
				done = "replaced the token of %s in %s: roles %s, until %s; the old one ends\n"
			}
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), done, entry.ID, o.file, strings.Join(entry.Roles, ", "), entry.Expires.Format(time.DateOnly))
			if o.out != "" {
				return nil
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.id, "id", "", "name of the sender: a-z, 0-9, - and _ (required)")
	flags.StringVar(&o.file, "file", "", "tokens file; made with mode 0600 when absent (required)")
	flags.StringSliceVar(&o.roles, "role", []string{"sender"}, "role in the policy; may be given several times")
	flags.IntVar(&o.days, "days", 90, "days until the token ends")
	flags.StringVar(&o.out, "out", "", "write the token to this new file (mode 0600) instead of standard output")
	flags.StringVar(&o.policy, "policy", "", "policy file; when given, the roles must be in it")
	flags.BoolVar(&o.rotate, "rotate", false, "replace the token of an id that is in the file")
	_ = cmd.MarkFlagRequired("id")
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

// make writes the token's file first: a hash without its token harms nobody, a lost token only costs a rotation.
func (o tokenOptions) make(now time.Time) (string, token.Entry, error) {
	if o.days < 1 || o.days > 3650 {
		return "", token.Entry{}, fmt.Errorf("--days %d: use 1 to 3650", o.days)
	}
	if err := o.checkRoles(); err != nil {
		return "", token.Entry{}, err
	}
	text, entry, err := token.New(o.id, o.roles, now.AddDate(0, 0, o.days))
	if err != nil {
		return "", entry, err
	}
	data, mode, err := o.added(entry)
	if err != nil {
		return "", entry, err
	}
	if o.out != "" {
		if err := create(o.out, []byte(text), secretMode); err != nil {
			return "", entry, err
		}
	}
	if err := replace(o.file, data, mode); err != nil {
		return "", entry, fmt.Errorf("write %s: %w", o.file, err)
	}
	return text, entry, nil
}

func (o tokenOptions) checkRoles() error {
	for _, role := range o.roles {
		if role == "" || strings.ContainsFunc(role, notInName) {
			return fmt.Errorf("--role %q: use a-z, A-Z, 0-9, - and _", role)
		}
	}
	if o.policy == "" {
		return nil
	}
	p, err := policy.LoadFile(o.policy)
	if err != nil {
		return err
	}
	for _, role := range o.roles {
		if !p.HasRole(role) {
			return fmt.Errorf("--role %s is not in %s", role, o.policy)
		}
	}
	return nil
}

func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z') && !(r >= '0' && r <= '9') && r != '-' && r != '_'
}

// added returns the content of the tokens file with the new entry. Every entry is one line, and comments stay.
func (o tokenOptions) added(entry token.Entry) ([]byte, fs.FileMode, error) {
	old, mode, err := readTokens(o.file)
	if err != nil {
		return nil, 0, err
	}
	entries, err := token.Decode(old)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", o.file, err)
	}
	text := string(old)
	known := slices.ContainsFunc(entries, func(e token.Entry) bool { return e.ID == o.id })
	switch {
	case known && !o.rotate:
		return nil, 0, fmt.Errorf("%s has a token of %s; replace it with --rotate", o.file, o.id)
	case known:
		text = withoutEntry(text, o.id)
	case o.rotate:
		return nil, 0, fmt.Errorf("%s has no token of %s to rotate", o.file, o.id)
	}
	if len(entries) == 0 {
		text = strings.TrimSuffix(strings.TrimRight(text, "\n"), "tokens: []")
		if !strings.Contains(text, "tokens:") {
			text = strings.TrimLeft(strings.TrimRight(text, "\n")+"\n", "\n") + "tokens:"
		}
	}
	text = strings.TrimRight(text, "\n") + "\n" + entryLine(entry)
	set, err := token.Parse([]byte(text), nil)
	if err != nil || set.Len() != countAfter(len(entries), known) {
		return nil, 0, fmt.Errorf("%s is not written one entry a line, so nothing was changed; add by hand:\n%s", o.file, entryLine(entry))
	}
	return []byte(text), mode, nil
}

func countAfter(before int, replaced bool) int {
	if replaced {
		return before
	}
	return before + 1
}

func entryLine(e token.Entry) string {
	return fmt.Sprintf("  - {id: %s, sha256: %s, roles: [%s], expires: %s}\n", e.ID, e.SHA256, strings.Join(e.Roles, ", "), e.Expires.Format(time.RFC3339))
}

// withoutEntry drops the line of an id, as entryLine wrote it.
func withoutEntry(text, id string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "- {id: "+id+",") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func readTokens(path string) ([]byte, fs.FileMode, error) {
	data, err := os.ReadFile(path) // #nosec G304 -- the operator's path
	if errors.Is(err, fs.ErrNotExist) {
		return []byte("# Hashes of the senders' tokens, one a line. `revoked: true` ends one at once.\ntokens:\n"), secretMode, nil
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	return data, info.Mode().Perm(), nil
}
