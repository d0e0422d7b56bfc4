// Package tables makes the tables that the template declares on a local DynamoDB engine, as CloudFormation makes them in AWS.
//
// It knows what the local host's template reader knows: keys, TTL and stream. Nothing is changed or deleted: a table that is there
// already must be as declared.
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

// ErrDiffers says that a table of that name is there, but not as the template declares it.
var ErrDiffers = errors.New("the table there is not as template.yaml declares it")

// Client is a client of a local engine, which takes any credentials.
func Client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       template.Region,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// Create makes those of the tables that are not there yet, under their names with prefix in front. Doing it again changes
// nothing. The error is ErrDiffers, with the table's name, or one of the engine's.
func Create(ctx context.Context, client *dynamodb.Client, tables []template.Table, prefix string) error {
	for _, table := range tables {
		name := prefix + table.Name
		if err := create(ctx, client, table, name); err != nil {
			return fmt.Errorf("creating table %s: %w", name, err)
		}
		if err := expire(ctx, client, table.TTL, name); err != nil {
			return fmt.Errorf("setting the TTL of table %s: %w", name, err)
		}
	}
	return nil
}

// create does not wait for the table: local engines have it active when they answer.
func create(ctx context.Context, client *dynamodb.Client, table template.Table, name string) error {
	input := creation(table, name)
	_, err := client.CreateTable(ctx, input)
	if _, exists := errors.AsType[*types.ResourceInUseException](err); !exists {
		return err
	}
	found, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		return err
	}
	if !same(input, found.Table) {
		return ErrDiffers
	}
	return nil
}

// expire switches TTL on. An engine, like AWS, refuses to switch on what is on.
func expire(ctx context.Context, client *dynamodb.Client, attribute, name string) error {
	found, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return err
	}
	current := ""
	if d := found.TimeToLiveDescription; d != nil && d.TimeToLiveStatus == types.TimeToLiveStatusEnabled {
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

func creation(table template.Table, name string) *dynamodb.CreateTableInput {
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

// same compares what cannot be changed without losing something: keys with their types, and the stream. The order of attribute
// definitions means nothing.
func same(want *dynamodb.CreateTableInput, found *types.TableDescription) bool {
	return slices.Equal(keys(want.KeySchema), keys(found.KeySchema)) &&
		slices.Equal(attributes(want.AttributeDefinitions), attributes(found.AttributeDefinitions)) &&
		view(want.StreamSpecification) == view(found.StreamSpecification)
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
