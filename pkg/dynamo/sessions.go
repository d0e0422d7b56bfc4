package dynamo

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/session"
)

// PutSession implements [LoginStore].
func (s *Store) PutSession(ctx context.Context, session session.Session) error {
	return s.putSession(ctx, "writing the session", sessionItem(session))
}

// ReadSessions implements [SessionReader] with one consistent read over both tables.
func (s *Store) ReadSessions(ctx context.Context, named []session.Ref) (map[session.Ref]session.Principal, error) {
	_, callers, err := s.readSessionsAnd(ctx, nil, named)
	return callers, err
}

// readSessionsAnd reads sessions with their users and, in the same call, another item of the Sessions table, if its key is given.
func (s *Store) readSessionsAnd(
	ctx context.Context, other item, named []session.Ref,
) (item, map[session.Ref]session.Principal, error) {
	wanted := map[string][]item{
		s.sessions: keys(named, func(ref session.Ref) item { return sessionKey(ref.User, ref.Session) }),
		s.users:    keys(named, func(ref session.Ref) item { return userKey(ref.User) }),
	}
	if other != nil {
		wanted[s.sessions] = append(wanted[s.sessions], other)
	}
	found, err := s.batchGet(ctx, wanted)
	if err != nil {
		return nil, nil, classify("reading sessions and accounts", err)
	}
	another := find(found[s.sessions], other)
	sessions, sessionsErr := index(without(found[s.sessions], other), readSession, session.Session.Ref)
	users, usersErr := index(found[s.users], readUser, func(user account.User) id.ID { return user.ID })
	if err := errors.Join(sessionsErr, usersErr); err != nil {
		return nil, nil, err
	}
	callers := make(map[session.Ref]session.Principal, len(sessions))
	for ref, sess := range sessions {
		if user, known := users[ref.User]; known {
			callers[ref] = session.Principal{User: user, Session: sess}
		}
	}
	return another, callers, nil
}

// without gives the items but the one with the key that key has.
func without(items []item, key item) []item {
	return slices.DeleteFunc(items, func(stored item) bool { return keyOf(stored) == keyOf(key) })
}

// keys gives the distinct keys of the sessions named.
func keys(named []session.Ref, keyOf func(session.Ref) item) []item {
	var all []item
	for _, ref := range named {
		if key := keyOf(ref); find(all, key) == nil {
			all = append(all, key)
		}
	}
	return all
}

// index decodes items and arranges them by what identifies each.
func index[K comparable, V any](items []item, read func(item) (V, error), identify func(V) K) (map[K]V, error) {
	all := make(map[K]V, len(items))
	for _, stored := range items {
		value, err := read(stored)
		if err != nil {
			return nil, err
		}
		all[identify(value)] = value
	}
	return all, nil
}

// RotateSession implements [RefreshStore] with one conditional write.
func (s *Store) RotateSession(ctx context.Context, move session.Rotation) (session.Session, error) {
	return s.moveSession(ctx, session.Ref{User: move.User, Session: move.Session}, &dynamodb.UpdateItemInput{
		UpdateExpression:    aws.String("SET gen = :next, rotated = :at, kid = :kid, exp = :exp, op = :op"),
		ConditionExpression: aws.String("attribute_exists(pk) AND gen = :from AND epoch = :epoch AND exp > :now AND #end > :now"),
		ExpressionAttributeValues: item{
			":from": number(move.From), ":next": number(move.From + 1), ":epoch": number(move.Epoch), ":now": seconds(move.At),
			":at": millis(move.At), ":kid": text(move.KeyID), ":exp": seconds(move.Expires),
		},
	})
}

// RenewSession implements [RenewalStore] with one conditional write.
func (s *Store) RenewSession(ctx context.Context, renewal session.Renewal) error {
	_, err := s.moveSession(ctx, renewal.Session, &dynamodb.UpdateItemInput{
		UpdateExpression:    aws.String("SET rotated = :at, exp = :exp, op = :op"),
		ConditionExpression: aws.String("attribute_exists(pk) AND rotated = :was AND epoch = :epoch AND exp > :now AND #end > :now"),
		ExpressionAttributeValues: item{
			":was": millis(renewal.LastRenewal), ":epoch": number(renewal.Epoch), ":now": seconds(renewal.At),
			":at": millis(renewal.At), ":exp": seconds(renewal.Expires),
		},
	})
	return err
}

// moveSession completes a conditional update of a session and makes it. One of its own that is found done is a success:
// the item carries the operation that wrote it last. A refused one is an [StaleSessionError].
func (s *Store) moveSession(ctx context.Context, ref session.Ref, update *dynamodb.UpdateItemInput) (session.Session, error) {
	operation := s.operation()
	update.TableName = &s.sessions
	update.Key = sessionKey(ref.User, ref.Session)
	update.ExpressionAttributeNames = map[string]string{"#end": attrEnd} // a reserved word
	update.ExpressionAttributeValues[":op"] = text(operation)
	update.ReturnValues = types.ReturnValueAllNew
	update.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	output, err := s.api.UpdateItem(ctx, update)
	old, refused := refusedItem(err)
	switch {
	case err == nil:
		return readSession(output.Attributes)
	case refused && written(old, operation):
		return readSession(old)
	case refused && old == nil:
		return session.Session{}, &session.StaleError{}
	case refused:
		current, err := readSession(old)
		if err != nil {
			return session.Session{}, err
		}
		return session.Session{}, &session.StaleError{Current: current}
	default:
		return session.Session{}, classify("moving the session", err)
	}
}

// ListSessions implements [SweepStore].
func (s *Store) ListSessions(ctx context.Context, user id.ID) ([]session.Session, error) {
	pages := dynamodb.NewQueryPaginator(s.api, &dynamodb.QueryInput{
		TableName:                 &s.sessions,
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": text(prefixSession + user.String())},
		ConsistentRead:            aws.Bool(true),
	})
	var sessions []session.Session
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify("listing the sessions", err)
		}
		for _, stored := range page.Items {
			session, err := readSession(stored)
			if err != nil {
				return nil, err
			}
			sessions = append(sessions, session)
		}
	}
	return sessions, nil
}

// EndSession implements [SessionEnder]. Deleting what is not there changes nothing, so the write can be repeated freely.
func (s *Store) EndSession(ctx context.Context, session session.Ref) error {
	_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.sessions, Key: sessionKey(session.User, session.Session),
	})
	if err != nil {
		return classify("ending the session", err)
	}
	return nil
}
