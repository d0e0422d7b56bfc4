package dynamo

import (
	"context"

	"latchkey/pkg/account"
	"latchkey/pkg/outbox"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// CreatePending implements [NeutralStore] with one transaction.
func (s *Store) CreatePending(ctx context.Context, user account.User, mail outbox.Mail) error {
	return s.transact(ctx, "writing the pending account", []types.TransactWriteItem{
		putNew(s.users, guardItem(usernameKey(user.Username.Canonical), user.ID)),
		putNew(s.users, guardItem(emailKey(user.Email.Canonical), user.ID)),
		putNew(s.users, userItem(user)),
		putNew(s.sessions, mailItem(mail)),
	}, account.ErrUsernameTaken, account.ErrEmailTaken)
}

// QueueAddressTaken implements [NeutralStore] with one transaction over the very items that CreatePending writes: what it must
// not write, it checks.
func (s *Store) QueueAddressTaken(ctx context.Context, user account.User, mail outbox.Mail) error {
	return s.transact(ctx, "queuing the mail of a taken address", []types.TransactWriteItem{
		checkItem(s.users, usernameKey(user.Username.Canonical), "attribute_not_exists(pk)"),
		checkItem(s.users, emailKey(user.Email.Canonical), "attribute_exists(pk)"),
		checkItem(s.users, userKey(user.ID), "attribute_not_exists(pk)"),
		putNew(s.sessions, mailItem(mail)),
	}, account.ErrUsernameTaken, account.ErrNotFound)
}
