// Package ssm reads and writes parameters of AWS Systems Manager, for keys and settings.
//
// It implements the five calls that the product needs, because the client of the SDK adds 2.5 ms to the start of each function
// that links it, and 1.4 MB. It signs with the signer of the SDK, which the store links too. Each value is stored as a
// SecureString, encrypted with the key that AWS manages for the account, and is read as a [secret.String].
//
// The meaning of parameters belongs to the packages keyring and app.
package ssm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/go-json-experiment/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"latchkey/pkg/awshttp"
)

// Limits of one call. Keys are read during INIT and during requests, so each attempt must leave time for a response.
const (
	attempts       = 3
	attemptTimeout = 2 * time.Second
	firstPause     = 50 * time.Millisecond
	maxResponse    = 1 << 20 // bytes; ten parameters of 4 KB need far less
)

// Options configures a [Client].
type Options struct {
	Region      string
	Endpoint    string // of a local replacement; empty for AWS
	Credentials aws.CredentialsProvider
	Transport   http.RoundTripper // nil for the default; tests inject faults here
	Now         func() time.Time
}

// Client calls Systems Manager. It is safe for concurrent use.
type Client struct {
	endpoint    string
	region      string
	credentials aws.CredentialsProvider
	http        *http.Client
	signer      *signer.Signer
	now         func() time.Time
}

// New returns a Client. It makes no call.
func New(options Options) *Client {
	endpoint := options.Endpoint
	if endpoint == "" {
		endpoint = "https://ssm." + options.Region + "." + suffix(options.Region)
	}
	return &Client{
		endpoint:    endpoint + "/",
		region:      options.Region,
		credentials: options.Credentials,
		http: awshttp.NewClient(options.Transport, awshttp.Limits{
			Connect: time.Second, Handshake: attemptTimeout, Attempt: attemptTimeout, Idle: 20 * time.Second,
		}),
		signer: signer.NewSigner(),
		now:    options.Now,
	}
}

// suffix returns the domain of the partition of a region.
func suffix(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// call makes one call. It repeats the call while the service is throttled, down or unreachable.
func (c *Client) call(ctx context.Context, operation string, input, output any) error {
	body, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("ssm %s: encoding the request: %w", operation, err)
	}
	var lastErr error
	for attempt := range attempts {
		if attempt > 0 {
			if err := pause(ctx, firstPause<<attempt); err != nil {
				break
			}
		}
		if lastErr = c.attempt(ctx, operation, body, output); lastErr == nil || !transient(lastErr) {
			break
		}
	}
	if lastErr != nil {
		return fmt.Errorf("ssm %s: %w", operation, classify(lastErr))
	}
	return nil
}

// pause waits for a random time of at most limit, or until ctx ends.
func pause(ctx context.Context, limit time.Duration) error {
	select {
	case <-time.After(rand.N(limit)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) attempt(ctx context.Context, operation string, body []byte, output any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AmazonSSM."+operation)
	identity, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, identity, request, hex.EncodeToString(sum[:]), "ssm", c.region, c.now()); err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return &connectionError{err}
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err != nil {
		return &connectionError{err}
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response.StatusCode, data)
	}
	if err := json.Unmarshal(data, output); err != nil {
		return errUnreadable // not wrapped: the text of the decoder quotes the response, which contains keys
	}
	return nil
}
