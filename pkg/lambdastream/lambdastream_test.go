package lambdastream_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"latchkey/pkg/lambdastream"
)

const batch = `{"Records":[
	{"eventName":"INSERT","dynamodb":{"Keys":{"pk":{"S":"O#1"},"sk":{"S":"-"}},"SequenceNumber":"100"}},
	{"eventName":"INSERT","dynamodb":{"Keys":{"pk":{"S":"O#2"},"sk":{"S":"-"}},"SequenceNumber":"200"}},
	{"eventName":"INSERT","dynamodb":{"Keys":{"id":{"N":"3"}},"SequenceNumber":"300"}},
	{"eventName":"INSERT","dynamodb":{"Keys":{"pk":{"S":"O#4"},"sk":{"S":"-"}},"SequenceNumber":"400"}}]}`

func deliver(t *testing.T, ctx context.Context, do func(context.Context, string) error) []string {
	t.Helper()
	var event events.DynamoDBEvent
	if err := json.Unmarshal([]byte(batch), &event); err != nil {
		t.Fatal(err)
	}
	response, err := lambdastream.Adapt(do, slog.New(slog.NewTextHandler(io.Discard, nil)))(ctx, event)
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, failure := range response.BatchItemFailures {
		failed = append(failed, failure.ItemIdentifier)
	}
	return failed
}

func TestEachRecordsKeyIsPassedOn(t *testing.T) {
	var seen []string
	failed := deliver(t, t.Context(), func(_ context.Context, pk string) error {
		seen = append(seen, pk)
		return nil
	})
	if !slices.Equal(seen, []string{"O#1", "O#2", "O#4"}) || failed != nil {
		t.Errorf("seen are %v, failed %v", seen, failed)
	}
}

func TestAFailureIsReportedAndTheOthersGoOn(t *testing.T) {
	var seen []string
	failed := deliver(t, t.Context(), func(_ context.Context, pk string) error {
		seen = append(seen, pk)
		if pk == "O#2" {
			return errors.New("not now")
		}
		return nil
	})
	if len(seen) != 3 || !slices.Equal(failed, []string{"200"}) {
		t.Errorf("seen are %v, failed %v", seen, failed)
	}
}

func TestWithoutTimeRecordsAreLeftForLater(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), lambdastream.Reserve-time.Second)
	defer cancel()
	failed := deliver(t, ctx, func(context.Context, string) error {
		t.Error("a record was begun without time to end it")
		return nil
	})
	if !slices.Equal(failed, []string{"100", "200", "300", "400"}) {
		t.Errorf("failed are %v", failed)
	}
}
