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
	rehearsalUsername = "rehearsal"
	rehearsalEmail    = "rehearsal@rehearsal.invalid"
	rehearsalProvider = "github"

	// rehearsalPassword satisfies every PASSWORD_MIN_LENGTH.
	rehearsalPassword = "no account has this password, because an account with it is never stored"
)

// rehearsalData holds the records of a rehearsal: an account with one session, and those that the sample of the function adds.
type rehearsalData struct {
	rehearsal *rehearsal
	user      account.User
	session   session.Session
	pair      session.Pair // of the session; empty in a function without keys
}

func newRehearsalData(r *rehearsal) (*rehearsalData, error) {
	p := r.parts
	w := &rehearsalData{rehearsal: r, user: account.User{
		ID:       id.New(p.random),
		Username: identifier.Username{Typed: rehearsalUsername, Canonical: rehearsalUsername},
		Email:    identifier.Address{Typed: rehearsalEmail, Canonical: rehearsalEmail},
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
func (w *rehearsalData) store() {
	w.rehearsal.records.AddUser(w.user)
	w.rehearsal.records.AddSession(w.session)
}

// password gives the account a password and returns it.
func (w *rehearsalData) password() string {
	w.user.PasswordHash = w.rehearsal.parts.hasher().Hash(secret.New(rehearsalPassword))
	return rehearsalPassword
}

// link sends a mail to the account and returns the token of its link.
func (w *rehearsalData) link(purpose outbox.Purpose) string {
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
func (w *rehearsalData) flow() (state, cookie string) {
	p := w.rehearsal.parts
	key := func() secret.String {
		return secret.New(base64.RawURLEncoding.EncodeToString(random.Bytes(p.random, 32)))
	}
	keys := signin.FlowKeys{State: key(), Verifier: key(), Nonce: key()}
	w.rehearsal.records.AddFlow(signin.Flow{FlowKeys: keys, Provider: rehearsalProvider, Expires: p.now().Add(p.cfg.OAuth.FlowLife)})
	return keys.State.Reveal(), p.cookieSet().Binding.Pair(key())
}
