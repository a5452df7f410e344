package main

import "syscall"

// childAttributes keeps a Ctrl-C of the terminal from the children, who are
// told in their order, and ends them when we are killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
