package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flexbeam/tools/lint-deploy/schema"
)

// readProviders returns what is known of providers.
func readProviders() (all schema.Providers, err error) {
	err = json.Unmarshal(providersFile, &all)
	return all, err
}

// A provider shows Terraform the schemas of a provider and takes every configuration that fits them.
type provider struct {
	tfprotov5.ProviderServer // what validate does not call; nil
	of                       schema.Provider
}

// serveProvider serves the provider of a name until Terraform has asked enough.
func serveProvider(name string) error {
	all, err := readProviders()
	if err != nil {
		return err
	}
	of := schema.Provider{Name: name}
	for _, p := range all {
		if p.Name == name {
			of = p
		}
	}
	return tf5server.Serve("hashicorp/"+name, func() tfprotov5.ProviderServer { return &provider{of: of} })
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	out := &tfprotov5.GetProviderSchemaResponse{
		Provider:          &tfprotov5.Schema{Block: block(schema.Body{Attributes: map[string]bool{"region": false, "project": false}})},
		ResourceSchemas:   map[string]*tfprotov5.Schema{},
		DataSourceSchemas: map[string]*tfprotov5.Schema{},
	}
	for name, body := range p.of.Types {
		s := &tfprotov5.Schema{Block: block(body)}
		if data, ok := strings.CutPrefix(name, "data."); ok {
			out.DataSourceSchemas[data] = s
		} else {
			out.ResourceSchemas[name] = s
		}
	}
	return out, nil
}

// block returns a body in Terraform's form. What may be set may also be asked for when it is not set.
func block(b schema.Body) *tfprotov5.SchemaBlock {
	out := new(tfprotov5.SchemaBlock)
	add := func(name string, settable, required bool) {
		out.Attributes = append(out.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: typeOf(b.Types[name]), Required: required, Optional: settable && !required, Computed: !required,
		})
	}
	for name, required := range b.Attributes {
		add(name, true, required)
	}
	for name := range b.Types {
		if _, settable := b.Attributes[name]; !settable {
			add(name, false, false)
		}
	}
	for name, inner := range b.Blocks {
		least := int64(0)
		if inner.Required {
			least = 1
		}
		out.BlockTypes = append(out.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Block: block(inner.Body), Nesting: tfprotov5.SchemaNestedBlockNestingModeList, MinItems: least,
		})
	}
	return out
}

// typeOf returns a type by its name; any other value than a known one is of any type.
func typeOf(name string) tftypes.Type {
	switch kind, inner, _ := strings.Cut(strings.TrimSuffix(name, ")"), "("); kind {
	case "string":
		return tftypes.String
	case "number":
		return tftypes.Number
	case "bool":
		return tftypes.Bool
	case "list":
		return tftypes.List{ElementType: typeOf(inner)}
	case "map":
		return tftypes.Map{ElementType: typeOf(inner)}
	}
	return tftypes.DynamicPseudoType
}

func (p *provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	return nil, status.Error(codes.Unimplemented, "ask for the schemas")
}

func (p *provider) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return nil, status.Error(codes.Unimplemented, "resources have no identities here")
}

func (p *provider) PrepareProviderConfig(_ context.Context, r *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (p *provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return new(tfprotov5.ValidateResourceTypeConfigResponse), nil
}

func (p *provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return new(tfprotov5.ValidateDataSourceConfigResponse), nil
}

func (p *provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return new(tfprotov5.StopProviderResponse), nil
}
