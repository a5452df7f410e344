package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordertrace/ordertrace/internal/access/policy"
)

type canIOptions struct {
	policy, tokens, tokenID, uri, dns string
	roles                             []string
}

func newCanICommand() *cobra.Command {
	var o canIOptions
	cmd := &cobra.Command{
		Use:   "can-i --policy FILE (--role ROLE… | --token-id ID --tokens FILE | --uri URI | --dns NAME) ACTION",
		Short: "Say whether a policy allows something, and by which rule",
		Long: `Answers yes (exit 0) or no (exit 1) and names the rule. ACTION is a permission (traces.write), an HTTP
request of a sender ("POST /v1/traces") or a gRPC method. It reads the files as a collector does: a
mistake in them is an error (exit 2).`,
		Example: `  ordertrace can-i --policy policy.yaml --role support traces.read
  ordertrace can-i --policy policy.yaml --tokens tokens.yaml --token-id shop-api POST /v1/traces
  ordertrace can-i --policy policy.yaml --uri spiffe://ordertrace/agent logs.write`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.answer(cmd.OutOrStdout(), args, time.Now())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.policy, "policy", "", "policy file (required)")
	flags.StringVar(&o.tokens, "tokens", "", "tokens file, for --token-id")
	flags.StringSliceVar(&o.roles, "role", nil, "ask for somebody with this role; may be given several times")
	flags.StringVar(&o.tokenID, "token-id", "", "ask for the token with this id")
	flags.StringVar(&o.uri, "uri", "", "ask for a client certificate with this URI")
	flags.StringVar(&o.dns, "dns", "", "ask for a client certificate with this DNS name")
	_ = cmd.MarkFlagRequired("policy")
	cmd.MarkFlagsMutuallyExclusive("role", "token-id", "uri", "dns")
	cmd.MarkFlagsOneRequired("role", "token-id", "uri", "dns")
	return cmd
}

func (o canIOptions) answer(out io.Writer, action []string, now time.Time) error {
	p, err := policy.LoadFile(o.policy)
	if err != nil {
		return err
	}
	permission, denial, err := permissionOf(action)
	if err != nil {
		return err
	}
	roles, refused, err := o.rolesIn(p, now)
	if err != nil {
		return err
	}
	if denial == "" {
		denial = refused
	}
	if denial != "" {
		_, _ = fmt.Fprintln(out, "no:", denial)
		return errNo
	}
	verdict := p.Explain(roles, permission)
	if !verdict.Allowed {
		_, _ = fmt.Fprintln(out, "no:", verdict.Rule)
		return errNo
	}
	_, err = fmt.Fprintln(out, "yes:", verdict.Rule)
	return err
}

// permissionOf translates an action; denial says why nobody may do it.
func permissionOf(action []string) (permission policy.Permission, denial string, err error) {
	switch {
	case len(action) == 2 && strings.HasPrefix(action[1], "/"):
		permission, ok := policy.Paths[action[1]]
		if !ok {
			return "", "default deny: " + action[1] + " is no path of a sender", nil
		}
		if action[0] != "POST" {
			return "", "default deny: senders use POST, not " + action[0], nil
		}
		return permission, "", nil
	case len(action) == 1 && strings.HasPrefix(action[0], "/"):
		permission, ok := policy.Methods[action[0]]
		if !ok {
			return "", "default deny: " + action[0] + " is no method of a sender", nil
		}
		return permission, "", nil
	case len(action) == 1 && slices.Contains(policy.Permissions, policy.Permission(action[0])):
		return policy.Permission(action[0]), "", nil
	default:
		return "", "", fmt.Errorf("action %q: write one of %q, \"POST /v1/traces\" or a gRPC method", strings.Join(action, " "), policy.Permissions)
	}
}

// rolesIn returns the roles of whoever is asked for; refused says why they have none.
func (o canIOptions) rolesIn(p *policy.Policy, now time.Time) (roles []string, refused string, err error) {
	switch {
	case o.tokenID != "":
		return o.tokenRoles(now)
	case o.uri != "":
		uri, err := url.Parse(o.uri)
		if err != nil {
			return nil, "", fmt.Errorf("--uri: %w", err)
		}
		subject, roles := p.CertificateRoles([]*url.URL{uri}, nil)
		return roles, notNamed(subject, o.uri), nil
	case o.dns != "":
		subject, roles := p.CertificateRoles(nil, []string{o.dns})
		return roles, notNamed(subject, o.dns), nil
	}
	for _, role := range o.roles {
		if !p.HasRole(role) {
			return nil, "", fmt.Errorf("--role %s is not in %s", role, o.policy)
		}
	}
	return o.roles, "", nil
}

func notNamed(subject, name string) string {
	if subject != "" {
		return ""
	}
	return "no certificate entry names " + name
}

func (o canIOptions) tokenRoles(now time.Time) (roles []string, refused string, err error) {
	if o.tokens == "" {
		return nil, "", errors.New("--token-id needs --tokens, the file that it is in")
	}
	_, tokens, err := policy.Load(o.policy, o.tokens, false)
	if err != nil {
		return nil, "", err
	}
	entry, ok := tokens.Get(o.tokenID)
	switch {
	case !ok:
		return nil, "there is no token " + o.tokenID, nil
	case entry.Revoked:
		return nil, "token " + o.tokenID + " is revoked", nil
	case !now.Before(entry.Expires):
		return nil, "token " + o.tokenID + " ended on " + entry.Expires.Format(time.RFC3339), nil
	}
	return entry.Roles, "", nil
}
