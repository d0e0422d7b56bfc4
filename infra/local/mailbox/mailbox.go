// Package mailbox reads the mails that the local SES (engine.StartSES) was given, as their receiver would. It sends nothing, and knows
// no other mail server.
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

// Mail is a mail that was sent.
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

// pause is how long Await waits between two looks.
const pause = 50 * time.Millisecond

// Read returns all mails to address alone, oldest first. url is that of the local SES.
func Read(ctx context.Context, url, address string) ([]Mail, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/store", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("reading the inbox: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading the inbox: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // only read
	var store struct {
		Emails []Mail `json:"emails"`
	}
	if err := json.NewDecoder(response.Body).Decode(&store); err != nil {
		return nil, fmt.Errorf("reading the inbox: %w", err)
	}
	var found []Mail
	for _, mail := range store.Emails {
		if to := mail.Destination.To; len(to) == 1 && to[0] == address {
			found = append(found, mail)
		}
	}
	return found, nil
}

// Await returns the nth mail to address, 1 being the first, as soon as it is there. ctx says how long to wait.
func Await(ctx context.Context, url, address string, nth int) (Mail, error) {
	for {
		found, err := Read(ctx, url, address)
		switch {
		case err == nil && len(found) >= nth:
			return found[nth-1], nil
		case err != nil && ctx.Err() == nil:
			return Mail{}, err
		}
		select {
		case <-ctx.Done():
			return Mail{}, fmt.Errorf("mail %d to %s has not come: %w", nth, address, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// link is a link with a one-time token at its end.
var link = regexp.MustCompile(`(https?://[^\s"<>]+/(?:verify-email|reset-password))/([\w-]+)`)

// Link is the link of the mail in its two parts: the page that it leads to, and the token at its end. It fails unless the text and
// the HTML have the same one.
func (m Mail) Link() (page, token string, err error) {
	text, html := link.FindStringSubmatch(m.Body.Text), link.FindStringSubmatch(m.Body.HTML)
	switch {
	case text == nil || html == nil:
		return "", "", errors.New("finding the link of a mail: one of its parts has none")
	case text[0] != html[0]:
		return "", "", errors.New("finding the link of a mail: its parts have two")
	}
	return text[1], text[2], nil
}
