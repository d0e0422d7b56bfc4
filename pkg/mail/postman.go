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

// Postman writes and sends the mails that the rules ask for.
type Postman struct {
	composer *Composer
	sender   *Sender
	links    Links
	lives    outbox.Lifetimes
}

// NewPostman returns the Postman of a configuration, whose mails tell how long their links live. The error joins all that
// does not hold.
func NewPostman(cfg config.Config, credentials aws.CredentialsProvider) (*Postman, error) {
	composer, composerErr := NewComposer(cfg.ProductName)
	links, linksErr := NewLinks(cfg.PublicURL, cfg.AppURL)
	sender, senderErr := NewSender(Options{
		Region:           cfg.Region,
		Endpoint:         cfg.SESEndpoint,
		Credentials:      credentials,
		From:             cfg.MailFrom,
		ReplyTo:          cfg.MailReplyTo,
		ConfigurationSet: cfg.ConfigurationSet,
	})
	lives := outbox.Lifetimes{Verification: cfg.VerificationToken, Reset: cfg.ResetToken}
	return &Postman{composer: composer, sender: sender, links: links, lives: lives}, errors.Join(composerErr, linksErr, senderErr)
}

// SendMail sends the mail of purpose to the user's address. token is empty for a notice. An error that wraps
// [ErrMailRefused] is for good; after any other nobody knows whether it was sent.
func (p *Postman) SendMail(ctx context.Context, purpose outbox.Purpose, user account.User, token secret.String) error {
	kind, data := p.letter(purpose, user, token)
	message, err := p.composer.Compose(kind, data)
	if err == nil {
		err = p.sender.Send(ctx, message)
	}
	if errors.Is(err, ErrRejected) {
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	}
	return err
}

func (p *Postman) letter(purpose outbox.Purpose, user account.User, token secret.String) (Kind, Data) {
	data := Data{To: user.Email, Username: user.Username.Typed}
	switch purpose {
	case outbox.Verification:
		data.Link, data.Life = p.links.VerifyEmail(token), p.lives.Verification.Truncate(time.Second)
		return Verification, data
	case outbox.Reset:
		data.Link, data.Life = p.links.ResetPassword(token), p.lives.Reset.Truncate(time.Second)
		return PasswordReset, data
	case outbox.PasswordChanged:
		return PasswordChanged, data
	case outbox.PasswordRemoved:
		return PasswordRemoved, data
	case outbox.Taken:
		return Taken, data
	case outbox.Guessing:
		return Guessing, data
	}
	return Kind(purpose), data
}
