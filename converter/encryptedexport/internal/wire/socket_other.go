//go:build !unix

package wire

import "errors"

// PrivateSocket refuses: without unix permissions nothing says who may stand behind a socket's name.
func PrivateSocket(string) error {
	return errors.New("sockets cannot be judged on this system")
}
