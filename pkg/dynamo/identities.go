package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// FindUserByIdentity implements [IdentityStore] with two reads. The second shows that the account still had the identity
// when it was read, since the item names it.
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
	if named := (&reader{item: found}).text(attrIdentityOf + identity.Provider); named != keyOf(guard)[0] {
		return account.User{}, account.ErrNotFound
	}
	return readUser(found)
}

// FindHolders implements [IdentityStore] with one consistent read of both guards.
func (s *Store) FindHolders(
	ctx context.Context, email identifier.Address, username identifier.Username,
) (id.ID, bool, error) {
	address, name, err := s.guards(ctx, email, username)
	if err != nil || address == nil {
		return id.ID{}, name != nil, err
	}
	holder, err := readGuard(address)
	return holder, name != nil, err
}

// CreateAccountWithIdentity implements [IdentityStore] with one transaction.
func (s *Store) CreateAccountWithIdentity(ctx context.Context, user account.User, identity signin.Identity, session session.Session) error {
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

// LinkIdentity implements [IdentityStore] with one transaction, and with a read when the account has another identity
// of the provider: a canceled transaction tells which condition failed.
func (s *Store) LinkIdentity(ctx context.Context, link signin.Link) error {
	items := []types.TransactWriteItem{
		putNew(s.users, guardItem(identityKey(link.Identity), link.User.ID)),
		s.linkUpdate(link),
		s.linkPut(link),
		putNew(s.sessions, sessionItem(link.Session)),
	}
	if link.Replaces != "" {
		items = append(items, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.users, Key: key(link.Replaces, sortNone)}})
	}
	if !link.Notice.ID.IsZero() {
		items = append(items, putNew(s.sessions, mailItem(link.Notice)))
	}
	err := s.transact(ctx, "linking the identity", items, signin.ErrIdentityTaken, signin.ErrUserChanged, errLinked)
	if err != errLinked { //nolint:errorlint // transact returns the very value it was given
		return err
	}
	existing, err := readOne(ctx, s, "reading the identity of the account", s.users,
		userIdentityKey(link.User.ID, link.Identity.Provider), readUserIdentity)
	if err != nil {
		return err
	}
	return &signin.IdentityLinkedError{Existing: existing}
}

// linkUpdate changes the account if it is as it was read.
func (s *Store) linkUpdate(link signin.Link) types.TransactWriteItem {
	change := "SET email_verified = :true, proven = :true, epoch = :epoch, rev = rev + :one, last_login = :now, " +
		"oauth_provider = if_not_exists(oauth_provider, :provider), room = room - :one, #identity = :identity REMOVE pending"
	if link.RemovePassword {
		change += ", phc"
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName:                &s.users,
		Key:                      userKey(link.User.ID),
		UpdateExpression:         aws.String(change),
		ConditionExpression:      aws.String("attribute_exists(pk) AND rev = :rev AND epoch = :was AND active = :true"),
		ExpressionAttributeNames: map[string]string{"#identity": attrIdentityOf + link.Identity.Provider},
		ExpressionAttributeValues: item{
			":identity": identityKey(link.Identity)[attrPK],
			":true":     flag(true), ":one": number(1), ":now": millis(link.At), ":rev": number(link.User.Revision),
			":was": number(link.User.Epoch), ":epoch": number(link.Epoch()), ":provider": text(link.Identity.Provider),
		},
	}}
}

// linkPut writes the identity as the account has it: its first of that provider, or in place of the one that was read.
func (s *Store) linkPut(link signin.Link) types.TransactWriteItem {
	put := putNew(s.users, userIdentityItem(link.User.ID, link.Identity))
	if link.Replaces != "" {
		put.Put.ConditionExpression = aws.String("#identity = :replaced")
		put.Put.ExpressionAttributeNames = reserved(attrIdentity)
		put.Put.ExpressionAttributeValues = item{":replaced": text(link.Replaces)}
	}
	return put
}
