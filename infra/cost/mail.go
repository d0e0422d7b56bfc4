package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"latchkey/pkg/contract"
)

// letter is a mail in the local inbox.
type letter struct {
	Destination struct {
		To []string `json:"to"`
	} `json:"destination"`
	Body struct {
		Text string `json:"text"`
	} `json:"body"`
}

// mailTime is how long mails may take from the request to the inbox.
const mailTime = 30 * time.Second

var linkForm = regexp.MustCompile(`/account/(?:verify-email|reset-password)/([\w-]+)`)

// deliver lets the mailer work until the inbox has the nth mail to each name, and returns these mails. When it returns, nothing of
// the mailer is under way.
func (r *rig) deliver(ctx context.Context, nth int, names ...string) ([]letter, error) {
	r.gate.release()
	defer r.gate.hold()
	var found []letter
	err := await(ctx, mailTime, func() error {
		byAddress, err := r.inbox(ctx)
		if err != nil {
			return err
		}
		found = nil
		for _, name := range names {
			letters := byAddress[address(name)]
			if len(letters) < nth {
				return fmt.Errorf("mail %d to %s has not come", nth, name)
			}
			found = append(found, letters[nth-1])
		}
		return nil
	})
	return found, err
}

// inbox has all mails by address, oldest first.
func (r *rig) inbox(ctx context.Context) (map[string][]letter, error) {
	got, err := send(ctx, http.MethodGet, r.MailURL+"/store", "")
	if err != nil {
		return nil, err
	}
	var store struct {
		Emails []letter `json:"emails"`
	}
	if err := json.Unmarshal([]byte(got.body), &store); err != nil {
		return nil, fmt.Errorf("reading the inbox: %w", err)
	}
	byAddress := map[string][]letter{}
	for _, mail := range store.Emails {
		for _, to := range mail.Destination.To {
			byAddress[to] = append(byAddress[to], mail)
		}
	}
	return byAddress, nil
}

// link returns the token in the nth mail to name.
func (r *rig) link(ctx context.Context, nth int, name string) (string, error) {
	found, err := r.deliver(ctx, nth, name)
	if err != nil {
		return "", err
	}
	link := linkForm.FindStringSubmatch(found[0].Body.Text)
	if link == nil {
		return "", fmt.Errorf("the mail to %s has no link: %s", name, found[0].Body.Text)
	}
	return link[1], nil
}

// verificationLink is the token of the mail that a new account gets.
func verificationLink(ctx context.Context, r *rig) (string, error) {
	name, _, err := r.person(ctx)
	if err != nil {
		return "", err
	}
	return r.link(ctx, 1, name)
}

// resetLink is the token of the mail to somebody who forgot the password.
func resetLink(ctx context.Context, r *rig) (string, error) {
	name, err := r.forgetful(ctx)
	if err != nil {
		return "", err
	}
	return r.link(ctx, 2, name)
}

// forgetful registers somebody who then asks for a reset, both mails of whom wait.
func (r *rig) forgetful(ctx context.Context) (string, error) {
	name, _, err := r.person(ctx)
	if err != nil {
		return "", err
	}
	_, err = r.ask(ctx, to(contract.ForgotPassword, object("email", address(name))), http.StatusCreated)
	return name, err
}

// measureMail lets so many mails wait, and measures the mailer as it sends them.
func (r *rig) measureMail(ctx context.Context, samples int) (reading, error) {
	var names []string
	for range samples {
		name, _, err := r.person(ctx)
		if err != nil {
			return reading{}, err
		}
		names = append(names, name)
	}
	if _, err := r.deliver(ctx, 1, names...); err != nil { // what waits from before, and a mailer that has been started
		return reading{}, err
	}
	for _, name := range names {
		if _, err := r.ask(ctx, to(contract.ForgotPassword, object("email", address(name))), http.StatusCreated); err != nil {
			return reading{}, err
		}
	}
	r.tap.Reset()
	before, err := r.read(mailer)
	if err != nil {
		return reading{}, err
	}
	if _, err := r.deliver(ctx, 2, names...); err != nil {
		return reading{}, err
	}
	all, count := sum(r.tap.Calls()), float64(samples)
	return r.since(ctx, before, row{name: mail, folder: mailer}, samples, reading{
		storeCalls: all.storeCalls / count, readUnits: all.readUnits / count, writeUnits: all.writeUnits / count, mails: 1,
	})
}
