// Package dynamo stores accounts and sessions in two DynamoDB tables. No other package of the product imports the SDK of
// DynamoDB.
//
// It implements the store interfaces of the packages of rules. Every decision that only one of several concurrent callers may
// win is one conditional write or one transaction, and all reads are consistent. The file schema.go defines how records are
// stored. [Access] returns the permissions that each method needs.
//
// The package decides nothing about accounts. The rules decide which write to make and what its refusal means.
package dynamo

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/awshttp"
	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/limit"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
	"latchkey/pkg/signup"
)

// Options are the settings of a [Store].
type Options struct {
	UsersTable    string
	SessionsTable string
	Region        string
	Endpoint      string // base URL of a local engine; empty for AWS
	Credentials   aws.CredentialsProvider
	Transport     http.RoundTripper // nil for the result of NewTransport; tests inject faults here
	Random        io.Reader         // a cryptographic source that cannot fail
}

// Limits of one call. The context of a request, which ends before the timeout of the function, may end the call earlier.
const (
	attempts       = 8
	attemptTimeout = 2 * time.Second
	firstBackoff   = 25 * time.Millisecond
	maxBackoff     = 400 * time.Millisecond
)

// Store reads and writes the two tables. It is safe for concurrent use.
type Store struct {
	api      *dynamodb.Client
	users    string
	sessions string
	random   io.Reader
}

// The store implements the interfaces of the rules.
var _ interface {
	signup.Store
	signin.LoginStore
	session.Store
	session.RefreshStore
	outbox.Queue
	outbox.MailerStore
	maillink.VerificationStore
	maillink.ResetStore
	signin.FlowStore
	signin.IdentityStore
	guard.Store
	signup.NeutralStore
	limit.Store
} = (*Store)(nil)

// New returns a Store. It makes no call to DynamoDB.
func New(options Options) *Store {
	return &Store{api: NewClient(options), users: options.UsersTable, sessions: options.SessionsTable, random: options.Random}
}

// NewClient returns the client of a Store with these options. Measurements use it to find out how much time the Store adds.
// The tables and the random source have no effect.
func NewClient(options Options) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:      options.Region,
		Credentials: options.Credentials,
		HTTPClient:  awshttp.NewClient(options.Transport, limits),
		Retryer:     newRetryer(),
	}, func(o *dynamodb.Options) {
		if options.Endpoint != "" {
			o.BaseEndpoint = aws.String(options.Endpoint)
		}
	})
}

// newRetryer returns a retryer that retries what the SDK retries, and also conflicts between transactions, which the SDK leaves
// to its caller. There is no quota over all requests, because it would make requests fail for the retries of earlier ones. A
// container serves one request at a time, and the number and duration of its attempts are limited.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return backoff(attempt), nil })
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if conflicted(err) || throttledTransaction(err) {
				return aws.TrueTernary
			}
			return aws.UnknownTernary
		}))
	})
}

// backoff returns a random pause before another attempt. Its maximum doubles with each attempt.
func backoff(attempt int) time.Duration {
	return rand.N(min(firstBackoff<<min(attempt, 10), maxBackoff))
}

// limits apply to one attempt. Connecting has less time than the attempt, so that a retry is still possible.
var limits = awshttp.Limits{Connect: time.Second, Handshake: attemptTimeout, Attempt: attemptTimeout, Idle: 90 * time.Second}

// NewTransport returns the transport of a Store without one in its Options.
func NewTransport() *http.Transport { return awshttp.NewTransport(limits) }

// Ping reads a key that no item has. It shows that the store responds, and opens a connection. It costs half a read unit.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.users, Key: healthKey()})
	if err != nil {
		return classify("pinging the store", err)
	}
	return nil
}

// healthAccess declares the access of Ping.
func healthAccess() map[string][]Grant {
	return map[string][]Grant{"Ping": {{Users, "GetItem", healthPK}}}
}

// operation returns a new id for one write, which identifies a repeated call after a lost response.
func (s *Store) operation() string { return id.New(s.random).String() }

// get returns the item under key in a consistent read, or nil if there is none.
func (s *Store) get(ctx context.Context, table string, key item) (item, error) {
	output, err := s.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: key, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	return output.Item, nil
}

// readOne returns the decoded item under key in a consistent read, or [account.ErrNotFound]. doing describes the call in an
// error.
func readOne[V any](ctx context.Context, s *Store, doing, table string, key item, read func(item) (V, error)) (V, error) {
	var none V
	stored, err := s.get(ctx, table, key)
	if err != nil {
		return none, classify(doing, err)
	}
	if stored == nil {
		return none, account.ErrNotFound
	}
	return read(stored)
}

// putSession stores an item of the Sessions table without a condition. Its key is new and random, so the call can be repeated.
func (s *Store) putSession(ctx context.Context, doing string, stored item) error {
	if _, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.sessions, Item: stored}); err != nil {
		return classify(doing, err)
	}
	return nil
}

// batchGet returns the items under keys, by table, in one consistent read. It requests keys again that DynamoDB left
// unprocessed. If some remain, the error is errUnprocessed, so that they do not look like absent items.
func (s *Store) batchGet(ctx context.Context, keys map[string][]item) (map[string][]item, error) {
	pending := make(map[string]types.KeysAndAttributes, len(keys))
	for table, wanted := range keys {
		if len(wanted) == 0 {
			continue // DynamoDB refuses a table without keys
		}
		pending[table] = types.KeysAndAttributes{Keys: wanted, ConsistentRead: aws.Bool(true)}
	}
	found := make(map[string][]item, len(keys))
	for attempt := range attempts {
		output, err := s.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: pending})
		if err != nil {
			return nil, err
		}
		for table, items := range output.Responses {
			found[table] = append(found[table], items...)
		}
		if pending = output.UnprocessedKeys; len(pending) == 0 {
			return found, nil
		}
		if !pause(ctx, attempt) {
			return nil, errors.Join(errUnprocessed, ctx.Err())
		}
	}
	return nil, errUnprocessed
}

// find returns the one of items that is stored under key, or nil.
func find(items []item, key item) item {
	want := keyOf(key)
	for _, candidate := range items {
		if keyOf(candidate) == want {
			return candidate
		}
	}
	return nil
}

// keyOf returns the partition key and the sort key of an item.
func keyOf(stored item) [2]string {
	r := &reader{item: stored}
	return [2]string{r.text(attrPK), r.text(attrSK)}
}

// pause waits before another attempt. It returns false if ctx ended first.
func pause(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(backoff(attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
