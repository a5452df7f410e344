//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml

// Package rbacauth is the door for senders of telemetry: it authenticates them by static token or client certificate
// and authorises them per signal, over gRPC and HTTP. Everything that is not allowed is denied, and every denial is
// written to a hash-chained audit file.
//
// It is a middleware of the listener first. Over gRPC it decides before a message is decoded; over HTTP before the
// body is read. As an authenticator (`auth:`) it serves gRPC whole, and over HTTP checks the token only, because an
// authenticator sees neither path nor certificate: the encryptedexport converter refuses that without the middleware.
//
// It does not authenticate people, and it does not terminate TLS.
//
//	receivers:
//	  otlp:
//	    protocols:
//	      grpc:
//	        middlewares: [{id: rbac_auth}]
package rbacauth // import "github.com/ordertrace/ordertrace/extension/rbacauth"
