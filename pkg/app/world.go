package app

import (
	"encoding/base64"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/outbox"
	"latchkey/pkg/random"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// The account of a rehearsal. The address has a reserved name (RFC 6761 §6.4).
const (
	worldUsername = "rehearsal"
	worldEmail    = "rehearsal@rehearsal.invalid"
	worldProvider = "github"

	// worldPassword satisfies every PASSWORD_MIN_LENGTH.
	worldPassword = "no account has this password, because an account with it is never stored"
)

// world is what exists in a rehearsal: an account with one session, and what the sample of the function adds.
type world struct {
	rehearsal *rehearsal
	user      account.User
	session   session.Session
	pair      session.Pair // of the session; empty in a function without keys
}

func newWorld(r *rehearsal) (*world, error) {
	p := r.parts
	w := &world{rehearsal: r, user: account.User{
		ID:       id.New(p.random),
		Username: identifier.Username{Typed: worldUsername, Canonical: worldUsername},
		Email:    identifier.Address{Typed: worldEmail, Canonical: worldEmail},
		Active:   true, SessionsLeft: session.MaxPerUser, Joined: p.now(), LastLogin: p.now(),
	}}
	if p.keys == nil {
		return w, nil
	}
	pairs := p.pairs()
	w.session = pairs.Begin(w.user)
	var err error
	w.pair, err = pairs.Issue(w.session)
	return w, err
}

// store adds the account and its session to the records.
func (w *world) store() {
	w.rehearsal.records.AddUser(w.user)
	w.rehearsal.records.AddSession(w.session)
}

// password gives the account a password and returns it.
func (w *world) password() string {
	w.user.PasswordHash = w.rehearsal.parts.hasher().Hash(secret.New(worldPassword))
	return worldPassword
}

// link sends a mail to the account and returns the token of its link.
func (w *world) link(purpose outbox.Purpose) string {
	p := w.rehearsal.parts
	mail := outbox.NewMail(id.New(p.random), purpose, w.user.Email.Canonical, p.now())
	mail.State, mail.User, mail.Epoch = outbox.Sent, w.user.ID, w.user.Epoch
	mail.KeyID, mail.LinkEnd = p.useKeys().DerivingKey(), mail.Expires
	w.rehearsal.records.AddMail(mail)
	sealed, err := p.useKeys().SealMail(mail.KeyID, purpose, mail.ID)
	w.rehearsal.parts.note(err)
	return sealed.Reveal()
}

// flow begins a sign-in at the provider. It returns the state, and the cookie that binds the flow to the browser.
func (w *world) flow() (state, cookie string) {
	p := w.rehearsal.parts
	key := func() secret.String {
		return secret.New(base64.RawURLEncoding.EncodeToString(random.Bytes(p.random, 32)))
	}
	keys := signin.FlowKeys{State: key(), Verifier: key(), Nonce: key()}
	w.rehearsal.records.AddFlow(signin.Flow{FlowKeys: keys, Provider: worldProvider, Expires: p.now().Add(p.cfg.OAuth.FlowLife)})
	return keys.State.Reveal(), p.cookieSet().Binding.Pair(key())
}
