package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/daead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

const hmacBytes = 32

// keyMakers make the content of a key file.
var keyMakers = map[string]func() ([]byte, error){
	"hmac": newHMACKeys,
	"aead": func() ([]byte, error) { return tinkKeyset(aead.AES256GCMKeyTemplate()) },
	"siv":  func() ([]byte, error) { return tinkKeyset(daead.AESSIVKeyTemplate()) },
}

func newKeysNewCommand() *cobra.Command {
	var kind, out string
	cmd := &cobra.Command{
		Use:   "new [KIND] --out FILE",
		Short: "Make a key file",
		Long: `Makes a new key file with mode 0600 and never overwrites one: a lost key cannot be made again.

  hmac   for pseudonyms (order_enrich and pii_redact); the same file on all hosts, or one person
         gets several pseudonyms
  aead   a Tink keyset (AES-256-GCM), for encrypting
  siv    a Tink keyset (AES-SIV), for encrypting so that equal values stay equal`,
		Example: `  ordertrace keys new --kind hmac --out /etc/ordertrace/hmac.json
  ordertrace keys new aead --out aead.json`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: []string{"hmac", "aead", "siv"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if cmd.Flags().Changed("kind") && kind != args[0] {
					return fmt.Errorf("--kind %s and %s: name one kind", kind, args[0])
				}
				kind = args[0]
			}
			maker, ok := keyMakers[kind]
			if !ok {
				return fmt.Errorf("kind %q is not one of hmac, aead, siv", kind)
			}
			data, err := maker()
			if err != nil {
				return fmt.Errorf("make a key: %w", err)
			}
			if err := create(out, data, secretMode); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "made %s key file %s; keep a copy where the telemetry is not\n", kind, out)
			return err
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "hmac", "hmac, aead or siv")
	cmd.Flags().StringVar(&out, "out", "", "the new file (required)")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func newHMACKeys() ([]byte, error) {
	key := make([]byte, hmacBytes)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	type entry struct {
		ID     string `json:"id"`
		Key    string `json:"key"`
		Status string `json:"status"`
	}
	data, err := json.Marshal(map[string][]entry{"keys": {{ID: "k1", Key: base64.StdEncoding.EncodeToString(key), Status: "primary"}}})
	return append(data, '\n'), err
}

func tinkKeyset(template *tinkpb.KeyTemplate) ([]byte, error) {
	handle, err := keyset.NewHandle(template)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		return nil, err
	}
	return append(out.Bytes(), '\n'), nil
}
