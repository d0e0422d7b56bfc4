package app

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"latchkey/pkg/config"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/id"
	"latchkey/pkg/lambdastream"
	"latchkey/pkg/outbox"
)

// Mailer is functions/mailer. Its main passes the sender, so that no other function links the SES SDK.
func Mailer[S outbox.Sender](newSender func(config.Config, aws.CredentialsProvider) (S, error)) StreamFunction {
	return func(p *Parts) lambdastream.Handler {
		sender, err := newSender(p.cfg, p.credentials())
		p.note(err)
		limits := outbox.Limits{PerHour: p.cfg.MailPerHour, MinInterval: p.cfg.MailRepeat}
		lives := outbox.Lifetimes{Verification: p.cfg.VerificationToken, Reset: p.cfg.ResetToken}
		mailer := outbox.NewMailer(p.useStore(), sender, p.useKeys(), limits, lives, p.now, p.log)
		return lambdastream.Adapt(func(ctx context.Context, pk string) error {
			mailID, err := dynamo.MailID(pk)
			if err != nil {
				p.log.WarnContext(ctx, "a stream record is not of a mail", "cause", err.Error())
				return nil
			}
			return mailer.Deliver(ctx, mailID, id.New(p.random).String())
		}, p.log)
	}
}
