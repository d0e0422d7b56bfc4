package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// EnsureFree implements [RegistrationStore] with one consistent read of both guards.
func (s *Store) EnsureFree(ctx context.Context, username identifier.Username, email identifier.Address) error {
	address, name, err := s.guards(ctx, email, username)
	switch {
	case err != nil:
		return err
	case name != nil:
		return account.ErrUsernameTaken
	case address != nil:
		return account.ErrEmailTaken
	}
	return nil
}

// guards reads the guards of an address and of a username in one call; nil for one that is not there.
func (s *Store) guards(ctx context.Context, email identifier.Address, username identifier.Username) (address, name item, err error) {
	addressKey, nameKey := emailKey(email.Canonical), usernameKey(username.Canonical)
	found, err := s.batchGet(ctx, map[string][]item{s.users: {addressKey, nameKey}})
	if err != nil {
		return nil, nil, classify("reading the guards", err)
	}
	return find(found[s.users], addressKey), find(found[s.users], nameKey), nil
}

// CreateAccount implements [RegistrationStore] with one transaction.
func (s *Store) CreateAccount(ctx context.Context, user account.User, session session.Session, mail outbox.Mail) error {
	return s.transact(ctx, "writing the account", []types.TransactWriteItem{
		putNew(s.users, guardItem(usernameKey(user.Username.Canonical), user.ID)),
		putNew(s.users, guardItem(emailKey(user.Email.Canonical), user.ID)),
		putNew(s.users, userItem(user)),
		putNew(s.sessions, sessionItem(session)),
		putNew(s.sessions, mailItem(mail)),
	}, account.ErrUsernameTaken, account.ErrEmailTaken)
}

// FindUser implements [signin.LoginStore]: two consistent reads, whether or not the name is known.
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

// findGuarded reads the account to which a guard leads. For an absent guard it reads the key of no account.
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

// ReadUser implements [RefreshStore].
func (s *Store) ReadUser(ctx context.Context, user id.ID) (account.User, error) {
	return readOne(ctx, s, "reading the account", s.users, userKey(user), readUser)
}

// RecordLogin implements [LoginStore]. A write of its own that is found done is a success: the item carries the
// operation that wrote it last.
func (s *Store) RecordLogin(ctx context.Context, user account.User, hash secret.String, now time.Time) (int, error) {
	operation := s.operation()
	output, err := s.api.UpdateItem(ctx, s.loginUpdate(user, hash, now, operation))
	old, refused := refusedItem(err)
	switch {
	case err == nil:
		return roomOf(output.Attributes)
	case refused && written(old, operation):
		return roomOf(old)
	case refused && old == nil:
		return 0, &account.StaleUserError{}
	case refused:
		current, err := readUser(old)
		if err != nil {
			return 0, err
		}
		return 0, &account.StaleUserError{Current: current}
	default:
		return 0, classify("recording the login", err)
	}
}

// loginUpdate is the write of RecordLogin.
func (s *Store) loginUpdate(user account.User, hash secret.String, now time.Time, operation string) *dynamodb.UpdateItemInput {
	set, seen := "", ""
	values := item{
		":now": millis(now), ":less": number(-1), ":op": text(operation),
		":epoch": number(user.Epoch), ":true": flag(true),
	}
	if hash != user.PasswordHash {
		set, seen = ", phc = :phc", " AND phc = :seen"
		values[":phc"], values[":seen"] = text(hash.Reveal()), text(user.PasswordHash.Reveal())
	}
	return &dynamodb.UpdateItemInput{
		TableName:        &s.users,
		Key:              userKey(user.ID),
		UpdateExpression: aws.String("SET last_login = :now, op = :op" + set + " ADD room :less"),
		ConditionExpression: aws.String("attribute_exists(pk) AND epoch = :epoch AND active = :true AND " +
			"(attribute_not_exists(op) OR op <> :op)" + seen),
		ExpressionAttributeValues:           values,
		ReturnValues:                        types.ReturnValueUpdatedNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

func roomOf(stored item) (int, error) {
	r := &reader{item: stored}
	return int(r.integer(attrRoom)), r.err
}

// SetSessionsLeft implements [SweepStore]. A refill of its own that is found done is refused and so does nothing.
func (s *Store) SetSessionsLeft(ctx context.Context, user id.ID, seen, room int) error {
	_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &s.users,
		Key:                       userKey(user),
		UpdateExpression:          aws.String("SET room = :room"),
		ConditionExpression:       aws.String("attribute_exists(pk) AND room = :seen"),
		ExpressionAttributeValues: item{":room": number(room), ":seen": number(seen)},
	})
	if _, refused := refusedItem(err); err == nil || refused {
		return nil
	}
	return classify("refilling the room", err)
}

// refusedItem returns the item that made a condition fail; nil if there was none.
func refusedItem(err error) (item, bool) {
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return failed.Item, true
	}
	return nil, false
}

// written says that operation itself wrote the item last: the write was done and only its answer lost.
func written(old item, operation string) bool {
	return (&reader{item: old}).text(attrOp) == operation
}
