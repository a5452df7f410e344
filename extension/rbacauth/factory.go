package rbacauth // import "github.com/ordertrace/ordertrace/extension/rbacauth"

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/ordertrace/ordertrace/extension/rbacauth/internal/metadata"
)

// NewFactory returns the factory of the rbac_auth extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

func create(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	return newExtension(cfg.(*Config), set)
}
