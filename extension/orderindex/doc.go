// Package orderindex is the extension order_index: what traces and messages belong to, shared by every order_enrich
// instance and signal that names it, within a hard bound in bytes.
//
// The state itself is package internal/binding; the extension owns it, bounds it and reports on it.
//
//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml
package orderindex
