// Command probe is a function on a stream: it appends what it gets to a file, and ends without an answer when a new crash is asked for
// by a file of that name.
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
