package ruletests

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

// fakeSender records the mails that it sends, and fails as the test requests.
type fakeSender struct {
	mu   sync.Mutex
	sent []sentMail
	errs []error // the results of the next calls; nil succeeds
}

type sentMail struct {
	purpose outbox.Purpose
	to      string
	token   secret.String
}

func (s *fakeSender) SendMail(_ context.Context, purpose outbox.Purpose, user account.User, token secret.String) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errs) > 0 {
		err := s.errs[0]
		s.errs = s.errs[1:]
		if err != nil {
			return err
		}
	}
	s.sent = append(s.sent, sentMail{purpose, user.Email.Typed, token})
	return nil
}

func (f *fixture) requester() *outbox.Requester {
	return outbox.NewRequester(f.store, f.now, rand.Reader)
}

func (f *fixture) mailer(sender *fakeSender) *outbox.Mailer {
	limits := outbox.Limits{PerHour: 5, MinInterval: time.Minute}
	lives := outbox.Lifetimes{Verification: 24 * time.Hour, Reset: time.Hour}
	return outbox.NewMailer(f.store, sender, f.keys, limits, lives, f.now, f.logger())
}

// mailIDs returns the ids of all entries of the outbox.
func (f *fixture) mailIDs(t *testing.T) []id.ID {
	t.Helper()
	var all []id.ID
	for _, item := range f.tables.Items(t, f.tables.Sessions) {
		if text, is := strings.CutPrefix(item["pk"].(*types.AttributeValueMemberS).Value, "O#"); is {
			parsed, err := id.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, parsed)
		}
	}
	return all
}

// deliver delivers all entries of the outbox, as the stream does, and returns the errors.
func (f *fixture) deliver(t *testing.T, sender *fakeSender) error {
	t.Helper()
	var errs []error
	for _, mail := range f.mailIDs(t) {
		errs = append(errs, f.mailer(sender).Deliver(t.Context(), mail, "worker"))
	}
	return errors.Join(errs...)
}

// requestMail requests a mail to an address.
func (f *fixture) requestMail(t *testing.T, purpose outbox.Purpose, address string) {
	t.Helper()
	if err := f.requester().Request(t.Context(), purpose, address); err != nil {
		t.Fatal(err)
	}
}

// mailedToken requests a mail to an address as stored, delivers it and returns its token.
func (f *fixture) mailedToken(t *testing.T, purpose outbox.Purpose, address string) secret.String {
	t.Helper()
	f.clock = f.clock.Add(2 * time.Minute)
	sender := &fakeSender{}
	f.requestMail(t, purpose, address)
	if err := f.deliver(t, sender); err != nil {
		t.Fatal(err)
	}
	for _, sent := range slices.Backward(sender.sent) {
		if sent.purpose == purpose && sent.to == address {
			return sent.token
		}
	}
	t.Fatalf("the mails: got %+v, want a %s to %s", sender.sent, purpose, address)
	return secret.String{}
}

// count returns the number of sent mails of a purpose.
func (s *fakeSender) count(purpose outbox.Purpose) int {
	count := 0
	for _, sent := range s.sent {
		if sent.purpose == purpose {
			count++
		}
	}
	return count
}
