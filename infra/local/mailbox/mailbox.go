// Package mailbox reads the mails that the local SES (engine.StartSES) has accepted. It reads from no other mail server and
// does not send.
package mailbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"
)

// Mail is a mail that the local SES has accepted.
type Mail struct {
	Subject     string `json:"subject"`
	Destination struct {
		To []string `json:"to"`
	} `json:"destination"`
	Body struct {
		Text string `json:"text"`
		HTML string `json:"html"`
	} `json:"body"`
}

// pollInterval is the time between two reads of Await.
const pollInterval = 50 * time.Millisecond

// Read returns all mails whose only recipient is address, oldest first. url is the address of the local SES.
func Read(ctx context.Context, url, address string) ([]Mail, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/store", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("reading the inbox: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading the inbox: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // Close cannot lose data of a body that is only read
	var store struct {
		Emails []Mail `json:"emails"`
	}
	if err := json.NewDecoder(response.Body).Decode(&store); err != nil {
		return nil, fmt.Errorf("reading the inbox: %w", err)
	}
	var mails []Mail
	for _, mail := range store.Emails {
		if to := mail.Destination.To; len(to) == 1 && to[0] == address {
			mails = append(mails, mail)
		}
	}
	return mails, nil
}

// Await waits for the nth mail to address, counted from 1, and returns it. It waits until ctx ends.
func Await(ctx context.Context, url, address string, nth int) (Mail, error) {
	for {
		mails, err := Read(ctx, url, address)
		switch {
		case err == nil && len(mails) >= nth:
			return mails[nth-1], nil
		case err != nil && ctx.Err() == nil:
			return Mail{}, err
		}
		select {
		case <-ctx.Done():
			return Mail{}, fmt.Errorf("waiting for mail %d to %s: %w", nth, address, context.Cause(ctx))
		case <-time.After(pollInterval):
		}
	}
}

// linkPattern matches a link that ends with a token.
var linkPattern = regexp.MustCompile(`(https?://[^\s"<>]+/(?:verify-email|reset-password))/([\w-]+)`)

// Link returns the two parts of the mail's link: the address of the page, and the token at its end. It returns an error
// unless the text and the HTML contain the same link.
func (m Mail) Link() (page, token string, err error) {
	text, html := linkPattern.FindStringSubmatch(m.Body.Text), linkPattern.FindStringSubmatch(m.Body.HTML)
	switch {
	case text == nil || html == nil:
		return "", "", errors.New("finding the link of a mail: the text or the HTML has none")
	case text[0] != html[0]:
		return "", "", errors.New("finding the link of a mail: the text and the HTML have different ones")
	}
	return text[1], text[2], nil
}
