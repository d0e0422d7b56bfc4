// Package ssm reads and writes parameters of AWS Systems Manager, as far as keys and settings need it.
//
// It is a client of our own for five calls, since the SDK's costs every function that links it 2.5 ms of its start and
// 1.4 MB. The SDK's signer, which the store links anyway, signs. Every value is written as a SecureString, encrypted with
// the key that AWS keeps for the account, and read as a [secret.String].
//
// It knows nothing of what parameters mean; packages keyring and app do.
package ssm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"latchkey/pkg/awshttp"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/go-json-experiment/json"
)

// Limits of one call. Keys are read at INIT and inside a request, where every try must leave time for an answer.
const (
	attempts       = 3
	attemptTimeout = 2 * time.Second
	firstPause     = 50 * time.Millisecond
	maxAnswer      = 1 << 20 // ten parameters of 4 KB are far below
)

// Options say where the parameters are and with what the client talks to them.
type Options struct {
	Region      string
	Endpoint    string // of a local stand-in; empty for AWS
	Credentials aws.CredentialsProvider
	Transport   http.RoundTripper // nil for one of its own; tests inject faults here
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

// suffix is the domain of a region's partition.
func suffix(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// call makes one call, tried again while the service is throttled, down or away.
func (c *Client) call(ctx context.Context, operation string, input, output any) error {
	body, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("ssm %s: writing the request: %w", operation, err)
	}
	var failed error
	for attempt := range attempts {
		if attempt > 0 {
			if err := pause(ctx, firstPause<<attempt); err != nil {
				break
			}
		}
		if failed = c.try(ctx, operation, body, output); failed == nil || !transient(failed) {
			break
		}
	}
	if failed != nil {
		return fmt.Errorf("ssm %s: %w", operation, classify(failed))
	}
	return nil
}

// pause waits for a random time below limit, or until ctx ends.
func pause(ctx context.Context, limit time.Duration) error {
	select {
	case <-time.After(rand.N(limit)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) try(ctx context.Context, operation string, body []byte, output any) error {
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
		return &unanswered{err}
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return &unanswered{err}
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, output); err != nil {
		return errUnreadable // not wrapped: the decoder's text quotes the answer, which holds keys
	}
	return nil
}
