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

// Options say who sends, and through which SES.
type Options struct {
	Region           string
	Endpoint         string // of a local SES; empty for AWS
	Credentials      aws.CredentialsProvider
	Transport        http.RoundTripper // nil for one of its own; tests inject faults here
	From             string            // an address that SES has verified, with or without a display name (RFC 5322 §3.4)
	ReplyTo          string            // likewise; empty for none
	ConfigurationSet string            // empty for none
}

// limits of one call, which is the only attempt. The idle time is short because a connection that is found dead leaves it
// unknown whether the mail was sent, and the mail then waits for its lease to expire.
var limits = awshttp.Limits{
	Connect: 2 * time.Second, Handshake: 2 * time.Second, Attempt: 10 * time.Second, Idle: 20 * time.Second,
}

// Sender gives messages to SES. It is safe for concurrent use.
type Sender struct {
	api              *ses.Client
	from             string
	replyTo          []string
	configurationSet *string
}

// NewSender returns a Sender, or says which of the two addresses cannot be used. It makes no call.
func NewSender(options Options) (*Sender, error) {
	s := &Sender{api: newClient(options)}
	var err error
	if s.from, err = mailbox(options.From); err != nil {
		return nil, fmt.Errorf("preparing to send mail: the sender: %w", err)
	}
	if options.ReplyTo != "" {
		replyTo, err := mailbox(options.ReplyTo)
		if err != nil {
			return nil, fmt.Errorf("preparing to send mail: the reply address: %w", err)
		}
		s.replyTo = []string{replyTo}
	}
	if options.ConfigurationSet != "" {
		s.configurationSet = &options.ConfigurationSet
	}
	return s, nil
}

// newClient makes a client that never repeats a call by itself. SES has no idempotency token: a repetition of a call whose
// answer was lost is a second mail. Whether to take that risk is for the outbox to decide, which knows what was tried.
func newClient(options Options) *ses.Client {
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

// Send gives the message to SES, in one call that is not repeated, and returns when SES has taken it.
//
// An [ErrRejected] is final. After any other error the mail may be tried again; if the call broke off before its answer, SES may
// have taken the mail none the less, and a further try is a second copy.
func (s *Sender) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("sending a mail: %w", err)
	}
	_, err := s.api.SendEmail(ctx, &ses.SendEmailInput{
		Source:               &s.from,
		ReplyToAddresses:     s.replyTo,
		Destination:          &types.Destination{ToAddresses: []string{m.To}},
		ConfigurationSetName: s.configurationSet,
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

// mailbox reads an address of the configuration, with or without a display name, and writes it as a header has it: the domain in
// its A-labels, the name quoted or encoded (RFC 2047) as it needs.
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
