package ruletests

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// postbox is a sender that keeps what it is given, and fails as it is told.
type fakeSender struct {
	mu   sync.Mutex
	sent []sentMail
	errs []error // one for each try to come; nil succeeds
}

type sentMail struct {
	purpose outbox.Purpose
	to      string
	token   secret.String
}

func (p *fakeSender) SendMail(_ context.Context, purpose outbox.Purpose, user account.User, token secret.String) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errs) > 0 {
		err := p.errs[0]
		p.errs = p.errs[1:]
		if err != nil {
			return err
		}
	}
	p.sent = append(p.sent, sentMail{purpose, user.Email.Typed, token})
	return nil
}

func (f *fixture) requester() *outbox.Requester {
	return outbox.NewRequester(f.store, f.now, rand.Reader)
}

func (f *fixture) mailer(box *fakeSender) *outbox.Mailer {
	limits := outbox.Limits{PerHour: 5, MinInterval: time.Minute}
	lives := outbox.Lifetimes{Verification: 24 * time.Hour, Reset: time.Hour}
	return outbox.NewMailer(f.store, box, f.keys, limits, lives, f.now, f.logger())
}

// mails are the ids of all outbox entries.
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

// deliver gives all outbox entries to the mailer, as the stream does, and returns what failed.
func (f *fixture) deliver(t *testing.T, box *fakeSender) error {
	t.Helper()
	var errs []error
	for _, mail := range f.mailIDs(t) {
		errs = append(errs, f.mailer(box).Deliver(t.Context(), mail, "worker"))
	}
	return errors.Join(errs...)
}

func (f *fixture) requestMail(t *testing.T, purpose outbox.Purpose, address string) {
	t.Helper()
	if err := f.requester().Request(t.Context(), purpose, address); err != nil {
		t.Fatal(err)
	}
}

// mailed asks for a mail to an address as stored, delivers it and returns its token.
func (f *fixture) mailedToken(t *testing.T, purpose outbox.Purpose, address string) secret.String {
	t.Helper()
	f.clock = f.clock.Add(2 * time.Minute)
	box := &fakeSender{}
	f.requestMail(t, purpose, address)
	if err := f.deliver(t, box); err != nil {
		t.Fatal(err)
	}
	for _, sent := range slices.Backward(box.sent) {
		if sent.purpose == purpose && sent.to == address {
			return sent.token
		}
	}
	t.Fatalf("no mail was sent: %+v", box.sent)
	return secret.String{}
}

func TestARegistrationIsFollowedByOneMail(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "Alice@example.com")
	box := &fakeSender{}
	for range 10 {
		if err := f.deliver(t, box); err != nil {
			t.Fatal(err)
		}
	}
	if len(box.sent) != 1 || box.sent[0].purpose != outbox.Verification || box.sent[0].to != "Alice@example.com" {
		t.Errorf("sent were %+v", box.sent)
	}
}

// TestWhoGetsAMail: it goes to the stored address only, whatever spelling a request has.
func TestWhoGetsAMail(t *testing.T) {
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
		"verified already":             {attributes{"email_verified": boolean(true)}, outbox.Verification, "alice@example.com", 0},
		"reset of a verified one":      {attributes{"email_verified": boolean(true)}, outbox.Reset, "alice@example.com", 1},
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
			box := &fakeSender{}
			f.requestMail(t, test.purpose, test.address)
			if err := f.deliver(t, box); err != nil || len(box.sent) != test.want {
				t.Fatalf("sent were %+v, error %v", box.sent, err)
			}
			if test.want == 1 && box.sent[0].to != "Alice@example.com" {
				t.Errorf("the mail went to %s", box.sent[0].to)
			}
		})
	}
}

func TestAskingCostsOneCallForEveryAddress(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	for _, address := range []string{"alice@example.com", "nobody@example.com"} {
		f.tap.Reset()
		f.requestMail(t, outbox.Reset, address)
		if calls := f.tap.Calls(); len(calls) != 1 || calls[0].Operation != "PutItem" || calls[0].Write != 1 {
			t.Errorf("%s: the calls are %+v", address, calls)
		}
	}
	f.tap.Reset()
	err := f.requester().Request(t.Context(), outbox.Reset, "nowhere")
	if refused := fault.From(err); refused.Kind != fault.Invalid || refused.Fields[0].Key != "email" || len(f.tap.Calls()) != 0 {
		t.Errorf("an address that is none: %v", err)
	}
}

func TestMailLimits(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	box := &fakeSender{}
	step := func(pass time.Duration, purpose outbox.Purpose, want int) {
		t.Helper()
		f.clock = f.clock.Add(pass)
		before := len(box.sent)
		f.requestMail(t, purpose, "alice@example.com")
		if err := f.deliver(t, box); err != nil {
			t.Fatal(err)
		}
		if sent := len(box.sent) - before; sent != want {
			t.Errorf("at %v %d mails were sent, want %d", f.clock, sent, want)
		}
	}
	step(0, outbox.Verification, 1) // the registration's own is the first of its purpose, and the one asked for the second
	step(59*time.Second, outbox.Verification, 0)
	step(0, outbox.Reset, 1) // another purpose
	step(time.Second, outbox.Verification, 1)
	for range 3 {
		step(2*time.Minute, outbox.Verification, 1)
	}
	step(2*time.Minute, outbox.Verification, 0) // five in the hour
	step(45*time.Minute, outbox.Verification, 0)
	step(7*time.Minute, outbox.Verification, 1) // the first is over an hour ago
	step(30*time.Second, outbox.Verification, 0)
	if err := f.deliver(t, box); err != nil { // what the limits dropped stays dropped
		t.Fatal(err)
	}
}

func TestASecondRequestDoesNotSendAgainLater(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	box := &fakeSender{}
	f.requestMail(t, outbox.Verification, "alice@example.com")
	for range 5 {
		if err := f.deliver(t, box); err != nil {
			t.Fatal(err)
		}
		f.clock = f.clock.Add(10 * time.Minute)
	}
	if len(box.sent) != 1 {
		t.Errorf("sent were %+v", box.sent)
	}
}

// TestManyMailersAtOnce: of all that get the same records each mail is sent by one.
func TestManyMailersAtOnce(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.requestMail(t, outbox.Reset, "alice@example.com")
	box := &fakeSender{}
	mailer := f.mailer(box)
	var all sync.WaitGroup
	for i := range 16 {
		for _, mail := range f.mailIDs(t) {
			all.Go(func() { _ = mailer.Deliver(t.Context(), mail, fmt.Sprint("worker", i)) })
		}
	}
	all.Wait()
	if len(box.sent) != 2 {
		t.Errorf("sent were %+v", box.sent)
	}
	if err := f.deliver(t, box); err != nil || len(box.sent) != 2 {
		t.Errorf("another delivery sent %+v, error %v", box.sent, err)
	}
}

// TestAnOutageOfTheProviderLosesNothing: the mail is sent once when it is back, counted once, and its link then lives anew.
func TestAnOutageOfTheProviderLosesNothing(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	box := &fakeSender{errs: []error{errors.New("down"), errors.New("down"), errors.New("down")}}
	for range 3 {
		if err := f.deliver(t, box); err == nil {
			t.Error("a failed delivery is not told")
		}
		f.clock = f.clock.Add(6 * time.Hour)
	}
	if err := f.deliver(t, box); err != nil || len(box.sent) != 1 {
		t.Fatalf("sent were %+v, error %v", box.sent, err)
	}
	f.clock = f.clock.Add(23 * time.Hour)
	if verified, err := f.verifier().Verify(t.Context(), box.sent[0].token, session.Credentials{}); err != nil || verified != maillink.VerifiedNow {
		t.Errorf("the link: %v", err)
	}
}

// TestAMailerThatDies between claim and sending is followed by another when its lease has run out; one that cannot claim, at
// once. A mark that fails sends nothing again.
func TestAMailerThatDies(t *testing.T) {
	tests := map[string]struct {
		operation string
		fault     wiretap.Fault
		after     time.Duration // until the mail may be delivered again
	}{
		"before the claim":         {"TransactWriteItems", wiretap.AccessDenied, 0},
		"after it, before sending": {"TransactWriteItems", loseResponseAndDeny, 2 * time.Minute},
		"before the mark":          {"UpdateItem", wiretap.AccessDenied, 25 * time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "alice@example.com")
			box := &fakeSender{}
			f.tap.Inject(test.operation, 0, 1, test.fault)
			_ = f.deliver(t, box) // the mailer that dies
			f.tap.Reset()
			f.clock = f.clock.Add(test.after)
			if err := f.deliver(t, box); err != nil || len(box.sent) != 1 {
				t.Errorf("sent were %+v, error %v", box.sent, err)
			}
		})
	}
}

// loseForGood lets the engine do the call and answers as if it were forbidden, which nobody repeats.
func loseResponseAndDeny(e wiretap.Exchange) (*http.Response, error) {
	if _, err := wiretap.LoseAnswer(e); err == nil {
		return nil, errors.New("the answer was not lost")
	}
	return wiretap.AccessDenied(e)
}

func TestALeaseKeepsOthersAway(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	mail := f.mailIDs(t)[0]
	during := errors.New("not tried")
	box := &hookedSender{}
	box.hook = func() {
		box.hook = nil
		during = f.mailer(&box.fakeSender).Deliver(t.Context(), mail, "another")
	}
	if err := outbox.NewMailer(f.store, box, f.keys, outbox.Limits{PerHour: 5}, outbox.Lifetimes{Verification: time.Hour}, f.now, f.logger()).
		Deliver(t.Context(), mail, "first"); err != nil {
		t.Fatal(err)
	}
	if during == nil || len(box.sent) != 1 {
		t.Errorf("a second mailer meanwhile: %v; sent were %+v", during, box.sent)
	}
}

// reentrantBox lets something happen while a mail is being sent.
type hookedSender struct {
	fakeSender
	hook func()
}

func (r *hookedSender) SendMail(ctx context.Context, purpose outbox.Purpose, user account.User, token secret.String) error {
	if r.hook != nil {
		r.hook()
	}
	return r.fakeSender.SendMail(ctx, purpose, user, token)
}

func TestARefusedMailIsConsumed(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	box := &fakeSender{errs: []error{fmt.Errorf("no: %w", outbox.ErrRefused)}}
	for range 3 {
		if err := f.deliver(t, box); err != nil {
			t.Fatal(err)
		}
		f.clock = f.clock.Add(5 * time.Minute)
	}
	if len(box.sent) != 0 {
		t.Errorf("sent were %+v", box.sent)
	}
}

func TestAnOldMailIsNotSent(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.clock = f.clock.Add(24 * time.Hour)
	box := &fakeSender{}
	if err := f.deliver(t, box); err != nil || len(box.sent) != 0 {
		t.Errorf("sent were %+v, error %v", box.sent, err)
	}
}
