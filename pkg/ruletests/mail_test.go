package ruletests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

func TestARegistrationSendsOneMail(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "Alice@example.com")
	sender := &fakeSender{}
	for range 10 {
		if err := f.deliver(t, sender); err != nil {
			t.Fatal(err)
		}
	}
	if len(sender.sent) != 1 || sender.sent[0].purpose != outbox.Verification || sender.sent[0].to != "Alice@example.com" {
		t.Errorf("the mails: got %+v, want one %s to Alice@example.com", sender.sent, outbox.Verification)
	}
}

// TestRecipients shows that a mail goes only to the stored address, for any spelling in the request.
func TestRecipients(t *testing.T) {
	tests := map[string]struct {
		change  attributes
		purpose outbox.Purpose
		address string
		want    int
	}{
		"verification":                 {nil, outbox.Verification, "alice@example.com", 1},
		"verification, other spelling": {nil, outbox.Verification, "ALICE@Example.COM", 1},
		"reset":                        {nil, outbox.Reset, "alice@example.com", 1},
		"reset, other spelling":        {nil, outbox.Reset, "ALICE@Example.COM", 1},
		"already verified":             {attributes{"email_verified": boolean(true)}, outbox.Verification, "alice@example.com", 0},
		"reset of a verified account":  {attributes{"email_verified": boolean(true)}, outbox.Reset, "alice@example.com", 1},
		"disabled, verification":       {attributes{"active": boolean(false)}, outbox.Verification, "alice@example.com", 0},
		"disabled, reset":              {attributes{"active": boolean(false)}, outbox.Reset, "alice@example.com", 0},
		"no such account":              {nil, outbox.Reset, "bob@example.com", 0},
		"the address has changed":      {attributes{"email_key": text("new@example.com")}, outbox.Reset, "alice@example.com", 0},
		"an account without password":  {attributes{"phc": text("")}, outbox.Reset, "alice@example.com", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "Alice@example.com")
			if err := f.deliver(t, &fakeSender{}); err != nil {
				t.Fatal(err)
			}
			f.clock = f.clock.Add(2 * time.Minute)
			if test.change != nil {
				f.setUser(t, "alice", test.change)
			}
			sender := &fakeSender{}
			f.requestMail(t, test.purpose, test.address)
			if err := f.deliver(t, sender); err != nil || len(sender.sent) != test.want {
				t.Fatalf("the mails: got %+v and the error %v, want %d", sender.sent, err, test.want)
			}
			if test.want == 1 && sender.sent[0].to != "Alice@example.com" {
				t.Errorf("the recipient: got %s, want Alice@example.com", sender.sent[0].to)
			}
		})
	}
}

func TestARequestCostsOneCallForEveryAddress(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	for _, address := range []string{"alice@example.com", "nobody@example.com"} {
		f.tap.Reset()
		f.requestMail(t, outbox.Reset, address)
		if calls := f.tap.Calls(); len(calls) != 1 || calls[0].Operation != "PutItem" || calls[0].Write != 1 {
			t.Errorf("a request for %s: got the calls %+v, want one PutItem that writes 1 unit", address, calls)
		}
	}
	f.tap.Reset()
	err := f.requester().Request(t.Context(), outbox.Reset, "nowhere")
	if refused := fault.From(err); refused.Kind != fault.Invalid || refused.Fields[0].Key != "email" || len(f.tap.Calls()) != 0 {
		t.Errorf("an invalid address: got the error %v and %d calls, want a fault of email and 0", err, len(f.tap.Calls()))
	}
}

func TestMailLimits(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	sender := &fakeSender{}
	step := func(pass time.Duration, purpose outbox.Purpose, want int) {
		t.Helper()
		f.clock = f.clock.Add(pass)
		before := len(sender.sent)
		f.requestMail(t, purpose, "alice@example.com")
		if err := f.deliver(t, sender); err != nil {
			t.Fatal(err)
		}
		if sent := len(sender.sent) - before; sent != want {
			t.Errorf("the mails at %v: got %d, want %d", f.clock, sent, want)
		}
	}
	step(0, outbox.Verification, 1) // the mail of the registration; the requested one is too early
	step(59*time.Second, outbox.Verification, 0)
	step(0, outbox.Reset, 1) // another purpose
	step(time.Second, outbox.Verification, 1)
	for range 3 {
		step(2*time.Minute, outbox.Verification, 1)
	}
	step(2*time.Minute, outbox.Verification, 0) // five in the hour
	step(45*time.Minute, outbox.Verification, 0)
	step(7*time.Minute, outbox.Verification, 1) // the first was more than an hour ago
	step(30*time.Second, outbox.Verification, 0)
	if err := f.deliver(t, sender); err != nil { // voided mails stay voided
		t.Fatal(err)
	}
}

func TestASecondRequestDoesNotSendAgainLater(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	sender := &fakeSender{}
	f.requestMail(t, outbox.Verification, "alice@example.com")
	for range 5 {
		if err := f.deliver(t, sender); err != nil {
			t.Fatal(err)
		}
		f.clock = f.clock.Add(10 * time.Minute)
	}
	if len(sender.sent) != 1 {
		t.Errorf("the mails: got %+v, want 1", sender.sent)
	}
}

// TestManyMailersAtOnce shows that of many mailers with the same records one sends each mail.
func TestManyMailersAtOnce(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.requestMail(t, outbox.Reset, "alice@example.com")
	sender := &fakeSender{}
	mailer := f.mailer(sender)
	var all sync.WaitGroup
	for i := range 16 {
		for _, mail := range f.mailIDs(t) {
			all.Go(func() { _ = mailer.Deliver(t.Context(), mail, fmt.Sprint("worker", i)) })
		}
	}
	all.Wait()
	if len(sender.sent) != 2 {
		t.Errorf("the mails: got %+v, want 2", sender.sent)
	}
	if err := f.deliver(t, sender); err != nil || len(sender.sent) != 2 {
		t.Errorf("the mails after another delivery: got %+v and the error %v, want the same 2", sender.sent, err)
	}
}

// TestAnOutageOfTheProviderLosesNothing shows that the mail is sent and counted once, and that the lifetime of its link starts with
// the successful delivery.
func TestAnOutageOfTheProviderLosesNothing(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	sender := &fakeSender{errs: []error{errors.New("down"), errors.New("down"), errors.New("down")}}
	for range 3 {
		if err := f.deliver(t, sender); err == nil {
			t.Error("a failed delivery: got no error, want one")
		}
		f.clock = f.clock.Add(6 * time.Hour)
	}
	if err := f.deliver(t, sender); err != nil || len(sender.sent) != 1 {
		t.Fatalf("the mails after the outage: got %+v and the error %v, want 1", sender.sent, err)
	}
	f.clock = f.clock.Add(23 * time.Hour)
	if verified, err := f.verify(t, sender.sent[0].token); err != nil || verified != maillink.VerifiedNow {
		t.Errorf("the link after 23 hours: got %v and the error %v, want %v", verified, err, maillink.VerifiedNow)
	}
}

// TestAMailerThatDies shows that another mailer takes over once the lease has expired, or at once if there is no lease, and that a
// failed mark does not send the mail again.
func TestAMailerThatDies(t *testing.T) {
	tests := map[string]struct {
		operation string
		fault     wiretap.Fault
		after     time.Duration // until the mail may be delivered again
	}{
		"before the lease":         {"TransactWriteItems", wiretap.AccessDenied, 0},
		"after it, before sending": {"TransactWriteItems", loseResponseAndDeny, 2 * time.Minute},
		"before the mark":          {"UpdateItem", wiretap.AccessDenied, 25 * time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "alice@example.com")
			sender := &fakeSender{}
			f.tap.Inject(test.operation, 0, 1, test.fault)
			_ = f.deliver(t, sender) // the mailer that dies
			f.tap.Reset()
			f.clock = f.clock.Add(test.after)
			if err := f.deliver(t, sender); err != nil || len(sender.sent) != 1 {
				t.Errorf("the mails after %v: got %+v and the error %v, want 1", test.after, sender.sent, err)
			}
		})
	}
}

// loseResponseAndDeny lets the engine execute the call and responds that access is denied, so the call is not repeated.
func loseResponseAndDeny(e wiretap.Exchange) (*http.Response, error) {
	if _, err := wiretap.LoseAnswer(e); err == nil {
		return nil, errors.New("the response was not lost")
	}
	return wiretap.AccessDenied(e)
}

// TestALeaseIsExclusive delivers the mail a second time while it is being sent.
func TestALeaseIsExclusive(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	mail := f.mailIDs(t)[0]
	second := errors.New("not called")
	sender := &hookedSender{}
	sender.hook = func() {
		sender.hook = nil
		second = f.mailer(&sender.fakeSender).Deliver(t.Context(), mail, "another")
	}
	limits, lives := outbox.Limits{PerHour: 5}, outbox.Lifetimes{Verification: time.Hour}
	mailer := outbox.NewMailer(f.store, sender, f.keys, limits, lives, f.now, f.logger())
	if err := mailer.Deliver(t.Context(), mail, "first"); err != nil {
		t.Fatal(err)
	}
	if second == nil || len(sender.sent) != 1 {
		t.Errorf("a second delivery: got the error %v and the mails %+v, want an error and 1", second, sender.sent)
	}
}

// hookedSender calls the hook before it sends a mail.
type hookedSender struct {
	fakeSender
	hook func()
}

func (s *hookedSender) SendMail(ctx context.Context, purpose outbox.Purpose, user account.User, token secret.String) error {
	if s.hook != nil {
		s.hook()
	}
	return s.fakeSender.SendMail(ctx, purpose, user, token)
}

func TestARefusedMailIsNotRepeated(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	sender := &fakeSender{errs: []error{fmt.Errorf("no: %w", outbox.ErrRefused)}}
	for range 3 {
		if err := f.deliver(t, sender); err != nil {
			t.Fatal(err)
		}
		f.clock = f.clock.Add(5 * time.Minute)
	}
	if len(sender.sent) != 0 {
		t.Errorf("the mails: got %+v, want none", sender.sent)
	}
}

func TestAnOldMailIsNotSent(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.clock = f.clock.Add(24 * time.Hour)
	sender := &fakeSender{}
	if err := f.deliver(t, sender); err != nil || len(sender.sent) != 0 {
		t.Errorf("the mails: got %+v and the error %v, want none", sender.sent, err)
	}
}
