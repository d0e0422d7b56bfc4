package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/outbox"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// IdentityLogin signs in the persons that a provider has identified.
type IdentityLogin struct {
	store   IdentityStore
	pairs   *session.Pairs
	devices *guard.Devices
	now     clock.Clock
	random  io.Reader
}

// NewIdentityLogin returns an IdentityLogin. random must be a cryptographic source that cannot fail.
func NewIdentityLogin(store IdentityStore, pairs *session.Pairs, devices *guard.Devices, now clock.Clock, random io.Reader) *IdentityLogin {
	return &IdentityLogin{store: store, pairs: pairs, devices: devices, now: now, random: random}
}

// identityAttempts is how often a sign-in reads everything, if it keeps changing before the write.
const identityAttempts = 5

// signIn starts a token session of the account that a person's identity opens. It returns the pair and the value of the device
// cookie. device is the cookie that the browser sent.
func (s *IdentityLogin) signIn(ctx context.Context, person Profile, device secret.String) (session.Pair, secret.String, error) {
	for range identityAttempts {
		sess, err := s.open(ctx, person)
		if hasChanged(err) {
			continue
		}
		if err != nil {
			return session.Pair{}, secret.String{}, err
		}
		reqlog.User(ctx, sess.User)
		pair, err := s.pairs.Issue(sess)
		return pair, s.devices.Remember(device, account.User{ID: sess.User, Epoch: sess.Epoch}), err
	}
	return session.Pair{}, secret.String{}, errors.New("signing in by an identity: the accounts kept changing")
}

// hasChanged reports whether err means that something has changed since it was read, so that another attempt can succeed.
func hasChanged(err error) bool {
	return errors.Is(err, ErrIdentityTaken) || errors.Is(err, account.ErrEmailTaken) || errors.Is(err, account.ErrUsernameTaken) ||
		errors.Is(err, ErrUserChanged)
}

// open finds, links or creates the account of the person and stores a new session of it.
func (s *IdentityLogin) open(ctx context.Context, person Profile) (session.Session, error) {
	known, err := s.store.FindUserByIdentity(ctx, person.Identity)
	if err == nil {
		return s.openKnown(ctx, known)
	}
	if !errors.Is(err, account.ErrNotFound) {
		return session.Session{}, fmt.Errorf("finding the identity: %w", err)
	}
	email, err := identifier.ParseAddress(person.Email)
	if err != nil {
		return session.Session{}, ErrOAuthEmailRequired.Because(err)
	}
	username := s.username(person.Name)
	holder, taken, err := s.store.FindHolders(ctx, email, username)
	switch {
	case err != nil:
		return session.Session{}, fmt.Errorf("finding the holders of the names: %w", err)
	case !holder.IsZero():
		return s.link(ctx, person, holder)
	case taken:
		username = s.suffixedUsername(person.Name)
	}
	return s.create(ctx, person, email, username)
}

// openKnown starts a session of the account that the identity had when it was read. If all sessions of the account have been
// ended since, the account may have another identity now, and openKnown returns ErrUserChanged.
func (s *IdentityLogin) openKnown(ctx context.Context, known account.User) (session.Session, error) {
	user, err := recordLogin(ctx, s.store, known, func(current account.User) (Recorded, error) {
		if current.Epoch != known.Epoch {
			return Recorded{}, ErrUserChanged
		}
		return Recorded{At: s.now(), Hash: current.PasswordHash, Forgiven: current.Forgiven}, requireActive(current)
	})
	if err != nil {
		return session.Session{}, err
	}
	sess := s.pairs.Begin(user)
	return sess, session.Start(ctx, s.store, user, sess, s.now())
}

// link links the identity to the account that has its address.
func (s *IdentityLogin) link(ctx context.Context, person Profile, holder id.ID) (session.Session, error) {
	user, err := s.store.ReadUser(ctx, holder)
	if err != nil {
		return session.Session{}, fmt.Errorf("reading the account of the address: %w", err)
	}
	if err := requireActive(user); err != nil {
		return session.Session{}, err
	}
	link := s.newLink(user, person.Identity, "")
	err = s.store.LinkIdentity(ctx, link)
	if linked, is := errors.AsType[*IdentityLinkedError](err); is {
		link = s.newLink(user, person.Identity, linked.Existing)
		err = s.store.LinkIdentity(ctx, link)
	}
	if err != nil {
		return session.Session{}, fmt.Errorf("linking the identity: %w", err)
	}
	user.SessionsLeft--
	session.Sweep(ctx, s.store, user, s.now())
	return link.Session, nil
}

// newLink returns the link and decides what the account loses to the owner of its address. A link that replaces an identity
// ends all sessions. A link to an account that is not proven also removes the password.
func (s *IdentityLogin) newLink(user account.User, identity Identity, replaces string) Link {
	link := Link{User: user, Identity: identity, Replaces: replaces, RemovePassword: !user.Proven, At: s.now()}
	if link.RemovePassword && !user.PasswordHash.IsZero() {
		link.Notice = outbox.NewNotice(id.New(s.random), outbox.PasswordRemoved, user, s.now())
	}
	user.Epoch = link.Epoch()
	link.Session = s.pairs.Begin(user)
	return link
}

// create creates an account for the person. It is proven from the start, because the provider has verified the mailbox.
func (s *IdentityLogin) create(
	ctx context.Context, person Profile, email identifier.Address, username identifier.Username,
) (session.Session, error) {
	now := s.now().Truncate(time.Millisecond)
	user := account.User{
		ID:            id.New(s.random),
		Username:      username,
		Email:         email,
		FirstName:     truncate(person.FirstName, account.MaxNameLength),
		LastName:      truncate(person.LastName, account.MaxNameLength),
		SessionsLeft:  session.MaxPerUser - 1,
		Active:        true,
		EmailVerified: true,
		Proven:        true,
		OAuthProvider: person.Provider,
		Joined:        now,
		LastLogin:     now,
	}
	sess := s.pairs.Begin(user)
	if err := s.store.CreateAccountWithIdentity(ctx, user, person.Identity, sess); err != nil {
		return session.Session{}, fmt.Errorf("creating the account: %w", err)
	}
	return sess, nil
}
