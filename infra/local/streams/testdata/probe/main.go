// Command probe is a function for a stream. It appends the keys of its records to the file got. If the file crash exists, it
// deletes that file and exits without a response.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(handle) }

func handle(_ context.Context, event events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	folder := os.Getenv("FOLDER")
	if os.Remove(filepath.Join(folder, "crash")) == nil {
		os.Exit(3)
	}
	got, err := os.OpenFile(filepath.Join(folder, "got"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return events.DynamoDBEventResponse{}, err
	}
	for _, record := range event.Records {
		if _, err := got.WriteString(record.Change.Keys["pk"].String()); err != nil {
			return events.DynamoDBEventResponse{}, err
		}
	}
	return events.DynamoDBEventResponse{}, got.Close()
}
