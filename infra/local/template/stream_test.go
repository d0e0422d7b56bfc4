package template

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// withStream is the whole template with a stream event that has every property.
var withStream = strings.Replace(whole, "      Policies", `        Outbox:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Users.StreamArn
            StartingPosition: LATEST
            BatchSize: 10
            MaximumBatchingWindowInSeconds: 2
            BisectBatchOnFunctionError: true
            MaximumRecordAgeInSeconds: !If [Never, 60, 86400]
            MaximumRetryAttempts: 7
            FunctionResponseTypes: [ReportBatchItemFailures]
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Lost.Arn}}
            FilterCriteria:
              Filters:
                - Pattern: '{"eventName":["INSERT"]}'
      Policies`, 1)

func TestStreamEvents(t *testing.T) {
	got, err := parse("template.yaml", []byte(withStream), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Stream{{
		Event: "Outbox", Table: "Users", FromLatest: true, BatchSize: 10, Window: 2 * time.Second, Bisect: true,
		MaxAge: 24 * time.Hour, MaxRetries: 7, ReportItemFailures: true, Filters: []string{`{"eventName":["INSERT"]}`},
	}}
	if login := got.Functions[0]; !reflect.DeepEqual(login.Streams, want) || len(login.Routes) != 1 {
		t.Errorf("got  %+v, %d routes\nwant %+v, 1 route", login.Streams, len(login.Routes), want)
	}
}

func TestStreamDefaults(t *testing.T) {
	_, properties, _ := strings.Cut(withStream, "            StartingPosition: LATEST\n")
	properties, _, _ = strings.Cut(properties, "      Policies")
	text := strings.Replace(strings.Replace(withStream, properties, "", 1), "LATEST", "TRIM_HORIZON", 1)
	got, err := parse("template.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Stream{{Event: "Outbox", Table: "Users", BatchSize: 100, MaxRetries: -1}}
	if !reflect.DeepEqual(got.Functions[0].Streams, want) {
		t.Errorf("got  %+v\nwant %+v", got.Functions[0].Streams, want)
	}
}

// Each case replaces a part of the template. The error must name the line of the mark.
func TestStreamErrors(t *testing.T) {
	for name, test := range map[string]struct{ old, broken, mark, want string }{
		"unknown property":      {"MaximumRetryAttempts: 7", "TumblingWindowInSeconds: 7", "Tumbling", "does not support TumblingWindowInSeconds of a DynamoDB event"},
		"unknown criterion":     {"Filters:", "Filter:", "Filter:", "does not support Filter of FilterCriteria"},
		"misspelled Pattern":    {"- Pattern:", "- Patten:", "Patten", "does not support Patten of a filter"},
		"pattern not JSON":      {`'{"eventName":["INSERT"]}'`, `'{"eventName":["INSERT"]'`, "- Pattern", "a JSON object"},
		"pattern not an object": {`'{"eventName":["INSERT"]}'`, `'["INSERT"]'`, "- Pattern", "a JSON object"},
		"no stream":             {"            Stream: !GetAtt Users.StreamArn\n", "", "Type: DynamoDB", "Stream must be the StreamArn of a table"},
		"stream of no table":    {"!GetAtt Users.StreamArn", "arn:aws:kinesis:::stream/x", "arn:aws:kinesis", "Stream must be the StreamArn of a table"},
		"table without stream":  {"      StreamSpecification: {StreamViewType: NEW_IMAGE}\n", "", "!GetAtt Users.StreamArn", "does not support the attribute StreamArn of Users"},
		"no starting position":  {"            StartingPosition: LATEST\n", "", "Type: DynamoDB", "StartingPosition must be TRIM_HORIZON or LATEST"},
		"unsupported position":  {"LATEST", "AT_TIMESTAMP", "AT_TIMESTAMP", "StartingPosition must be TRIM_HORIZON or LATEST"},
		"empty batch":           {"BatchSize: 10", "BatchSize: 0", "0\n            MaximumB", "BatchSize must be from 1 to 10000"},
		"window too long":       {"Seconds: 2", "Seconds: 301", "301", "MaximumBatchingWindowInSeconds must be from 0 to 300"},
		"age too short":         {"!If [Never, 60, 86400]", "59", "59", "MaximumRecordAgeInSeconds must be from 60 to 604800"},
		"too many retries":      {"Attempts: 7", "Attempts: 10001", "10001", "MaximumRetryAttempts must be from -1 to 10000"},
		"unknown response type": {"[ReportBatchItemFailures]", "[Other]", "[Other]", "is ReportBatchItemFailures"},
		"wrong type":            {"BatchSize: 10", "BatchSize: ten", "ten\n", "cannot unmarshal !!str `ten` into int"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(withStream, test.old, test.broken, 1)
			before, _, found := strings.Cut(text, test.mark)
			if !found || text == withStream {
				t.Fatalf("the template does not contain %q, or the mark %q is absent", test.old, test.mark)
			}
			_, err := parse("dir/template.yaml", []byte(text), nil)
			prefix := fmt.Sprintf("template.yaml:%d: ", 1+strings.Count(before, "\n"))
			if err == nil || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s… %s", err, prefix, test.want)
			}
		})
	}
}
