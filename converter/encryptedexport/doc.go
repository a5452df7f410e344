// Package encryptedexport is a configuration converter that refuses to let telemetry leave the collector in clear.
//
// It is compiled in as the last converter of the chain, so it sees the configuration as it will run: after
// environment variables, merges and --set. It acts in `validate`, at start and at every reload, and no author of a
// configuration can remove it. Every exporter section is decoded into the real Config of its factory before it is
// judged; an exporter type without an adapter is refused.
//
// It changes nothing in the configuration. It does not open connections, and it does not check what a component
// does at run time: redirects, or certificates that expire later.
//
//	converters:
//	  - gomod: github.com/ordertrace/ordertrace v0.0.0
//	    import: github.com/ordertrace/ordertrace/converter/encryptedexport
//	    path: .
package encryptedexport // import "github.com/ordertrace/ordertrace/converter/encryptedexport"
