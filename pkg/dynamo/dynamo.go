// Package dynamo keeps accounts and sessions in two DynamoDB tables. It is the only home of the DynamoDB SDK.
//
// It implements the store interfaces that the packages of rules state. Every decision that only one caller may win is one
// conditional or transactional write; reads that decide authority are consistent. schema.go says how records are stored.
// The package decides nothing about accounts: which write to make, and what its refusal means, are theirs.
package dynamo

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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

// Options say where the tables are and with what the store talks to them.
type Options struct {
	UsersTable    string
	SessionsTable string
	Region        string
	Endpoint      string // of a local engine; empty for AWS
	Credentials   aws.CredentialsProvider
	Transport     http.RoundTripper // nil for [NewTransport]; tests inject faults here
	Random        io.Reader         // a cryptographic source that cannot fail
}

// Limits of one store call. The request's context, which knows the function's timeout, may end it before.
const (
	attempts       = 8
	attemptTimeout = 2 * time.Second
	firstBackoff   = 25 * time.Millisecond
	maxBackoff     = 400 * time.Millisecond
)

// Store is the two tables. It is safe for concurrent use.
type Store struct {
	api      *dynamodb.Client
	users    string
	sessions string
	random   io.Reader
}

// The store is what the rules ask for.
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

// New returns a Store. It makes no call.
func New(options Options) *Store {
	return &Store{api: NewClient(options), users: options.UsersTable, sessions: options.SessionsTable, random: options.Random}
}

// NewClient returns the client that a Store with these options calls; their tables and random source do not matter to it. It is
// for measurements, which need the very same client to tell what the Store adds.
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

// newRetryer retries what the SDK does, and conflicts between transactions besides, which it leaves to its caller. A
// container serves one request at a time, whose tries and time are bounded, so that there is no quota over all requests:
// one would make an honest request fail for the bad luck of those before it.
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

// backoff is a random pause before another try, below a limit that doubles with each.
func backoff(attempt int) time.Duration {
	return rand.N(min(firstBackoff<<min(attempt, 10), maxBackoff))
}

// limits of one attempt. It gives up connecting early, so that a retry still fits.
var limits = awshttp.Limits{Connect: time.Second, Handshake: attemptTimeout, Attempt: attemptTimeout, Idle: 90 * time.Second}

// NewTransport returns the transport that a Store uses by itself.
func NewTransport() *http.Transport { return awshttp.NewTransport(limits) }

// Ping reads a key that no item has: it shows that the store answers and warms the connection up. It costs half a read unit.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.users, Key: healthKey()})
	if err != nil {
		return classify("pinging the store", err)
	}
	return nil
}

// operation names one write, so that a retry of it whose first answer was lost is known again.
func (s *Store) operation() string { return id.New(s.random).String() }
