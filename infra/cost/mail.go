package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"latchkey/infra/local/mailbox"
	"latchkey/pkg/contract"
)

// mailTimeout limits the time from a request to the mails in the inbox.
const mailTimeout = 30 * time.Second

// deliver resumes the mailer until the inbox contains the nth mail to each user, and returns these mails. When it returns, no delivery
// is in progress.
func (r *rig) deliver(ctx context.Context, nth int, names ...string) ([]mailbox.Mail, error) {
	r.Deliveries.Resume()
	defer r.Deliveries.Pause()
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	var mails []mailbox.Mail
	for _, name := range names {
		mail, err := mailbox.Await(ctx, r.MailURL, address(name), nth)
		if err != nil {
			return nil, err
		}
		mails = append(mails, mail)
	}
	return mails, nil
}

// linkToken returns the token in the nth mail to a user.
func (r *rig) linkToken(ctx context.Context, nth int, name string) (string, error) {
	mails, err := r.deliver(ctx, nth, name)
	if err != nil {
		return "", err
	}
	_, token, err := mails[0].Link()
	if err != nil {
		return "", fmt.Errorf("mail %d to %s: %w", nth, name, err)
	}
	return token, nil
}

// verificationToken registers a user and returns the mailed token.
func verificationToken(ctx context.Context, r *rig) (string, error) {
	name, _, err := r.newUser(ctx)
	if err != nil {
		return "", err
	}
	return r.linkToken(ctx, 1, name)
}

// resetToken registers a user, requests a password reset and returns the mailed token.
func resetToken(ctx context.Context, r *rig) (string, error) {
	name, _, err := r.newUser(ctx)
	if err != nil {
		return "", err
	}
	if err := r.requestReset(ctx, name); err != nil {
		return "", err
	}
	return r.linkToken(ctx, 2, name)
}

func (r *rig) requestReset(ctx context.Context, name string) error {
	_, err := r.expect(ctx, to(contract.ForgotPassword, object("email", address(name))), http.StatusCreated)
	return err
}

// measureMail queues mails while the mailer is paused, and then measures the mailer.
func (r *rig) measureMail(ctx context.Context, samples int) (usage, error) {
	var names []string
	for range samples {
		name, _, err := r.newUser(ctx)
		if err != nil {
			return usage{}, err
		}
		names = append(names, name)
	}
	if _, err := r.deliver(ctx, 1, names...); err != nil { // sends the mails of the registrations and starts the mailer
		return usage{}, err
	}
	for _, name := range names {
		if err := r.requestReset(ctx, name); err != nil {
			return usage{}, err
		}
	}
	r.Tap.Reset()
	before, err := r.read(mailer)
	if err != nil {
		return usage{}, err
	}
	if _, err := r.deliver(ctx, 2, names...); err != nil {
		return usage{}, err
	}
	all, count := sum(r.Tap.Calls()), float64(samples)
	return r.since(ctx, before, row{name: mail, folder: mailer}, samples, usage{
		storeCalls: all.storeCalls / count, readUnits: all.readUnits / count, writeUnits: all.writeUnits / count, mails: 1,
	})
}
