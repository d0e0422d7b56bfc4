// Package tables creates the tables of the template on a local DynamoDB engine, as CloudFormation does in AWS.
//
// It supports the properties that package template reads: keys, TTL and stream. It never changes or deletes a table. An
// existing table must match the template.
package tables

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/template"
)

// ErrDiffers means that a table of that name exists and does not match the template.
var ErrDiffers = errors.New("the existing table differs from template.yaml")

// Client returns a client of the local engine at endpoint. Local engines accept any credentials.
func Client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       template.Region,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// Create creates the tables that do not exist yet. The name of each is prefix and the name in the template. A repeated
// call changes nothing. The error names the table. It wraps ErrDiffers if a table exists and does not match.
func Create(ctx context.Context, client *dynamodb.Client, tables []template.Table, prefix string) error {
	for _, table := range tables {
		name := prefix + table.Name
		if err := create(ctx, client, table, name); err != nil {
			return fmt.Errorf("creating table %s: %w", name, err)
		}
		if err := enableTTL(ctx, client, table.TTL, name); err != nil {
			return fmt.Errorf("setting the TTL of table %s: %w", name, err)
		}
	}
	return nil
}

// create creates one table. It does not wait for the table, which is active when a local engine responds.
func create(ctx context.Context, client *dynamodb.Client, table template.Table, name string) error {
	input := createInput(table, name)
	_, err := client.CreateTable(ctx, input)
	if _, exists := errors.AsType[*types.ResourceInUseException](err); !exists {
		return err
	}
	output, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		return err
	}
	if !matches(input, output.Table) {
		return ErrDiffers
	}
	return nil
}

// enableTTL enables TTL on the attribute, unless it is enabled already: AWS and the engines refuse to enable it twice.
func enableTTL(ctx context.Context, client *dynamodb.Client, attribute, name string) error {
	output, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return err
	}
	current := ""
	if d := output.TimeToLiveDescription; d != nil && d.TimeToLiveStatus == types.TimeToLiveStatusEnabled {
		current = aws.ToString(d.AttributeName)
	}
	switch current {
	case attribute:
		return nil
	case "":
		_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName:               &name,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &attribute, Enabled: aws.Bool(true)},
		})
		return err
	default:
		return ErrDiffers
	}
}

// Definition returns the definition of a table as DescribeTable does, without its TTL.
func Definition(table template.Table) types.TableDescription {
	input := createInput(table, table.Name)
	return types.TableDescription{
		TableName:            input.TableName,
		AttributeDefinitions: input.AttributeDefinitions,
		KeySchema:            input.KeySchema,
		StreamSpecification:  input.StreamSpecification,
		BillingModeSummary:   &types.BillingModeSummary{BillingMode: input.BillingMode},
	}
}

func createInput(table template.Table, name string) *dynamodb.CreateTableInput {
	input := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest}
	for _, a := range table.Attributes {
		input.AttributeDefinitions = append(input.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: aws.String(a.Name), AttributeType: types.ScalarAttributeType(a.Type)})
	}
	for _, k := range table.Keys {
		input.KeySchema = append(input.KeySchema, types.KeySchemaElement{AttributeName: aws.String(k.Name), KeyType: types.KeyType(k.Type)})
	}
	if table.StreamView != "" {
		input.StreamSpecification = &types.StreamSpecification{
			StreamEnabled:  aws.Bool(true),
			StreamViewType: types.StreamViewType(table.StreamView),
		}
	}
	return input
}

// matches compares the properties that cannot change without a loss of data: the keys with their types, and the stream. It
// ignores the order of attribute definitions.
func matches(want *dynamodb.CreateTableInput, got *types.TableDescription) bool {
	return slices.Equal(keys(want.KeySchema), keys(got.KeySchema)) &&
		slices.Equal(attributes(want.AttributeDefinitions), attributes(got.AttributeDefinitions)) &&
		view(want.StreamSpecification) == view(got.StreamSpecification)
}

func keys(schema []types.KeySchemaElement) (list []string) {
	for _, k := range schema {
		list = append(list, string(k.KeyType)+" "+aws.ToString(k.AttributeName))
	}
	return list
}

func attributes(definitions []types.AttributeDefinition) (list []string) {
	for _, d := range definitions {
		list = append(list, aws.ToString(d.AttributeName)+" "+string(d.AttributeType))
	}
	slices.Sort(list)
	return list
}

func view(stream *types.StreamSpecification) types.StreamViewType {
	if stream == nil || !aws.ToBool(stream.StreamEnabled) {
		return ""
	}
	return stream.StreamViewType
}
