// Package presets holds the distribution's complete configurations and the confmap provider that serves them:
//
//	otelcol-ordertrace --config preset:standalone --config my-orders.yaml
//
// A preset is a plain collector YAML file in this folder, embedded into the binary, plus the list of the environment
// variables that it reads (All). The provider refuses a preset whose required variables are unset before anything
// starts, and names every one of them with its meaning.
package presets
