package workload

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"latchkey/infra/local/mailbox"
	"latchkey/infra/testkit/population"
	"latchkey/pkg/contract"
)

// The mailer is the only function without an endpoint that is measured. Lambda invokes it for up to ten mails at once. Here, each mail
// is one invocation.
const (
	Mail   = "mail"   // the name of its row
	Mailer = "mailer" // its folder
)

// mailTimeout limits the time from a request to the mails in the inbox.
const mailTimeout = 30 * time.Second

// QueueMails queues one mail to each of count users and returns the usernames. Nothing is delivered before Deliver.
func (r *Rig) QueueMails(ctx context.Context, count int) ([]string, error) {
	var names []string
	for range count {
		name, err := r.takeUser()
		if err != nil {
			return nil, err
		}
		if err := r.request(ctx, contract.ForgotPassword, name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// Deliver resumes the mailer until the inbox contains a mail to each of the users, and returns these mails. When it returns, no
// delivery is in progress.
func (r *Rig) Deliver(ctx context.Context, names ...string) ([]mailbox.Mail, error) {
	r.Deliveries.Resume()
	defer r.Deliveries.Pause()
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	var mails []mailbox.Mail
	for _, name := range names {
		mail, err := mailbox.Await(ctx, r.MailURL, population.Address(name), 1)
		if err != nil {
			return nil, err
		}
		mails = append(mails, mail)
	}
	return mails, nil
}

// request requests a mail to a user.
func (r *Rig) request(ctx context.Context, endpoint contract.Endpoint, name string) error {
	_, err := r.expect(ctx, to(endpoint, object("email", population.Address(name))), http.StatusCreated)
	return err
}

// mailedToken requests a mail to a user who has none yet, and returns the token in it.
func mailedToken(ctx context.Context, v *Visitor, endpoint contract.Endpoint) (string, error) {
	name, err := v.rig.takeUser()
	if err != nil {
		return "", err
	}
	if err := v.rig.request(ctx, endpoint, name); err != nil {
		return "", err
	}
	mails, err := v.rig.Deliver(ctx, name)
	if err != nil {
		return "", err
	}
	_, token, err := mails[0].Link()
	if err != nil {
		return "", fmt.Errorf("the mail to %s: %w", name, err)
	}
	return token, nil
}

func verificationToken(ctx context.Context, v *Visitor) (string, error) {
	return mailedToken(ctx, v, contract.SendVerification)
}

func resetToken(ctx context.Context, v *Visitor) (string, error) {
	return mailedToken(ctx, v, contract.ForgotPassword)
}
