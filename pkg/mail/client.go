package mail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"latchkey/pkg/awshttp"
	"latchkey/pkg/identifier"
)

// Options configures a [Client].
type Options struct {
	Region           string
	Endpoint         string // of a local SES; empty for AWS
	Credentials      aws.CredentialsProvider
	Transport        http.RoundTripper // nil for the default; tests inject faults here
	From             string            // an address that SES has verified, with or without a display name (RFC 5322 §3.4)
	ReplyTo          string            // in the same form; empty for none
	ConfigurationSet string            // empty for none
}

// limits of one call, which is the only attempt. The idle time is short because a connection that is found dead leaves it
// unknown whether the mail was sent, and the mail then waits for its lease to expire.
var limits = awshttp.Limits{
	Connect: 2 * time.Second, Handshake: 2 * time.Second, Attempt: 10 * time.Second, Idle: 20 * time.Second,
}

// Client passes messages to SES. It is safe for concurrent use.
type Client struct {
	api              *ses.Client
	from             string
	replyTo          []string
	configurationSet *string
}

// NewClient returns a Client, or an error if an address cannot be used. It makes no call.
func NewClient(options Options) (*Client, error) {
	c := &Client{api: newAPI(options)}
	var err error
	if c.from, err = mailbox(options.From); err != nil {
		return nil, fmt.Errorf("preparing to send mail: the sender: %w", err)
	}
	if options.ReplyTo != "" {
		replyTo, err := mailbox(options.ReplyTo)
		if err != nil {
			return nil, fmt.Errorf("preparing to send mail: the reply address: %w", err)
		}
		c.replyTo = []string{replyTo}
	}
	if options.ConfigurationSet != "" {
		c.configurationSet = &options.ConfigurationSet
	}
	return c, nil
}

// newAPI returns a client that never repeats a call. SES has no idempotency token, so repeating a call after a lost response
// would send a second mail. Only the outbox, which records attempts, may take that risk.
func newAPI(options Options) *ses.Client {
	return ses.New(ses.Options{
		Region:      options.Region,
		Credentials: options.Credentials,
		HTTPClient:  awshttp.NewClient(options.Transport, limits),
		Retryer:     aws.NopRetryer{},
	}, func(o *ses.Options) {
		if options.Endpoint != "" {
			o.BaseEndpoint = &options.Endpoint
		}
	})
}

// Send passes the message to SES in one call, which is not repeated. It returns when SES has accepted the message.
//
// An error that wraps [ErrRejected] is permanent. After any other error, the mail may be sent again. If the connection broke
// before the response, SES may have accepted the mail, and the next attempt then sends a second copy.
func (c *Client) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("sending a mail: %w", err)
	}
	_, err := c.api.SendEmail(ctx, &ses.SendEmailInput{
		Source:               &c.from,
		ReplyToAddresses:     c.replyTo,
		Destination:          &types.Destination{ToAddresses: []string{m.To}},
		ConfigurationSetName: c.configurationSet,
		Message: &types.Message{
			Subject: utf8(m.Subject),
			Body:    &types.Body{Text: utf8(m.Text.Reveal()), Html: utf8(m.HTML.Reveal())},
		},
	})
	if err != nil {
		return classify("sending a mail", err)
	}
	return nil
}

func utf8(text string) *types.Content {
	return &types.Content{Data: &text, Charset: aws.String("UTF-8")}
}

// mailbox parses an address of the configuration, with or without a display name, and formats it for a header: the domain in
// A-labels, and the name quoted or encoded (RFC 2047) if necessary.
func mailbox(text string) (string, error) {
	parsed, err := netmail.ParseAddress(text)
	if err != nil {
		return "", errors.New("must be an e-mail address such as name@example.com or Name <name@example.com>")
	}
	address, err := identifier.ParseAddress(parsed.Address)
	if err != nil {
		return "", err
	}
	to, err := recipient(address)
	if err != nil {
		return "", err
	}
	if parsed.Name == "" {
		return to, nil
	}
	if strings.ContainsFunc(parsed.Name, identifier.IsInvisible) {
		return "", errors.New("must have a name of visible characters")
	}
	return (&netmail.Address{Name: parsed.Name, Address: to}).String(), nil
}
