package dynamo

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
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

// FindUser implements [signin.LoginStore] with two consistent reads, also for an unknown name.
func (s *Store) FindUser(ctx context.Context, login account.LoginName) (account.User, error) {
	if login.IsAddress {
		return s.FindUserByAddress(ctx, login.Canonical)
	}
	return s.findGuarded(ctx, usernameKey(login.Canonical), login.Canonical)
}

// FindUserByAddress implements [outbox.MailerStore] with the same two reads.
func (s *Store) FindUserByAddress(ctx context.Context, canonical string) (account.User, error) {
	return s.findGuarded(ctx, emailKey(canonical), canonical)
}

// findGuarded reads the account whose id a guard contains. If there is no guard, it reads a key that no account has.
func (s *Store) findGuarded(ctx context.Context, guard item, canonical string) (account.User, error) {
	found, err := s.get(ctx, s.users, guard)
	if err != nil {
		return account.User{}, classify("reading the guard", err)
	}
	user := account.AbsentUserID(canonical)
	if found != nil {
		if user, err = readGuard(found); err != nil {
			return account.User{}, err
		}
	}
	return s.ReadUser(ctx, user)
}

// ReadUser implements [session.RefreshStore] and other interfaces with one consistent read.
func (s *Store) ReadUser(ctx context.Context, user id.ID) (account.User, error) {
	return readOne(ctx, s, "reading the account", s.users, userKey(user), readUser)
}

// RecordLogin implements [signin.LoginStore] with one conditional write.
func (s *Store) RecordLogin(ctx context.Context, user account.User, hash secret.String, now time.Time) (int, error) {
	changes := []change{set(attrLastLogin, millis(now)), add(attrSessionsLeft, -1)}
	when := present(equal(attrEpoch, number(user.Epoch)), equal(attrActive, flag(true)))
	if hash != user.PasswordHash {
		changes = append(changes, set(attrPHC, text(hash.Reveal())))
		when = and(when, equal(attrPHC, text(user.PasswordHash.Reveal())))
	}
	stored, done, err := s.updateOnce(ctx, "recording the login", update{
		table: s.users, key: userKey(user.ID), when: when, changes: changes, returns: types.ReturnValueUpdatedNew,
	})
	if err != nil {
		return 0, err
	}
	if !done {
		return 0, staleUser(stored)
	}
	r := &reader{item: stored}
	return int(r.integer(attrSessionsLeft)), r.err
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
		"FindUser":          on(Users, "GetItem", prefixUsername, prefixEmail, prefixUser),
		"FindUserByAddress": on(Users, "GetItem", prefixEmail, prefixUser),
		"ReadUser":          on(Users, "GetItem", prefixUser),
		"RecordLogin":       on(Users, "UpdateItem", prefixUser),
		"SetSessionsLeft":   on(Users, "UpdateItem", prefixUser),
	}
}

// newAccountAccess is what storing an account with its guards needs.
func newAccountAccess() []Grant { return on(Users, "PutItem", prefixUsername, prefixEmail, prefixUser) }
