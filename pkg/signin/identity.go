package signin

import (
	"context"
	"encoding/hex"
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
	"latchkey/pkg/random"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Whose account an identity leads to:
//
//	the identity is known           its account, whatever the address has become
//	its address is an account's     that account, linked to the identity from now on
//	otherwise                       a new account
//
// Only an address for which the provider vouches counts. The account that holds it may have been made by somebody else, in
// wait for the owner of the mailbox. Linking proves who owns it, so an account whose password's holder has not proved the
// same before is taken from them: the password goes, all sessions end, and a notice is mailed. That a link was followed
// proves nothing here, since scanners follow links.
//
// Everything that one case writes is one transaction. It demands that the identity is still unknown and that the account
// is as it was read; whatever has changed meanwhile is looked at again. So of many first sign-ins at once one makes the
// account and the others find it.
//
// An account has one identity of each provider. If the owner of its address comes with another one (the account at the
// provider was closed and opened again, or the mailbox has a new owner), that one takes the place of the former, which opens
// nothing any more, and all sessions end.

// Identity names a person as a provider does: by a subject that never changes and is never given to somebody else.
type Identity struct {
	Provider string
	Issuer   string // the provider's address: the same subject elsewhere is somebody else
	Subject  string
}

// Profile is what a provider says of a person.
type Profile struct {
	Identity
	Email     string // for which the provider vouches; empty for none
	Name      string // of which a username is made
	FirstName string // may be empty, like the last name
	LastName  string
}

// Link gives an account another way in.
type Link struct {
	User           account.User    // as it was read
	Identity       Identity        // the new way in
	Replaces       string          // names the identity of that provider that it takes the place of; empty for none
	RemovePassword bool            // the password goes, and all sessions end
	Session        session.Session // the first of it, in the epoch that the account then has
	Notice         outbox.Mail     // of what was taken away; the zero value for none
	At             time.Time       // when the person signed in
}

// IdentityLinkedError says that the account has another identity of the provider, and names it for [Link.Replaced].
type IdentityLinkedError struct{ Existing string }

func (*IdentityLinkedError) Error() string {
	return "the account has another identity of that provider"
}

// What writing an identity can meet.
var (
	// ErrIdentityTaken says that the identity leads to an account by now.
	ErrIdentityTaken = errors.New("the identity is known")
	// ErrUserChanged says that the account has changed since it was read.
	ErrUserChanged = errors.New("the account has changed since it was read")
)

// IdentityStore is what signing in by an identity needs of the store.
type IdentityStore interface {
	// FindUserByIdentity returns the account that an identity leads to, or ErrNotFound. The account, read consistently, has
	// the identity: one that has been replaced leads nowhere, however shortly before.
	FindUserByIdentity(ctx context.Context, identity Identity) (account.User, error)
	// FindHolders returns the user that has the address, zero for none, and whether the username is taken, read
	// consistently in one call.
	FindHolders(ctx context.Context, email identifier.Address, username identifier.Username) (holder id.ID, taken bool, err error)
	// ReadUser returns an account, read consistently, or ErrNotFound.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
	// CreateAccountWithIdentity stores the user, both guards, the identity and the first session, all or nothing. Otherwise it
	// returns the first of ErrIdentityTaken, ErrEmailTaken, ErrUsernameTaken.
	CreateAccountWithIdentity(ctx context.Context, user account.User, identity Identity, session session.Session) error
	// LinkIdentity makes the link, all or nothing, if the user is active and has the revision that was read. Otherwise it
	// returns ErrIdentityTaken, ErrUserChanged or an *IdentityLinkedError.
	LinkIdentity(ctx context.Context, link Link) error
	LoginStore
}

// IdentityLogin signs people in whom a provider has identified.
type IdentityLogin struct {
	store   IdentityStore
	pairs   *session.Pairs
	devices *guard.Devices
	now     clock.Clock
	random  io.Reader
}

// NewIdentityLogin returns an IdentityLogin.
func NewIdentityLogin(store IdentityStore, pairs *session.Pairs, devices *guard.Devices, now clock.Clock, random io.Reader) *IdentityLogin {
	return &IdentityLogin{store: store, pairs: pairs, devices: devices, now: now, random: random}
}

// What was read is read again when it changed under the hands of a sign-in; this often at most.
const identityAttempts = 5

// signIn begins a token session of the account that a person's identity leads to. It returns the pair and the value of the
// device cookie; device is the one that the browser sent.
func (s *IdentityLogin) signIn(ctx context.Context, person Profile, device secret.String) (session.Pair, secret.String, error) {
	for range identityAttempts {
		sess, err := s.open(ctx, person)
		if changedMeanwhile(err) {
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

// changedMeanwhile says that what was read has changed, so that reading it again leads on.
func changedMeanwhile(err error) bool {
	return errors.Is(err, ErrIdentityTaken) || errors.Is(err, account.ErrEmailTaken) || errors.Is(err, account.ErrUsernameTaken) ||
		errors.Is(err, ErrUserChanged)
}

// open stores a new session of the account that the identity leads to.
func (s *IdentityLogin) open(ctx context.Context, person Profile) (session.Session, error) {
	known, err := s.store.FindUserByIdentity(ctx, person.Identity)
	if err == nil {
		return s.openKnown(ctx, known)
	}
	if !errors.Is(err, account.ErrNotFound) {
		return session.Session{}, fmt.Errorf("looking for the identity: %w", err)
	}
	email, err := identifier.ParseAddress(person.Email)
	if err != nil {
		return session.Session{}, ErrOAuthEmailRequired.Because(err)
	}
	username := s.username(person.Name)
	holder, taken, err := s.store.FindHolders(ctx, email, username)
	switch {
	case err != nil:
		return session.Session{}, fmt.Errorf("looking for the names: %w", err)
	case !holder.IsZero():
		return s.link(ctx, person, holder)
	case taken:
		username = s.suffixed(person.Name)
	}
	return s.create(ctx, person, email, username)
}

// openKnown opens the account that an identity led to when it was read. An account whose sessions were ended since then may
// have been given to another identity: ErrUserChanged.
func (s *IdentityLogin) openKnown(ctx context.Context, known account.User) (session.Session, error) {
	user, err := recordLogin(ctx, s.store, known, s.now, func(current account.User) (secret.String, error) {
		if current.Epoch != known.Epoch {
			return secret.String{}, ErrUserChanged
		}
		return current.PasswordHash, requireActive(current)
	})
	if err != nil {
		return session.Session{}, err
	}
	sess := s.pairs.Begin(user)
	return sess, session.Start(ctx, s.store, user, sess, s.now())
}

func requireActive(user account.User) error {
	if !user.Active {
		return account.ErrAccountInactive
	}
	return nil
}

// link gives the holder of the address the identity as another way in.
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

// newLink decides what the account loses to the owner of its address. A link that replaces another one ends all sessions;
// one to an account whose holder never proved the mailbox ends the password, too.
func (s *IdentityLogin) newLink(user account.User, identity Identity, replaced string) Link {
	link := Link{User: user, Identity: identity, Replaces: replaced, RemovePassword: !user.Proven, At: s.now()}
	if link.RemovePassword && !user.PasswordHash.IsZero() {
		link.Notice = outbox.NewNotice(id.New(s.random), outbox.PasswordRemoved, user, s.now())
	}
	user.Epoch = link.Epoch()
	link.Session = s.pairs.Begin(user)
	return link
}

// Epoch is the epoch that the account has after the link.
func (l Link) Epoch() uint64 {
	if l.RemovePassword || l.Replaces != "" {
		return l.User.Epoch + 1
	}
	return l.User.Epoch
}

// create makes an account for a person who has none. Its owner has proved the mailbox, to the provider.
func (s *IdentityLogin) create(
	ctx context.Context, person Profile, email identifier.Address, username identifier.Username,
) (session.Session, error) {
	now := s.now().Truncate(time.Millisecond)
	user := account.User{
		ID:            id.New(s.random),
		Username:      username,
		Email:         email,
		FirstName:     cut(person.FirstName, account.MaxNameLength),
		LastName:      cut(person.LastName, account.MaxNameLength),
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

// username makes a username of a name that a provider knows.
func (s *IdentityLogin) username(name string) identifier.Username {
	username, err := identifier.ParseUsername(identifier.UsernameStem(name))
	if err != nil {
		return s.suffixed(name)
	}
	return username
}

// suffixSize is the random part of a username that would be taken or too short without it, in bytes.
const suffixSize = 4

// suffixed makes a username that nobody has.
func (s *IdentityLogin) suffixed(name string) identifier.Username {
	raw := random.Bytes(s.random, suffixSize)
	username, err := identifier.ParseUsername(identifier.UsernameStem(name) + "_" + hex.EncodeToString(raw))
	if err != nil {
		panic("auth: a stem took no suffix: " + err.Error())
	}
	return username
}

// cut keeps the first code points of a text.
func cut(text string, most int) string {
	runes := []rune(text)
	return string(runes[:min(most, len(runes))])
}
