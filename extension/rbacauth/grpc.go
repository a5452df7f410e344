package rbacauth // import "github.com/ordertrace/ordertrace/extension/rbacauth"

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/collector/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/audit"
	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/door"
	"github.com/ordertrace/ordertrace/internal/access/policy"
)

// admittedKey marks a context whose call was let in, with its door.Subject.
type admittedKey struct{}

// GetGRPCServerOptions returns the tap that refuses strangers before their message is read, and interceptors that
// hand the subject on. The interceptors decide by themselves when no tap did, so that nothing gets in without.
func (r *rbacAuth) GetGRPCServerOptions(context.Context) ([]grpc.ServerOption, error) {
	return []grpc.ServerOption{
		grpc.InTapHandle(r.tap),
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			ctx, err := r.admitCall(ctx, info.FullMethod)
			if err != nil {
				return nil, err
			}
			return handler(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			ctx, err := r.admitCall(stream.Context(), info.FullMethod)
			if err != nil {
				return err
			}
			return handler(srv, admittedStream{stream, ctx})
		}),
	}, nil
}

type admittedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s admittedStream) Context() context.Context { return s.ctx }

// tap runs in the connection's own goroutine: it computes, and the audit only queues.
func (r *rbacAuth) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	verdict := r.decideCall(ctx, info.FullMethodName, info.Header)
	if verdict.Outcome != door.Allowed {
		return ctx, refusal(verdict.Outcome)
	}
	// The header is the call's own map, and nobody else has seen it yet: what is deleted here is gone for good.
	for _, name := range credentialHeaders {
		delete(info.Header, name)
	}
	return context.WithValue(ctx, admittedKey{}, verdict.Subject), nil
}

func (r *rbacAuth) admitCall(ctx context.Context, method string) (context.Context, error) {
	if subject, ok := ctx.Value(admittedKey{}).(door.Subject); ok {
		return admit(ctx, subject), nil
	}
	header, _ := metadata.FromIncomingContext(ctx)
	verdict := r.decideCall(ctx, method, header)
	if verdict.Outcome != door.Allowed {
		return ctx, refusal(verdict.Outcome)
	}
	return admit(context.WithValue(withoutCredentials(ctx, header), admittedKey{}, verdict.Subject), verdict.Subject), nil
}

func (r *rbacAuth) decideCall(ctx context.Context, method string, header metadata.MD) door.Verdict {
	request := door.Request{Authorization: header["authorization"], Permission: policy.Methods[method], Refusal: door.UnknownRoute}
	if p, ok := peer.FromContext(ctx); ok {
		request.Peer = p.Addr
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			request.Certificate = leaf(&info.State)
		}
	}
	return r.decide(request, audit.Target{Transport: transportGRPC, Route: method})
}

// withoutCredentials takes credentials out of the call's metadata, so that nothing behind can keep them.
func withoutCredentials(ctx context.Context, header metadata.MD) context.Context {
	for key := range header {
		if isCredential(key) {
			kept := header.Copy()
			for key := range header {
				if isCredential(key) {
					delete(kept, key)
				}
			}
			return metadata.NewIncomingContext(ctx, kept)
		}
	}
	return ctx
}

func refusal(outcome door.Outcome) error {
	switch outcome {
	case door.Forbidden:
		return status.Error(codes.PermissionDenied, "forbidden")
	case door.Limited:
		return status.Error(codes.ResourceExhausted, "too many failures")
	default:
		return status.Error(codes.Unauthenticated, "unauthenticated")
	}
}

// Authenticate serves `auth:`. Over gRPC it decides whole. Over HTTP it sees headers only: it checks the token, and
// the middleware, which must be there too, decides the rest.
func (r *rbacAuth) Authenticate(ctx context.Context, sources map[string][]string) (context.Context, error) {
	if _, ok := ctx.Value(admittedKey{}).(door.Subject); ok {
		return ctx, nil
	}
	if method, ok := grpc.Method(ctx); ok {
		return r.admitCall(ctx, method)
	}
	var values []string
	for key, value := range sources {
		if strings.EqualFold(key, "authorization") {
			values = append(values, value...)
		}
	}
	request := door.Request{Authorization: values, Peer: client.FromContext(ctx).Addr, Refusal: door.UnknownRoute}
	verdict := r.door.Authenticate(request, time.Now())
	if verdict.Outcome == door.Allowed {
		return ctx, nil
	}
	r.record(request, verdict, audit.Target{Transport: transportHTTP})
	return ctx, refusal(verdict.Outcome)
}
