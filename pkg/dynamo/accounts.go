package dynamo

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/limit"
	"latchkey/pkg/outbox"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// EnsureFree implements [signup.Store] with one consistent read of both guards.
func (s *Store) EnsureFree(ctx context.Context, username identifier.Username, email identifier.Address) error {
	emailGuard, usernameGuard, err := s.readGuards(ctx, email, username)
	switch {
	case err != nil:
		return err
	case usernameGuard != nil:
		return account.ErrUsernameTaken
	case emailGuard != nil:
		return account.ErrEmailTaken
	}
	return nil
}

// readGuards reads the guards of an address and of a username in one call. An absent guard is nil.
func (s *Store) readGuards(
	ctx context.Context, email identifier.Address, username identifier.Username,
) (emailGuard, usernameGuard item, err error) {
	emailGuardKey, usernameGuardKey := emailKey(email.Canonical), usernameKey(username.Canonical)
	found, err := s.batchGet(ctx, map[string][]item{s.users: {emailGuardKey, usernameGuardKey}})
	if err != nil {
		return nil, nil, classify("reading the guards", err)
	}
	return find(found[s.users], emailGuardKey), find(found[s.users], usernameGuardKey), nil
}

// CreateAccount implements [signup.Store] with one transaction.
func (s *Store) CreateAccount(ctx context.Context, user account.User, session session.Session, mail outbox.Mail) error {
	return s.transact(ctx, "writing the account", []types.TransactWriteItem{
		putNew(s.users, guardItem(usernameKey(user.Username.Canonical), user.ID)),
		putNew(s.users, guardItem(emailKey(user.Email.Canonical), user.ID)),
		putNew(s.users, userItem(user)),
		putNew(s.sessions, sessionItem(session)),
		putNew(s.sessions, mailItem(mail)),
	}, account.ErrUsernameTaken, account.ErrEmailTaken)
}

// CreatePending implements [signup.NeutralStore] with one transaction.
func (s *Store) CreatePending(ctx context.Context, user account.User, mail outbox.Mail) error {
	return s.transact(ctx, "writing the pending account", []types.TransactWriteItem{
		putNew(s.users, guardItem(usernameKey(user.Username.Canonical), user.ID)),
		putNew(s.users, guardItem(emailKey(user.Email.Canonical), user.ID)),
		putNew(s.users, userItem(user)),
		putNew(s.sessions, mailItem(mail)),
	}, account.ErrUsernameTaken, account.ErrEmailTaken)
}

// QueueAddressTaken implements [signup.NeutralStore] with one transaction. It has the same keys as the transaction of
// CreatePending, so that both take the same time, but only checks the items that it must not write.
func (s *Store) QueueAddressTaken(ctx context.Context, user account.User, mail outbox.Mail) error {
	return s.transact(ctx, "queuing the mail of a taken address", []types.TransactWriteItem{
		checkItem(s.users, usernameKey(user.Username.Canonical), missing()),
		checkItem(s.users, emailKey(user.Email.Canonical), present()),
		checkItem(s.users, userKey(user.ID), missing()),
		putNew(s.sessions, mailItem(mail)),
	}, account.ErrUsernameTaken, account.ErrNotFound)
}

// FindAccount implements [guard.Store].
func (s *Store) FindAccount(ctx context.Context, login account.LoginName, window limit.Window) (id.ID, int, error) {
	guard, count := usernameKey(login.Canonical), windowKey(window)
	if login.IsAddress {
		guard = emailKey(login.Canonical)
	}
	found, err := s.batchGet(ctx, map[string][]item{s.users: {guard}, s.sessions: {count}})
	if err != nil {
		return id.ID{}, 0, classify("reading the guard and the failures", err)
	}
	taken, err := readWindow(find(found[s.sessions], count))
	if err != nil {
		return id.ID{}, 0, err
	}
	user, err := holder(find(found[s.users], guard), login.Canonical)
	return user, taken, err
}

// FindUserByAddress implements [outbox.MailerStore] with two reads. If no account has the address, it reads a key that no account has.
func (s *Store) FindUserByAddress(ctx context.Context, canonical string) (account.User, error) {
	found, err := s.get(ctx, s.users, emailKey(canonical))
	if err != nil {
		return account.User{}, classify("reading the guard", err)
	}
	user, err := holder(found, canonical)
	if err != nil {
		return account.User{}, err
	}
	return s.ReadUser(ctx, user)
}

// holder returns the user that a guard names, or the id in the place of a user if there is no guard.
func holder(guard item, canonical string) (id.ID, error) {
	if guard == nil {
		return account.AbsentUserID(canonical), nil
	}
	return readGuard(guard)
}

// ReadUser implements [session.RefreshStore] and other interfaces with one consistent read.
func (s *Store) ReadUser(ctx context.Context, user id.ID) (account.User, error) {
	return readOne(ctx, s, "reading the account", s.users, userKey(user), readUser)
}

// RecordLogin implements [signin.LoginStore] with one conditional write. If another login has changed the attempts forgiven since user
// was read, it makes another one that does not reduce their number.
func (s *Store) RecordLogin(ctx context.Context, user account.User, login signin.Recorded) (int, error) {
	changes := []change{set(attrLastLogin, millis(login.At)), add(attrSessionsLeft, -1)}
	when := present(equal(attrEpoch, number(user.Epoch)), equal(attrActive, flag(true)))
	if login.Forgiven != user.Forgiven {
		changes = append(changes, set(attrForgiven, number(login.Forgiven)))
		when = and(when, numberIs(attrForgiven, user.Forgiven))
	}
	if login.Hash != user.PasswordHash {
		changes = append(changes, set(attrPHC, text(login.Hash.Reveal())))
		when = and(when, equal(attrPHC, text(user.PasswordHash.Reveal())))
	}
	stored, done, err := s.updateOnce(ctx, "recording the login", update{
		table: s.users, key: userKey(user.ID), when: when, changes: changes, returns: types.ReturnValueUpdatedNew,
	})
	if err != nil {
		return 0, err
	}
	if !done {
		return s.recordAgain(ctx, user, login, staleUser(stored))
	}
	r := &reader{item: stored}
	return int(r.integer(attrSessionsLeft)), r.err
}

// recordAgain records a login that was refused because another login has changed the attempts forgiven. It returns any other refusal.
func (s *Store) recordAgain(ctx context.Context, user account.User, login signin.Recorded, refused error) (int, error) {
	stale, is := errors.AsType[*account.StaleUserError](refused)
	if !is || stale.Current.Forgiven == user.Forgiven || stale.Current.Epoch != user.Epoch || !stale.Current.Active ||
		stale.Current.PasswordHash != user.PasswordHash {
		return 0, refused
	}
	user.Forgiven = stale.Current.Forgiven
	login.Forgiven = max(login.Forgiven, user.Forgiven)
	return s.RecordLogin(ctx, user, login)
}

// staleUser returns the error of a write that was refused because the account is not as expected. stored is nil if the
// account does not exist.
func staleUser(stored item) error {
	if stored == nil {
		return &account.StaleUserError{}
	}
	current, err := readUser(stored)
	if err != nil {
		return err
	}
	return &account.StaleUserError{Current: current}
}

// SetSessionsLeft implements [session.SweepStore] with one conditional write. A repeated call after a lost response is refused
// and does nothing.
func (s *Store) SetSessionsLeft(ctx context.Context, user id.ID, seen, left int) error {
	_, _, err := s.update(ctx, "setting the sessions left", update{
		table:   s.users,
		key:     userKey(user),
		when:    present(equal(attrSessionsLeft, number(seen))),
		changes: []change{set(attrSessionsLeft, number(left))},
	})
	return err
}

// accountAccess declares the access of the methods for accounts and their names.
func accountAccess() map[string][]Grant {
	return map[string][]Grant{
		"EnsureFree":    on(Users, "BatchGetItem", prefixUsername, prefixEmail),
		"CreateAccount": slices.Concat(newAccountAccess(), on(Sessions, "PutItem", prefixSession, prefixMail)),
		"CreatePending": slices.Concat(newAccountAccess(), on(Sessions, "PutItem", prefixMail)),
		"QueueAddressTaken": slices.Concat(
			on(Users, "ConditionCheckItem", prefixUsername, prefixEmail, prefixUser), on(Sessions, "PutItem", prefixMail),
		),
		"FindAccount": slices.Concat(
			on(Users, "BatchGetItem", prefixUsername, prefixEmail), on(Sessions, "BatchGetItem", prefixWindow),
		),
		"FindUserByAddress": on(Users, "GetItem", prefixEmail, prefixUser),
		"ReadUser":          on(Users, "GetItem", prefixUser),
		"RecordLogin":       on(Users, "UpdateItem", prefixUser),
		"SetSessionsLeft":   on(Users, "UpdateItem", prefixUser),
	}
}

// newAccountAccess is what storing an account with its guards needs.
func newAccountAccess() []Grant { return on(Users, "PutItem", prefixUsername, prefixEmail, prefixUser) }
