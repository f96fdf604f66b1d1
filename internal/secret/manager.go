package secret

import (
	"context"
	"errors"
	"fmt"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"google.golang.org/api/option"
)

var errRegion = errors.New("the region is not known: set AWS_REGION, or add ?region= to the reference")

// askAmazon asks AWS Secrets Manager. The role needs secretsmanager:GetSecretValue, and nothing else.
func askAmazon(ctx context.Context, p place) (string, error) {
	var load []func(*config.LoadOptions) error
	if p.region != "" {
		load = append(load, config.WithRegion(p.region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return "", fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return "", errRegion
	}
	client := secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) {
		if p.endpoint != "" {
			o.BaseEndpoint = aws.String(p.endpoint)
		}
	})
	got, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(p.name)})
	if err != nil {
		return "", err
	}
	if got.SecretString != nil {
		return *got.SecretString, nil
	}
	return string(got.SecretBinary), nil
}

// askGoogle asks Google Secret Manager. The account needs the role secretmanager.secretAccessor, and no
// other.
func askGoogle(ctx context.Context, p place) (string, error) {
	var options []option.ClientOption
	if p.endpoint != "" {
		options = append(options, option.WithEndpoint(p.endpoint), option.WithoutAuthentication())
	}
	client, err := secretmanager.NewRESTClient(ctx, options...)
	if err != nil {
		return "", err
	}
	defer client.Close()
	got, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: p.name + "/versions/latest"})
	if err != nil {
		return "", err
	}
	return string(got.GetPayload().GetData()), nil
}
