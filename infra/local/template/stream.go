package template

import (
	"encoding/json"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// Stream is a DynamoDB event of a function. SAM creates a Lambda event source mapping from it.
type Stream struct {
	Event              string        // name in the template
	Table              string        // logical id of the table
	FromLatest         bool          // starts with new records (LATEST) instead of the oldest one (TRIM_HORIZON)
	BatchSize          int           // maximum number of records in an invocation
	Window             time.Duration // maximum time that an incomplete batch waits for more records
	Bisect             bool          // a failed batch is split into two before it is retried
	MaxAge             time.Duration // older records are dropped; 0 means no limit
	MaxRetries         int           // after that many retries, a batch is dropped; -1 means no limit
	ReportItemFailures bool          // the response names the failed records
	Filters            []string      // patterns (JSON objects), of which a record must match one; empty selects all records
}

// streamProperties holds the properties of the event.
type streamProperties struct {
	Stream           string    `yaml:"Stream"`
	StartingPosition string    `yaml:"StartingPosition"`
	BatchSize        int       `yaml:"BatchSize"`
	Window           int       `yaml:"MaximumBatchingWindowInSeconds"`
	Bisect           bool      `yaml:"BisectBatchOnFunctionError"`
	MaxAge           int       `yaml:"MaximumRecordAgeInSeconds"`
	MaxRetries       int       `yaml:"MaximumRetryAttempts"`
	ResponseTypes    []string  `yaml:"FunctionResponseTypes"`
	Criteria         yaml.Node `yaml:"FilterCriteria"`
}

var streamPropertyNames = []string{
	"Stream", "StartingPosition", "BatchSize", "MaximumBatchingWindowInSeconds", "BisectBatchOnFunctionError",
	"MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "FunctionResponseTypes", "FilterCriteria",
}

// destination is the property for Lambda's reports about dropped records. The local host writes them to its log instead.
const destination = "DestinationConfig"

func (l *loader) stream(name, event *yaml.Node) (Stream, error) {
	if err := only(find(event, "Properties"), "a DynamoDB event", slices.Concat(streamPropertyNames, []string{destination})...); err != nil {
		return Stream{}, err
	}
	properties := streamProperties{BatchSize: 100, MaxAge: -1, MaxRetries: -1}
	if err := l.used(event, nil, &properties, streamPropertyNames...); err != nil {
		return Stream{}, err
	}
	if property, reason := properties.fault(); reason != "" {
		return Stream{}, at(place(event, property), "%s", reason)
	}
	table := slices.IndexFunc(l.out.Tables, func(t Table) bool {
		return t.StreamView != "" && t.StreamARN() == properties.Stream
	})
	if table < 0 {
		return Stream{}, at(place(event, "Stream"), "Stream must be the StreamArn of a table of the template")
	}
	filters, err := filters(&properties.Criteria)
	return Stream{
		Event:              name.Value,
		Table:              l.out.Tables[table].LogicalID,
		FromLatest:         properties.StartingPosition == "LATEST",
		BatchSize:          properties.BatchSize,
		Window:             time.Duration(properties.Window) * time.Second,
		Bisect:             properties.Bisect,
		MaxAge:             time.Duration(max(properties.MaxAge, 0)) * time.Second,
		MaxRetries:         properties.MaxRetries,
		ReportItemFailures: len(properties.ResponseTypes) > 0,
		Filters:            filters,
	}, err
}

// fault returns the first property that Lambda would not accept, and the reason ("CreateEventSourceMapping" in the Lambda API
// reference).
func (p streamProperties) fault() (property, reason string) {
	other := func(s string) bool { return s != "ReportBatchItemFailures" }
	switch {
	case p.StartingPosition != "TRIM_HORIZON" && p.StartingPosition != "LATEST":
		return "StartingPosition", "StartingPosition must be TRIM_HORIZON or LATEST"
	case p.BatchSize < 1 || p.BatchSize > 10_000:
		return "BatchSize", "BatchSize must be from 1 to 10000"
	case p.Window < 0 || p.Window > 300:
		return "MaximumBatchingWindowInSeconds", "MaximumBatchingWindowInSeconds must be from 0 to 300"
	case p.MaxAge != -1 && (p.MaxAge < 60 || p.MaxAge > 604_800):
		return "MaximumRecordAgeInSeconds", "MaximumRecordAgeInSeconds must be from 60 to 604800, or -1"
	case p.MaxRetries < -1 || p.MaxRetries > 10_000:
		return "MaximumRetryAttempts", "MaximumRetryAttempts must be from -1 to 10000"
	case slices.ContainsFunc(p.ResponseTypes, other):
		return "FunctionResponseTypes", "the only possible type in FunctionResponseTypes is ReportBatchItemFailures"
	}
	return "", ""
}

// filters returns the patterns of resolved FilterCriteria. It checks only that they are JSON objects; package streams parses them.
func filters(criteria *yaml.Node) ([]string, error) {
	if err := only(criteria, "FilterCriteria", "Filters"); err != nil {
		return nil, err
	}
	list := find(criteria, "Filters")
	if list == nil {
		return nil, nil
	}
	var patterns []string
	for _, filter := range list.Content {
		if err := only(filter, "a filter", "Pattern"); err != nil {
			return nil, err
		}
		pattern := find(filter, "Pattern")
		var object map[string]any
		if pattern == nil || json.Unmarshal([]byte(pattern.Value), &object) != nil {
			return nil, at(filter, "a filter must have a Pattern that is a JSON object")
		}
		patterns = append(patterns, pattern.Value)
	}
	return patterns, nil
}

// place returns the node for an error about the event's property: the value, or the event if the property is missing.
func place(event *yaml.Node, property string) *yaml.Node {
	if value := find(event, "Properties", property); value != nil {
		return value
	}
	return event
}
