package ruletests

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

// TestGuessingAgainstTheModel runs random sequences of attempts over the real store, and compares each response and each notice with
// a small model of the state machine in pkg/guard/guard.go.
func TestGuessingAgainstTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t)
		m := &guessing{ctx: t.Context(), f: f, t: t, name: "guessed", password: goodPassword}
		f.register(t, m.name, m.name+"@example.com")
		rt.Repeat(map[string]func(*rapid.T){
			"a stranger guesses":             func(rt *rapid.T) { m.attempt(rt, false, false) },
			"the device guesses":             func(rt *rapid.T) { m.attempt(rt, true, false) },
			"the owner signs in":             func(rt *rapid.T) { m.attempt(rt, false, true) },
			"the owner's device does":        func(rt *rapid.T) { m.attempt(rt, true, true) },
			"the response of a slot is lost": m.loseSlot,
			"the owner resets":               m.reset,
			"let time pass":                  m.letTimePass,
			"": func(rt *rapid.T) {
				if got := f.guessingNotices(t); got != m.notices {
					rt.Fatalf("got %d notices, want %d", got, m.notices)
				}
			},
		})
	})
}

// guessing holds the model and the fixture of one sequence.
type guessing struct {
	ctx      context.Context
	f        *fixture
	t        *testing.T
	name     string
	password string
	device   secret.String // empty before the first sign-in on it

	strangers, own modelCounter
	notices        int
}

// modelCounter is a counter in the model.
type modelCounter struct {
	attempts int // since a correct password
	slots    int
	opens    time.Time
	reported bool
}

// admit counts an attempt and reports whether it is hashed.
func (c *modelCounter) admit(now time.Time) bool {
	c.attempts++
	switch {
	case c.attempts <= 5:
		return true
	case c.slots == 95 || now.Before(c.opens):
		return false
	}
	c.slots++
	c.opens = now.Add(min(15*time.Second<<min(c.slots, 6), 15*time.Minute)).Truncate(time.Millisecond)
	return true
}

// fail records a wrong password and reports whether it causes a notice.
func (c *modelCounter) fail(now time.Time) bool {
	if c.attempts < 5 || c.reported {
		return false
	}
	c.reported = true
	if c.slots == 0 {
		c.opens = now.Add(15 * time.Second).Truncate(time.Millisecond)
	}
	return true
}

// attempt makes an attempt and compares the response with the model. An attempt on the device that its own counter refuses counts
// like one of a stranger.
func (m *guessing) attempt(rt *rapid.T, onDevice, right bool) {
	onDevice = onDevice && !m.device.IsZero()
	req := attempt(m.name, m.password)
	if !right {
		req.Password = secret.New("a wrong password")
	}
	counter, admitted := &m.strangers, false
	if onDevice {
		req.Device = m.device
		counter = &m.own
		if admitted = counter.admit(m.f.clock); !admitted {
			counter = &m.strangers
		}
	}
	if !admitted {
		admitted = counter.admit(m.f.clock)
	}
	signedIn, err := m.f.login().Login(m.ctx, req)
	switch {
	case !admitted:
		if refused := fault.From(err); refused == nil || refused.Kind != fault.Limited {
			rt.Fatalf("an attempt that must wait: got the error %v, want a limit; strangers %+v, device %+v", err, m.strangers, m.own)
		}
	case right:
		if err != nil {
			rt.Fatalf("an admitted attempt: got the error %v, want none; strangers %+v, device %+v", err, m.strangers, m.own)
		}
		*counter = modelCounter{}
		if onDevice || m.device.IsZero() {
			m.device, m.own = signedIn.Device, modelCounter{}
		}
	default:
		if !errors.Is(err, account.ErrInvalidCredentials) {
			rt.Fatalf("an admitted guess: got the error %v, want %v; strangers %+v, device %+v", err, account.ErrInvalidCredentials, m.strangers, m.own)
		}
		if counter.fail(m.f.clock) {
			m.notices++
		}
	}
}

// loseSlot lets the next write of a slot succeed without its response. The repeated write finds that it took the slot.
func (m *guessing) loseSlot(rt *rapid.T) {
	if m.strangers.attempts < 5 || m.f.clock.Before(m.strangers.opens) || m.strangers.slots == 95 {
		rt.Skip("no slot to take")
	}
	m.f.tap.Inject(wiretap.OfLimits+"UpdateItem", 1, 1, wiretap.LoseAnswer)
	m.attempt(rt, false, rapid.Bool().Draw(rt, "right"))
	m.f.tap.Reset()
}

// reset sets another password by a mailed link, which begins an epoch.
func (m *guessing) reset(rt *rapid.T) {
	m.f.clock = m.f.clock.Add(15 * time.Minute) // five mails an hour
	m.password = fmt.Sprintf("Another password %d", rapid.IntRange(1, 1<<30).Draw(rt, "password"))
	if err := m.f.reset(m.ctx, m.f.mailedToken(m.t, outbox.Reset, m.name+"@example.com"), m.password); err != nil {
		rt.Fatal(err)
	}
	m.strangers, m.own, m.device = modelCounter{}, modelCounter{}, secret.String{}
}

func (m *guessing) letTimePass(rt *rapid.T) {
	m.f.clock = m.f.clock.Add(time.Duration(rapid.IntRange(1, 1200).Draw(rt, "seconds")) * time.Second)
}
