package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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

// ReadSession implements [auth.SessionReader] with one consistent read over both tables.
func (s *Store) ReadSession(ctx context.Context, user, session id.ID) (auth.Session, auth.User, error) {
	found, err := s.batchGet(ctx, map[string][]item{
		s.sessions: {sessionKey(user, session)},
		s.users:    {userKey(user)},
	})
	if err != nil {
		return auth.Session{}, auth.User{}, classify("reading session and account", err)
	}
	if len(found[s.sessions]) != 1 || len(found[s.users]) != 1 {
		return auth.Session{}, auth.User{}, auth.ErrNotFound
	}
	account, err := readUser(found[s.users][0])
	if err != nil {
		return auth.Session{}, auth.User{}, err
	}
	signIn, err := readSession(found[s.sessions][0])
	return signIn, account, err
}
