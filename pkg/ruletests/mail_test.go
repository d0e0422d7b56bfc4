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
type postbox struct {
	mu    sync.Mutex
	sent  []letter
	fails []error // one for each try to come; nil succeeds
}

type letter struct {
	purpose outbox.Purpose
	to      string
	token   secret.String
}

func (p *postbox) SendMail(_ context.Context, purpose outbox.Purpose, user account.User, token secret.String) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.fails) > 0 {
		err := p.fails[0]
		p.fails = p.fails[1:]
		if err != nil {
			return err
		}
	}
	p.sent = append(p.sent, letter{purpose, user.Email.Typed, token})
	return nil
}

func (h *house) desk() *outbox.Requester { return outbox.NewRequester(h.store, h.now, rand.Reader) }

func (h *house) mailer(box *postbox) *outbox.Mailer {
	limits := outbox.Limits{PerHour: 5, MinInterval: time.Minute}
	lives := outbox.Lifetimes{Verification: 24 * time.Hour, Reset: time.Hour}
	return outbox.NewMailer(h.store, box, h.keys, limits, lives, h.now, h.logger())
}

// mails are the ids of all outbox entries.
func (h *house) mails(t *testing.T) []id.ID {
	t.Helper()
	var all []id.ID
	for _, item := range h.tables.Items(t, h.tables.Sessions) {
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
func (h *house) deliver(t *testing.T, box *postbox) error {
	t.Helper()
	var errs []error
	for _, mail := range h.mails(t) {
		errs = append(errs, h.mailer(box).Deliver(t.Context(), mail, "worker"))
	}
	return errors.Join(errs...)
}

func (h *house) ask(t *testing.T, purpose outbox.Purpose, address string) {
	t.Helper()
	if err := h.desk().Request(t.Context(), purpose, address); err != nil {
		t.Fatal(err)
	}
}

// mailed asks for a mail to an address as stored, delivers it and returns its token.
func (h *house) mailed(t *testing.T, purpose outbox.Purpose, address string) secret.String {
	t.Helper()
	h.clock = h.clock.Add(2 * time.Minute)
	box := &postbox{}
	h.ask(t, purpose, address)
	if err := h.deliver(t, box); err != nil {
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
	h := newHouse(t)
	h.register(t, "alice", "Alice@example.com")
	box := &postbox{}
	for range 10 {
		if err := h.deliver(t, box); err != nil {
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
		change  changes
		purpose outbox.Purpose
		address string
		want    int
	}{
		"verification":                 {nil, outbox.Verification, "alice@example.com", 1},
		"verification, other spelling": {nil, outbox.Verification, "ALICE@Example.COM", 1},
		"reset":                        {nil, outbox.Reset, "alice@example.com", 1},
		"reset, other spelling":        {nil, outbox.Reset, "ALICE@Example.COM", 1},
		"verified already":             {changes{"email_verified": boolean(true)}, outbox.Verification, "alice@example.com", 0},
		"reset of a verified one":      {changes{"email_verified": boolean(true)}, outbox.Reset, "alice@example.com", 1},
		"disabled, verification":       {changes{"active": boolean(false)}, outbox.Verification, "alice@example.com", 0},
		"disabled, reset":              {changes{"active": boolean(false)}, outbox.Reset, "alice@example.com", 0},
		"no such account":              {nil, outbox.Reset, "bob@example.com", 0},
		"the address has changed":      {changes{"email_key": text("new@example.com")}, outbox.Reset, "alice@example.com", 0},
		"an account without password":  {changes{"phc": text("")}, outbox.Reset, "alice@example.com", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.register(t, "alice", "Alice@example.com")
			if err := h.deliver(t, &postbox{}); err != nil {
				t.Fatal(err)
			}
			h.clock = h.clock.Add(2 * time.Minute)
			if test.change != nil {
				h.change(t, "alice", test.change)
			}
			box := &postbox{}
			h.ask(t, test.purpose, test.address)
			if err := h.deliver(t, box); err != nil || len(box.sent) != test.want {
				t.Fatalf("sent were %+v, error %v", box.sent, err)
			}
			if test.want == 1 && box.sent[0].to != "Alice@example.com" {
				t.Errorf("the mail went to %s", box.sent[0].to)
			}
		})
	}
}

func TestAskingCostsOneCallForEveryAddress(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	for _, address := range []string{"alice@example.com", "nobody@example.com"} {
		h.tap.Reset()
		h.ask(t, outbox.Reset, address)
		if calls := h.tap.Calls(); len(calls) != 1 || calls[0].Operation != "PutItem" || calls[0].Write != 1 {
			t.Errorf("%s: the calls are %+v", address, calls)
		}
	}
	h.tap.Reset()
	err := h.desk().Request(t.Context(), outbox.Reset, "nowhere")
	if refused := fault.From(err); refused.Kind != fault.Invalid || refused.Fields[0].Key != "email" || len(h.tap.Calls()) != 0 {
		t.Errorf("an address that is none: %v", err)
	}
}

func TestMailLimits(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	box := &postbox{}
	step := func(pass time.Duration, purpose outbox.Purpose, want int) {
		t.Helper()
		h.clock = h.clock.Add(pass)
		before := len(box.sent)
		h.ask(t, purpose, "alice@example.com")
		if err := h.deliver(t, box); err != nil {
			t.Fatal(err)
		}
		if sent := len(box.sent) - before; sent != want {
			t.Errorf("at %v %d mails were sent, want %d", h.clock, sent, want)
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
	if err := h.deliver(t, box); err != nil { // what the limits dropped stays dropped
		t.Fatal(err)
	}
}

func TestASecondRequestDoesNotSendAgainLater(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	box := &postbox{}
	h.ask(t, outbox.Verification, "alice@example.com")
	for range 5 {
		if err := h.deliver(t, box); err != nil {
			t.Fatal(err)
		}
		h.clock = h.clock.Add(10 * time.Minute)
	}
	if len(box.sent) != 1 {
		t.Errorf("sent were %+v", box.sent)
	}
}

// TestManyMailersAtOnce: of all that get the same records each mail is sent by one.
func TestManyMailersAtOnce(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	h.ask(t, outbox.Reset, "alice@example.com")
	box := &postbox{}
	mailer := h.mailer(box)
	var all sync.WaitGroup
	for i := range 16 {
		for _, mail := range h.mails(t) {
			all.Go(func() { _ = mailer.Deliver(t.Context(), mail, fmt.Sprint("worker", i)) })
		}
	}
	all.Wait()
	if len(box.sent) != 2 {
		t.Errorf("sent were %+v", box.sent)
	}
	if err := h.deliver(t, box); err != nil || len(box.sent) != 2 {
		t.Errorf("another delivery sent %+v, error %v", box.sent, err)
	}
}

// TestAnOutageOfTheProviderLosesNothing: the mail is sent once when it is back, counted once, and its link then lives anew.
func TestAnOutageOfTheProviderLosesNothing(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	box := &postbox{fails: []error{errors.New("down"), errors.New("down"), errors.New("down")}}
	for range 3 {
		if err := h.deliver(t, box); err == nil {
			t.Error("a failed delivery is not told")
		}
		h.clock = h.clock.Add(6 * time.Hour)
	}
	if err := h.deliver(t, box); err != nil || len(box.sent) != 1 {
		t.Fatalf("sent were %+v, error %v", box.sent, err)
	}
	h.clock = h.clock.Add(23 * time.Hour)
	if verified, err := h.verifier().Verify(t.Context(), box.sent[0].token, session.Credentials{}); err != nil || verified != maillink.VerifiedNow {
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
		"after it, before sending": {"TransactWriteItems", loseForGood, 2 * time.Minute},
		"before the mark":          {"UpdateItem", wiretap.AccessDenied, 25 * time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.register(t, "alice", "alice@example.com")
			box := &postbox{}
			h.tap.Inject(test.operation, 0, 1, test.fault)
			_ = h.deliver(t, box) // the mailer that dies
			h.tap.Reset()
			h.clock = h.clock.Add(test.after)
			if err := h.deliver(t, box); err != nil || len(box.sent) != 1 {
				t.Errorf("sent were %+v, error %v", box.sent, err)
			}
		})
	}
}

// loseForGood lets the engine do the call and answers as if it were forbidden, which nobody repeats.
func loseForGood(e wiretap.Exchange) (*http.Response, error) {
	if _, err := wiretap.LoseAnswer(e); err == nil {
		return nil, errors.New("the answer was not lost")
	}
	return wiretap.AccessDenied(e)
}

func TestALeaseKeepsOthersAway(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	mail := h.mails(t)[0]
	during := errors.New("not tried")
	box := &reentrantBox{}
	box.during = func() {
		box.during = nil
		during = h.mailer(&box.postbox).Deliver(t.Context(), mail, "another")
	}
	if err := outbox.NewMailer(h.store, box, h.keys, outbox.Limits{PerHour: 5}, outbox.Lifetimes{Verification: time.Hour}, h.now, h.logger()).
		Deliver(t.Context(), mail, "first"); err != nil {
		t.Fatal(err)
	}
	if during == nil || len(box.sent) != 1 {
		t.Errorf("a second mailer meanwhile: %v; sent were %+v", during, box.sent)
	}
}

// reentrantBox lets something happen while a mail is being sent.
type reentrantBox struct {
	postbox
	during func()
}

func (r *reentrantBox) SendMail(ctx context.Context, purpose outbox.Purpose, user account.User, token secret.String) error {
	if r.during != nil {
		r.during()
	}
	return r.postbox.SendMail(ctx, purpose, user, token)
}

func TestARefusedMailIsConsumed(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	box := &postbox{fails: []error{fmt.Errorf("no: %w", outbox.ErrRefused)}}
	for range 3 {
		if err := h.deliver(t, box); err != nil {
			t.Fatal(err)
		}
		h.clock = h.clock.Add(5 * time.Minute)
	}
	if len(box.sent) != 0 {
		t.Errorf("sent were %+v", box.sent)
	}
}

func TestAnOldMailIsNotSent(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	h.clock = h.clock.Add(24 * time.Hour)
	box := &postbox{}
	if err := h.deliver(t, box); err != nil || len(box.sent) != 0 {
		t.Errorf("sent were %+v, error %v", box.sent, err)
	}
}
