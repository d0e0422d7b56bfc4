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

// PutSession implements [session.StartStore].
func (s *Store) PutSession(ctx context.Context, session session.Session) error {
	return s.putSession(ctx, "writing the session", sessionItem(session))
}

// ReadSessions implements [session.Store] with one consistent read of both tables.
func (s *Store) ReadSessions(ctx context.Context, refs []session.Ref) (map[session.Ref]session.Principal, error) {
	_, principals, err := s.readSessionsAnd(ctx, nil, refs)
	return principals, err
}

// readSessionsAnd reads sessions with their users. In the same call it reads another item of the Sessions table, unless other,
// its key, is nil. An absent item is nil.
func (s *Store) readSessionsAnd(
	ctx context.Context, other item, refs []session.Ref,
) (item, map[session.Ref]session.Principal, error) {
	wanted := map[string][]item{
		s.sessions: distinctKeys(refs, func(ref session.Ref) item { return sessionKey(ref.User, ref.Session) }),
		s.users:    distinctKeys(refs, func(ref session.Ref) item { return userKey(ref.User) }),
	}
	if other != nil {
		wanted[s.sessions] = append(wanted[s.sessions], other)
	}
	found, err := s.batchGet(ctx, wanted)
	if err != nil {
		return nil, nil, classify("reading sessions and accounts", err)
	}
	otherItem := find(found[s.sessions], other)
	sessions, sessionsErr := index(without(found[s.sessions], other), readSession, session.Session.Ref)
	users, usersErr := index(found[s.users], readUser, func(user account.User) id.ID { return user.ID })
	if err := errors.Join(sessionsErr, usersErr); err != nil {
		return nil, nil, err
	}
	principals := make(map[session.Ref]session.Principal, len(sessions))
	for ref, sess := range sessions {
		if user, exists := users[ref.User]; exists {
			principals[ref] = session.Principal{User: user, Session: sess}
		}
	}
	return otherItem, principals, nil
}

// without returns items, leaving out the one stored under key.
func without(items []item, key item) []item {
	return slices.DeleteFunc(items, func(stored item) bool { return keyOf(stored) == keyOf(key) })
}

// distinctKeys returns the keys of refs without duplicates.
func distinctKeys(refs []session.Ref, keyOf func(session.Ref) item) []item {
	var keys []item
	for _, ref := range refs {
		if key := keyOf(ref); find(keys, key) == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// index decodes items and returns them by what identifies each.
func index[K comparable, V any](items []item, read func(item) (V, error), identify func(V) K) (map[K]V, error) {
	values := make(map[K]V, len(items))
	for _, stored := range items {
		value, err := read(stored)
		if err != nil {
			return nil, err
		}
		values[identify(value)] = value
	}
	return values, nil
}

// RotateSession implements [session.RefreshStore] with one conditional write.
func (s *Store) RotateSession(ctx context.Context, rotation session.Rotation) (session.Session, error) {
	return s.extendSession(ctx, "rotating the session", update{
		key: sessionKey(rotation.User, rotation.Session),
		when: present(
			equal(attrGeneration, number(rotation.From)),
			equal(attrEpoch, number(rotation.Epoch)),
			compare(attrExpires, ">", seconds(rotation.At)),
			compare(attrEnd, ">", seconds(rotation.At)),
		),
		changes: []change{
			set(attrGeneration, number(rotation.From+1)),
			set(attrLastRenewal, millis(rotation.At)),
			set(attrKeyID, text(rotation.KeyID)),
			set(attrExpires, seconds(rotation.Expires)),
		},
	})
}

// RenewSession implements [session.Store] with one conditional write.
func (s *Store) RenewSession(ctx context.Context, renewal session.Renewal) error {
	_, err := s.extendSession(ctx, "renewing the session", update{
		key: sessionKey(renewal.Session.User, renewal.Session.Session),
		when: present(
			equal(attrLastRenewal, millis(renewal.LastRenewal)),
			equal(attrEpoch, number(renewal.Epoch)),
			compare(attrExpires, ">", seconds(renewal.At)),
			compare(attrEnd, ">", seconds(renewal.At)),
		),
		changes: []change{set(attrLastRenewal, millis(renewal.At)), set(attrExpires, seconds(renewal.Expires))},
	})
	return err
}

// extendSession makes an update of a session and returns the session as it then is. If the condition is refused, the error is a
// [session.StaleError].
func (s *Store) extendSession(ctx context.Context, doing string, u update) (session.Session, error) {
	u.table = s.sessions
	u.returns = types.ReturnValueAllNew
	stored, done, err := s.updateOnce(ctx, doing, u)
	if err != nil {
		return session.Session{}, err
	}
	if !done && stored == nil {
		return session.Session{}, &session.StaleError{}
	}
	current, err := readSession(stored)
	if err == nil && !done {
		return session.Session{}, &session.StaleError{Current: current}
	}
	return current, err
}

// ListSessions implements [session.SweepStore].
func (s *Store) ListSessions(ctx context.Context, user id.ID) ([]session.Session, error) {
	pages := dynamodb.NewQueryPaginator(s.api, &dynamodb.QueryInput{
		TableName:                 &s.sessions,
		KeyConditionExpression:    aws.String(attrPK + " = :pk"),
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

// EndSession implements [session.Ender]. Deleting an absent item does nothing, so the call can be repeated.
func (s *Store) EndSession(ctx context.Context, session session.Ref) error {
	_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.sessions, Key: sessionKey(session.User, session.Session),
	})
	if err != nil {
		return classify("ending the session", err)
	}
	return nil
}

// sessionAccess declares the access of the methods for sessions.
func sessionAccess() map[string][]Grant {
	return map[string][]Grant{
		"PutSession":    on(Sessions, "PutItem", prefixSession),
		"ListSessions":  on(Sessions, "Query", prefixSession),
		"EndSession":    on(Sessions, "DeleteItem", prefixSession),
		"ReadSessions":  slices.Concat(on(Sessions, "BatchGetItem", prefixSession), on(Users, "BatchGetItem", prefixUser)),
		"RenewSession":  on(Sessions, "UpdateItem", prefixSession),
		"RotateSession": on(Sessions, "UpdateItem", prefixSession),
	}
}
