package ruletests

import (
	"context"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// The stores here are the real one, with something that happens between two of its calls.

// changingStore lets it happen between the reading of an account and the recording of a login.
type changingStore struct {
	signin.LoginStore
	meanwhile func()
}

func (c *changingStore) RecordLogin(ctx context.Context, user account.User, hash secret.String, now time.Time) (int, error) {
	once(&c.meanwhile)
	return c.LoginStore.RecordLogin(ctx, user, hash, now)
}

// putStore lets it happen between the recording of a login and the storing of its session.
type putStore struct {
	signin.LoginStore
	meanwhile func()
}

func (p *putStore) PutSession(ctx context.Context, session session.Session) error {
	once(&p.meanwhile)
	return p.LoginStore.PutSession(ctx, session)
}

// interruptedStore lets it happen between the reading of a session and its renewal.
type interruptedStore struct {
	session.Store
	meanwhile func()
}

func (i *interruptedStore) RenewSession(ctx context.Context, renewal session.Renewal) error {
	once(&i.meanwhile)
	return i.Store.RenewSession(ctx, renewal)
}

func once(do *func()) {
	if *do != nil {
		act := *do
		*do = nil
		act()
	}
}
