package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/auth"
	"latchkey/pkg/id"
)

// PutSession implements [auth.LoginStore]. The session's id is new and random, so the write can be repeated freely.
func (s *Store) PutSession(ctx context.Context, session auth.Session) error {
	_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.sessions, Item: sessionItem(session)})
	if err != nil {
		return classify("writing the session", err)
	}
	return nil
}

// ReadSessions implements [auth.SessionReader] with one consistent read over both tables.
func (s *Store) ReadSessions(ctx context.Context, named []auth.SessionRef) ([]auth.Caller, error) {
	found, err := s.batchGet(ctx, map[string][]item{
		s.sessions: keys(named, func(ref auth.SessionRef) item { return sessionKey(ref.User, ref.Session) }),
		s.users:    keys(named, func(ref auth.SessionRef) item { return userKey(ref.User) }),
	})
	if err != nil {
		return nil, classify("reading sessions and accounts", err)
	}
	sessions, sessionsErr := index(found[s.sessions], readSession, auth.Session.Ref)
	users, usersErr := index(found[s.users], readUser, func(user auth.User) id.ID { return user.ID })
	if err := errors.Join(sessionsErr, usersErr); err != nil {
		return nil, err
	}
	var callers []auth.Caller
	for _, ref := range named {
		session, there := sessions[ref]
		user, known := users[ref.User]
		if there && known {
			callers = append(callers, auth.Caller{User: user, Session: session})
			delete(sessions, ref) // a doubled reference counts once
		}
	}
	return callers, nil
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

// RotateSession implements [auth.RefreshStore] with one conditional write. A move of its own that is found done is a
// success: the item carries the operation that wrote it last.
func (s *Store) RotateSession(ctx context.Context, move auth.Rotation) (auth.Session, error) {
	operation := s.operation()
	output, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:           &s.sessions,
		Key:                 sessionKey(move.User, move.Session),
		UpdateExpression:    aws.String("SET gen = :next, rotated = :at, kid = :kid, exp = :exp, op = :op"),
		ConditionExpression: aws.String("attribute_exists(pk) AND gen = :from AND epoch = :epoch AND exp > :now AND #end > :now"),
		ExpressionAttributeNames: map[string]string{
			"#end": attrEnd, // a reserved word
		},
		ExpressionAttributeValues: item{
			":from": number(move.From), ":next": number(move.From + 1), ":epoch": number(move.Epoch), ":now": seconds(move.At),
			":at": millis(move.At), ":kid": text(move.KeyID), ":exp": seconds(move.Expires), ":op": text(operation),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
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
