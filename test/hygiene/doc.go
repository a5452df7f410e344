// Package hygiene holds the repository's own rules as tests: what a reviewer would otherwise have to remember.
package hygiene
