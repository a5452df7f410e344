// Package pipeline tests components of ours wired with each other and with those of others, as presets wire them.
package pipeline
