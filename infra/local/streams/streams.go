// Package streams feeds functions from the streams of tables, as Lambda's event source mappings for DynamoDB do: shards in order,
// filter, batches, partial failure, bisection, record age, and checkpoints that survive a restart.
//
// Records come at least once and in the order of their shard: a host that ends in the middle of a batch delivers it again. One batch of a
// shard is with the function at a time (ParallelizationFactor 1), and a record that fails holds up those behind it until it is too old.
//
// It is for local engines. It does not start functions ([Invoke] does), knows no destination for what is dropped, and waits at most
// ten seconds before it tries a failed batch again, where Lambda may wait longer.
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

// callTimeout ends a call to an engine that hangs.
const callTimeout = 30 * time.Second

// Invoke has the function with that logical id handle one event. Its error says that the function failed, unless ctx has ended.
type Invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)

// Options are what Start needs; all fields but Folder are required.
type Options struct {
	Template *template.Template // its tables are there
	Endpoint string             // of the DynamoDB engine
	Folder   string             // existing; keeps checkpoints between runs. "" begins anew each time
	Invoke   Invoke
	Now      func() time.Time
	Logf     func(format string, args ...any) // writes a line; called from many goroutines
}

// Mappings are the event source mappings of a template at work.
type Mappings struct {
	cancel      context.CancelFunc
	running     sync.WaitGroup
	connections *http.Transport
}

// Start begins to deliver what the template's stream events ask for, until Close or the end of ctx. It fails for a filter that is not
// understood, an unreadable checkpoint, and a table without a stream.
func Start(ctx context.Context, o Options) (*Mappings, error) {
	started := &Mappings{connections: &http.Transport{}}
	connect := &http.Client{Transport: started.connections, Timeout: callTimeout}
	client := dynamodbstreams.New(dynamodbstreams.Options{
		BaseEndpoint: aws.String(o.Endpoint),
		Region:       template.Region,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   connect,
	})
	var mappings []*mapping
	for _, function := range o.Template.Functions {
		for _, event := range function.Streams {
			m, err := newMapping(ctx, o, function.Name, event, connect)
			if err != nil {
				started.connections.CloseIdleConnections()
				return nil, fmt.Errorf("event %s of %s: %w", event.Event, function.Name, err)
			}
			m.client = client
			mappings = append(mappings, m)
		}
	}
	ctx, started.cancel = context.WithCancel(ctx)
	for _, m := range mappings {
		started.running.Go(func() { m.run(ctx) })
	}
	return started, nil
}

// Close stops delivering and returns when nothing is under way any more. An event that a function is handling is not waited for, and
// comes again at the next start.
func (m *Mappings) Close() {
	m.cancel()
	m.running.Wait()
	m.connections.CloseIdleConnections()
}

func newMapping(ctx context.Context, o Options, function string, event template.Stream, connect *http.Client) (*mapping, error) {
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
	fed := slices.IndexFunc(o.Template.Tables, func(t template.Table) bool { return t.LogicalID == event.Table })
	if fed < 0 {
		return nil, fmt.Errorf("the template has no table %s", event.Table)
	}
	table := o.Template.Tables[fed]
	m.source = table.StreamARN()
	var err error
	if m.arn, err = latestStream(ctx, o.Endpoint, table.Name, connect); err != nil {
		return nil, err
	}
	file := ""
	if o.Folder != "" {
		file = filepath.Join(o.Folder, function+"-"+event.Event+".json")
	}
	m.checkpoints, err = openCheckpoints(file, m.arn)
	return m, err
}

// latestStream is the engine's own ARN of a table's stream, which differs from the one that functions are told.
func latestStream(ctx context.Context, endpoint, table string, connect *http.Client) (string, error) {
	found, err := tables.Client(endpoint).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table},
		func(o *dynamodb.Options) { o.HTTPClient = connect })
	if err != nil {
		return "", fmt.Errorf("finding the stream of table %s: %w", table, err)
	}
	if found.Table.LatestStreamArn == nil {
		return "", fmt.Errorf("finding the stream of table %s: it has none", table)
	}
	return *found.Table.LatestStreamArn, nil
}
