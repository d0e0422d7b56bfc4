package ruletests

import (
	"context"

	"latchkey/pkg/account"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// The stores in this file are the real store. Each calls its hook once, between two calls of the rules.

// beforeRecordLogin calls the hook after an account was read and before a login is recorded.
type beforeRecordLogin struct {
	signin.LoginStore
	hook func()
}

func (c *beforeRecordLogin) RecordLogin(ctx context.Context, user account.User, login signin.Recorded) (int, error) {
	callOnce(&c.hook)
	return c.LoginStore.RecordLogin(ctx, user, login)
}

// beforePutSession calls the hook after a login was recorded and before its session is stored.
type beforePutSession struct {
	signin.LoginStore
	hook func()
}

func (p *beforePutSession) PutSession(ctx context.Context, session session.Session) error {
	callOnce(&p.hook)
	return p.LoginStore.PutSession(ctx, session)
}

// beforeRenewSession calls the hook after a session was read and before it is renewed.
type beforeRenewSession struct {
	session.Store
	hook func()
}

func (i *beforeRenewSession) RenewSession(ctx context.Context, renewal session.Renewal) error {
	callOnce(&i.hook)
	return i.Store.RenewSession(ctx, renewal)
}

// callOnce calls the hook and removes it.
func callOnce(hook *func()) {
	if *hook != nil {
		call := *hook
		*hook = nil
		call()
	}
}
