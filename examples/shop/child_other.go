//go:build !linux

package main

import "syscall"

// childAttributes has nothing to set: only Linux ends children with their parent.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
