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
type beforeRecordLogin struct {
	signin.LoginStore
	hook func()
}

func (c *beforeRecordLogin) RecordLogin(ctx context.Context, user account.User, hash secret.String, now time.Time) (int, error) {
	callOnce(&c.hook)
	return c.LoginStore.RecordLogin(ctx, user, hash, now)
}

// putStore lets it happen between the recording of a login and the storing of its session.
type beforePutSession struct {
	signin.LoginStore
	hook func()
}

func (p *beforePutSession) PutSession(ctx context.Context, session session.Session) error {
	callOnce(&p.hook)
	return p.LoginStore.PutSession(ctx, session)
}

// interruptedStore lets it happen between the reading of a session and its renewal.
type beforeRenewSession struct {
	session.Store
	hook func()
}

func (i *beforeRenewSession) RenewSession(ctx context.Context, renewal session.Renewal) error {
	callOnce(&i.hook)
	return i.Store.RenewSession(ctx, renewal)
}

func callOnce(do *func()) {
	if *do != nil {
		act := *do
		*do = nil
		act()
	}
}
