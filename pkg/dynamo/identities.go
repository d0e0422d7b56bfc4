package dynamo

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// FindUserByIdentity implements [signin.IdentityStore] with two consistent reads. The identity may be replaced between them, so
// the account counts only if it still names the guard of the identity.
func (s *Store) FindUserByIdentity(ctx context.Context, identity signin.Identity) (account.User, error) {
	guard := identityKey(identity)
	user, err := readOne(ctx, s, "reading the identity", s.users, guard, readGuard)
	if err != nil {
		return account.User{}, err
	}
	found, err := s.get(ctx, s.users, userKey(user))
	if err != nil {
		return account.User{}, classify("reading the account of the identity", err)
	}
	if current := (&reader{item: found}).text(attrIdentityOf + identity.Provider); current != keyOf(guard)[0] {
		return account.User{}, account.ErrNotFound
	}
	return readUser(found)
}

// FindHolders implements [signin.IdentityStore] with one consistent read of both guards.
func (s *Store) FindHolders(
	ctx context.Context, email identifier.Address, username identifier.Username,
) (id.ID, bool, error) {
	emailGuard, usernameGuard, err := s.readGuards(ctx, email, username)
	if err != nil || emailGuard == nil {
		return id.ID{}, usernameGuard != nil, err
	}
	holder, err := readGuard(emailGuard)
	return holder, usernameGuard != nil, err
}

// CreateAccountWithIdentity implements [signin.IdentityStore] with one transaction.
func (s *Store) CreateAccountWithIdentity(
	ctx context.Context, user account.User, identity signin.Identity, session session.Session,
) error {
	stored := userItem(user)
	stored[attrIdentityOf+identity.Provider] = identityKey(identity)[attrPK]
	return s.transact(ctx, "writing the account", []types.TransactWriteItem{
		putNew(s.users, guardItem(identityKey(identity), user.ID)),
		putNew(s.users, guardItem(emailKey(user.Email.Canonical), user.ID)),
		putNew(s.users, guardItem(usernameKey(user.Username.Canonical), user.ID)),
		putNew(s.users, stored),
		putNew(s.users, userIdentityItem(user.ID, identity)),
		putNew(s.sessions, sessionItem(session)),
	}, signin.ErrIdentityTaken, account.ErrEmailTaken, account.ErrUsernameTaken)
}

// errLinked is the refusal of a link to an account that has another identity of the provider.
var errLinked = errors.New("the account has another identity of the provider")

// LinkIdentity implements [signin.IdentityStore] with one transaction. A canceled transaction reports which condition was
// refused but not the item, so the identity that is in the way takes a read.
func (s *Store) LinkIdentity(ctx context.Context, link signin.Link) error {
	writes := []types.TransactWriteItem{
		putNew(s.users, guardItem(identityKey(link.Identity), link.User.ID)),
		updateItem(s.linkUpdate(link)),
		s.putUserIdentity(link),
		putNew(s.sessions, sessionItem(link.Session)),
	}
	if link.Replaces != "" {
		writes = append(writes, deleteItem(s.users, key(link.Replaces, sortNone)))
	}
	if !link.Notice.ID.IsZero() {
		writes = append(writes, putNew(s.sessions, mailItem(link.Notice)))
	}
	err := s.transact(ctx, "linking the identity", writes, signin.ErrIdentityTaken, signin.ErrUserChanged, errLinked)
	if !errors.Is(err, errLinked) {
		return err
	}
	existing, err := readOne(ctx, s, "reading the identity of the account", s.users,
		userIdentityKey(link.User.ID, link.Identity.Provider), readUserIdentity)
	if err != nil {
		return err
	}
	return &signin.IdentityLinkedError{Existing: existing}
}

// linkUpdate is the change of the account, on the condition that it is still as it was read.
func (s *Store) linkUpdate(link signin.Link) update {
	changes := []change{
		set(attrEmailVerified, flag(true)),
		set(attrProven, flag(true)),
		set(attrEpoch, number(link.Epoch())),
		increase(attrRevision, 1),
		set(attrLastLogin, millis(link.At)),
		setDefault(attrOAuthProvider, text(link.Identity.Provider)),
		increase(attrSessionsLeft, -1),
		set(attrIdentityOf+link.Identity.Provider, identityKey(link.Identity)[attrPK]),
		remove(attrPending),
	}
	if link.RemovePassword {
		changes = append(changes, remove(attrPHC))
	}
	if link.Epoch() != link.User.Epoch {
		changes = append(changes, remove(attrForgiven))
	}
	return update{
		table: s.users,
		key:   userKey(link.User.ID),
		when: present(
			equal(attrRevision, number(link.User.Revision)),
			equal(attrEpoch, number(link.User.Epoch)),
			equal(attrActive, flag(true)),
		),
		changes: changes,
	}
}

// putUserIdentity stores the identity below the account. The account must have no identity of the provider, or the one that
// the link replaces.
func (s *Store) putUserIdentity(link signin.Link) types.TransactWriteItem {
	stored := userIdentityItem(link.User.ID, link.Identity)
	if link.Replaces == "" {
		return putNew(s.users, stored)
	}
	return putIf(s.users, stored, equal(attrIdentity, text(link.Replaces)))
}

// identityAccess declares the access of the methods for identities at a provider.
func identityAccess() map[string][]Grant {
	return map[string][]Grant{
		"FindUserByIdentity": on(Users, "GetItem", prefixIdentity, prefixUser),
		"FindHolders":        on(Users, "BatchGetItem", prefixUsername, prefixEmail),
		"CreateAccountWithIdentity": slices.Concat(
			newAccountAccess(), on(Users, "PutItem", prefixIdentity), on(Sessions, "PutItem", prefixSession),
		),
		"LinkIdentity": slices.Concat(
			on(Users, "PutItem", prefixIdentity, prefixUser), on(Users, "DeleteItem", prefixIdentity),
			on(Users, "UpdateItem", prefixUser), on(Users, "GetItem", prefixUser), on(Sessions, "PutItem", prefixSession, prefixMail),
		),
	}
}
