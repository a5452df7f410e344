package piiredact

import (
	"fmt"
	"sync"
	"time"

	"github.com/ordertrace/ordertrace/processor/piiredact/internal/keyfile"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/pseudonym"
	"github.com/ordertrace/ordertrace/processor/piiredact/internal/sealed"
)

// lookEvery is how often key files are looked at. A rotation is no emergency, and looking costs a system call.
const lookEvery = 10 * time.Second

// randomKeys is the key of this start, the same for all signals, so that a person has one pseudonym in all of them.
var randomKeys = sync.OnceValue(pseudonym.Random)

// keys holds what the key files gave, and follows them.
type keys struct {
	cfg  KeysConfig
	ring *pseudonym.Keyring
	box  sealed.Box
	seen map[string]keyfile.Stamp // owned by load, then by the watching goroutine
	done chan struct{}
	gone sync.WaitGroup
}

func newKeys(cfg KeysConfig) *keys {
	return &keys{cfg: cfg, ring: pseudonym.NewKeyring(randomKeys()), seen: map[string]keyfile.Stamp{}}
}

// load reads every file that is named; keys in use are replaced only when all of their file is good.
func (k *keys) load() error {
	for _, f := range []struct {
		key, path string
		use       func([]byte) error
	}{{"hmac", k.cfg.HMAC, k.useHMAC}, {"aead", k.cfg.AEAD, k.box.SetAEAD}, {"siv", k.cfg.SIV, k.box.SetSIV}} {
		if f.path == "" {
			continue
		}
		data, stamp, err := keyfile.Read(f.path)
		if err != nil {
			return fmt.Errorf("keys::%s: %w", f.key, err)
		}
		k.seen[f.path] = stamp
		if err := f.use(data); err != nil {
			return fmt.Errorf("keys::%s: key file %q: %w", f.key, f.path, err)
		}
	}
	return nil
}

func (k *keys) useHMAC(data []byte) error {
	parsed, err := pseudonym.Parse(data)
	if err == nil {
		k.ring.Replace(parsed)
	}
	return err
}

// watch looks at the files until stop and reads them again when one has changed.
func (k *keys) watch(tell func(error)) {
	if len(k.seen) == 0 || k.done != nil {
		return
	}
	k.done = make(chan struct{})
	k.gone.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-k.done:
				return
			case <-tick.C:
				if k.changed() {
					tell(k.load())
				}
			}
		}
	})
}

func (k *keys) changed() bool {
	changed := false
	for path, before := range k.seen {
		if now := keyfile.Look(path); now != before && now != (keyfile.Stamp{}) {
			k.seen[path], changed = now, true
		}
	}
	return changed
}

func (k *keys) stop() {
	if k.done != nil {
		close(k.done)
		k.gone.Wait()
	}
}
