package dynamo

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/auth"
	"latchkey/pkg/id"
)

// PutSession implements [auth.LoginStore].
func (s *Store) PutSession(ctx context.Context, session auth.Session) error {
	return s.putSession(ctx, "writing the session", sessionItem(session))
}

// ReadSessions implements [auth.SessionReader] with one consistent read over both tables.
func (s *Store) ReadSessions(ctx context.Context, named []auth.SessionRef) (map[auth.SessionRef]auth.Caller, error) {
	_, callers, err := s.readSessionsAnd(ctx, nil, named)
	return callers, err
}

// readSessionsAnd reads sessions with their users and, in the same call, another item of the Sessions table, if its key is given.
func (s *Store) readSessionsAnd(
	ctx context.Context, other item, named []auth.SessionRef,
) (item, map[auth.SessionRef]auth.Caller, error) {
	wanted := map[string][]item{
		s.sessions: keys(named, func(ref auth.SessionRef) item { return sessionKey(ref.User, ref.Session) }),
		s.users:    keys(named, func(ref auth.SessionRef) item { return userKey(ref.User) }),
	}
	if other != nil {
		wanted[s.sessions] = append(wanted[s.sessions], other)
	}
	found, err := s.batchGet(ctx, wanted)
	if err != nil {
		return nil, nil, classify("reading sessions and accounts", err)
	}
	another := find(found[s.sessions], other)
	sessions, sessionsErr := index(without(found[s.sessions], other), readSession, auth.Session.Ref)
	users, usersErr := index(found[s.users], readUser, func(user auth.User) id.ID { return user.ID })
	if err := errors.Join(sessionsErr, usersErr); err != nil {
		return nil, nil, err
	}
	callers := make(map[auth.SessionRef]auth.Caller, len(sessions))
	for ref, session := range sessions {
		if user, known := users[ref.User]; known {
			callers[ref] = auth.Caller{User: user, Session: session}
		}
	}
	return another, callers, nil
}

// without gives the items but the one with the key that key has.
func without(items []item, key item) []item {
	return slices.DeleteFunc(items, func(stored item) bool { return keyOf(stored) == keyOf(key) })
}

// keys gives the distinct keys of the sessions named.
func keys(named []auth.SessionRef, keyOf func(auth.SessionRef) item) []item {
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

// RotateSession implements [auth.RefreshStore] with one conditional write.
func (s *Store) RotateSession(ctx context.Context, move auth.Rotation) (auth.Session, error) {
	return s.moveSession(ctx, auth.SessionRef{User: move.User, Session: move.Session}, &dynamodb.UpdateItemInput{
		UpdateExpression:    aws.String("SET gen = :next, rotated = :at, kid = :kid, exp = :exp, op = :op"),
		ConditionExpression: aws.String("attribute_exists(pk) AND gen = :from AND epoch = :epoch AND exp > :now AND #end > :now"),
		ExpressionAttributeValues: item{
			":from": number(move.From), ":next": number(move.From + 1), ":epoch": number(move.Epoch), ":now": seconds(move.At),
			":at": millis(move.At), ":kid": text(move.KeyID), ":exp": seconds(move.Expires),
		},
	})
}

// RenewSession implements [auth.RenewalStore] with one conditional write.
func (s *Store) RenewSession(ctx context.Context, renewal auth.Renewal) error {
	_, err := s.moveSession(ctx, renewal.Session, &dynamodb.UpdateItemInput{
		UpdateExpression:    aws.String("SET rotated = :at, exp = :exp, op = :op"),
		ConditionExpression: aws.String("attribute_exists(pk) AND rotated = :was AND epoch = :epoch AND exp > :now AND #end > :now"),
		ExpressionAttributeValues: item{
			":was": millis(renewal.Rotated), ":epoch": number(renewal.Epoch), ":now": seconds(renewal.At),
			":at": millis(renewal.At), ":exp": seconds(renewal.Expires),
		},
	})
	return err
}

// moveSession completes a conditional update of a session and makes it. One of its own that is found done is a success:
// the item carries the operation that wrote it last. A refused one is an [auth.StaleSessionError].
func (s *Store) moveSession(ctx context.Context, ref auth.SessionRef, update *dynamodb.UpdateItemInput) (auth.Session, error) {
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
		return auth.Session{}, &auth.StaleSessionError{}
	case refused:
		current, err := readSession(old)
		if err != nil {
			return auth.Session{}, err
		}
		return auth.Session{}, &auth.StaleSessionError{Current: current}
	default:
		return auth.Session{}, classify("moving the session", err)
	}
}

// ListSessions implements [auth.SweepStore].
func (s *Store) ListSessions(ctx context.Context, user id.ID) ([]auth.Session, error) {
	pages := dynamodb.NewQueryPaginator(s.api, &dynamodb.QueryInput{
		TableName:                 &s.sessions,
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": text(prefixSession + user.String())},
		ConsistentRead:            aws.Bool(true),
	})
	var sessions []auth.Session
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

// EndSession implements [auth.SessionEnder]. Deleting what is not there changes nothing, so the write can be repeated freely.
func (s *Store) EndSession(ctx context.Context, session auth.SessionRef) error {
	_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.sessions, Key: sessionKey(session.User, session.Session),
	})
	if err != nil {
		return classify("ending the session", err)
	}
	return nil
}
