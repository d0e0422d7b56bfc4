package mail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"latchkey/pkg/account"
	"latchkey/pkg/config"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

// Sender composes and sends the mails of the outbox. It implements [outbox.Sender].
type Sender struct {
	composer *Composer
	client   *Client
	links    Links
	lives    outbox.Lifetimes
}

// NewSender returns the Sender for a configuration. Its mails state the lifetimes of their links. The error joins all faults.
func NewSender(cfg config.Config, credentials aws.CredentialsProvider) (*Sender, error) {
	composer, composerErr := NewComposer(cfg.ProductName)
	links, linksErr := NewLinks(cfg.PublicURL, cfg.AppURL)
	client, clientErr := NewClient(Options{
		Region:           cfg.Region,
		Endpoint:         cfg.SESEndpoint,
		Credentials:      credentials,
		From:             cfg.MailFrom,
		ReplyTo:          cfg.MailReplyTo,
		ConfigurationSet: cfg.ConfigurationSet,
	})
	lives := outbox.Lifetimes{Verification: cfg.VerificationToken, Reset: cfg.ResetToken}
	return &Sender{composer: composer, client: client, links: links, lives: lives}, errors.Join(composerErr, linksErr, clientErr)
}

// SendMail sends the mail of a purpose to the address of the user. token is empty for a mail without a link. An error that wraps
// [outbox.ErrRefused] is permanent. After any other error, the mail may or may not have been sent.
func (s *Sender) SendMail(ctx context.Context, purpose outbox.Purpose, user account.User, token secret.String) error {
	message, err := s.composer.Compose(purpose, s.data(purpose, user, token))
	if err == nil {
		err = s.client.Send(ctx, message)
	}
	if errors.Is(err, ErrRejected) {
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	}
	return err
}

// data returns the data for the templates of a purpose.
func (s *Sender) data(purpose outbox.Purpose, user account.User, token secret.String) Data {
	data := Data{To: user.Email, Username: user.Username.Typed}
	if definition, _ := purpose.Definition(); definition.HasLink() {
		data.Link, data.Life = s.links.To(definition.Page, token), definition.Life(s.lives).Truncate(time.Second)
	}
	return data
}
