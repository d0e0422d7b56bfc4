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

// deliver passes the batch to the handler and returns the sequence numbers of the failed records.
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

func TestTheKeyOfEachRecordIsPassedOn(t *testing.T) {
	var keys []string
	failed := deliver(t, t.Context(), func(_ context.Context, pk string) error {
		keys = append(keys, pk)
		return nil
	})
	if want := []string{"O#1", "O#2", "O#4"}; !slices.Equal(keys, want) || failed != nil {
		t.Errorf("got the keys %v and the failures %v, want %v and none", keys, failed, want)
	}
}

func TestAFailureIsReportedAndTheNextRecordsAreHandled(t *testing.T) {
	var keys []string
	failed := deliver(t, t.Context(), func(_ context.Context, pk string) error {
		keys = append(keys, pk)
		if pk == "O#2" {
			return errors.New("a fault of the test")
		}
		return nil
	})
	if want := []string{"200"}; len(keys) != 3 || !slices.Equal(failed, want) {
		t.Errorf("got the keys %v and the failures %v, want three keys and the failures %v", keys, failed, want)
	}
}

func TestRecordsWithoutTimeAreReported(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), lambdastream.Reserve-time.Second)
	defer cancel()
	failed := deliver(t, ctx, func(context.Context, string) error {
		t.Error("the handler was called, want no call without time to complete it")
		return nil
	})
	if want := []string{"100", "200", "300", "400"}; !slices.Equal(failed, want) {
		t.Errorf("got the failures %v, want %v", failed, want)
	}
}
