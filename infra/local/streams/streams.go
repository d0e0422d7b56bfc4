// Package streams delivers the records of table streams to functions, as Lambda's event source mappings for DynamoDB do. It
// supports ordered shards, filters, batches, partial failures, bisection, a maximum record age, and checkpoints that survive
// a restart.
//
// Each record is delivered at least once, in the order of its shard. If the host ends during a batch, the batch is delivered
// again. A shard has one batch in progress at a time (ParallelizationFactor 1), and a failing record blocks those after it
// until it is too old or its retries are used up.
//
// The package is for local engines. It does not start functions ([Invoke] does) and has no destination for dropped records.
// It retries a failed batch after at most ten seconds. Lambda can wait longer.
package streams

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"latchkey/infra/local/tables"
	"latchkey/infra/local/template"
)

// callTimeout limits a call to the engine.
const callTimeout = 30 * time.Second

// Invoke invokes the function with that logical id with one event and returns the function's response. An error means that
// the function failed, unless ctx has ended.
type Invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)

// Options holds the arguments of Start. All fields except Folder are required.
type Options struct {
	Template *template.Template // its tables must exist
	Endpoint string             // of the DynamoDB engine
	Folder   string             // existing folder for checkpoints; "" keeps them in memory
	Invoke   Invoke
	Now      func() time.Time
	Logf     func(format string, args ...any) // writes a line; must be safe for concurrent use
}

// Mappings holds the running event source mappings of a template.
type Mappings struct {
	cancel      context.CancelFunc
	running     sync.WaitGroup
	connections *http.Transport
}

// Start delivers the records that the template's stream events select, until Close or the end of ctx. It returns an error for
// an unsupported filter, an unreadable checkpoint, and a table without a stream.
func Start(ctx context.Context, o Options) (*Mappings, error) {
	all := &Mappings{connections: &http.Transport{}}
	httpClient := &http.Client{Transport: all.connections, Timeout: callTimeout}
	client := dynamodbstreams.New(dynamodbstreams.Options{
		BaseEndpoint: aws.String(o.Endpoint),
		Region:       template.Region,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   httpClient,
	})
	var mappings []*mapping
	for _, function := range o.Template.Functions {
		for _, event := range function.Streams {
			m, err := newMapping(ctx, o, function.Name, event, httpClient)
			if err != nil {
				all.connections.CloseIdleConnections()
				return nil, fmt.Errorf("event %s of %s: %w", event.Event, function.Name, err)
			}
			m.client = client
			mappings = append(mappings, m)
		}
	}
	ctx, all.cancel = context.WithCancel(ctx)
	for _, m := range mappings {
		all.running.Go(func() { m.run(ctx) })
	}
	return all, nil
}

// Close stops the delivery and returns when all goroutines have ended. It does not wait for a function that is handling an
// event. That event is delivered again at the next start.
func (m *Mappings) Close() {
	m.cancel()
	m.running.Wait()
	m.connections.CloseIdleConnections()
}

func newMapping(ctx context.Context, o Options, function string, event template.Stream, httpClient *http.Client) (*mapping, error) {
	m := &mapping{
		Stream: event,
		label:  function + "/" + event.Event,
		invoke: func(ctx context.Context, payload []byte) ([]byte, error) { return o.Invoke(ctx, function, payload) },
		now:    o.Now,
		logf:   o.Logf,
	}
	for _, text := range event.Filters {
		filter, err := parsePattern(text)
		if err != nil {
			return nil, err
		}
		m.filters = append(m.filters, filter)
	}
	index := slices.IndexFunc(o.Template.Tables, func(t template.Table) bool { return t.LogicalID == event.Table })
	if index < 0 {
		return nil, fmt.Errorf("the template has no table %s", event.Table)
	}
	table := o.Template.Tables[index]
	m.source = table.StreamARN()
	var err error
	if m.arn, err = latestStream(ctx, o.Endpoint, table.Name, httpClient); err != nil {
		return nil, err
	}
	file := ""
	if o.Folder != "" {
		file = filepath.Join(o.Folder, function+"-"+event.Event+".json")
	}
	m.checkpoints, err = openCheckpoints(file, m.arn)
	return m, err
}

// latestStream returns the engine's ARN of a table's stream. It differs from the ARN in events, which is that of AWS.
func latestStream(ctx context.Context, endpoint, table string, httpClient *http.Client) (string, error) {
	output, err := tables.Client(endpoint).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table},
		func(o *dynamodb.Options) { o.HTTPClient = httpClient })
	if err != nil {
		return "", fmt.Errorf("finding the stream of table %s: %w", table, err)
	}
	if output.Table.LatestStreamArn == nil {
		return "", fmt.Errorf("finding the stream of table %s: it has none", table)
	}
	return *output.Table.LatestStreamArn, nil
}
