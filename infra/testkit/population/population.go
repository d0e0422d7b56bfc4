// Package population starts DynamoDB engines that already store many users, for measurements of the whole product.
//
// The users are written by the encoders of package dynamo, so the product reads them like its own. Each has an account, the guards of
// its username and address, and one session. All have the same password, because a hash for each of a million users would take hours.
package population

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/tables"
	"latchkey/infra/local/template"
	"latchkey/pkg/account"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/password"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Password is the password of every user.
const Password = "correct horse battery staple"

// Name returns the username of the nth user, counted from 0.
func Name(n int) string { return fmt.Sprintf("stored-%d", n) }

// Address returns the address of the user with a name.
func Address(name string) string { return name + "@example.com" }

const (
	age      = 30 * 24 * time.Hour  // of the accounts and their sessions
	lifetime = 365 * 24 * time.Hour // of the sessions; the engine keeps them during a measurement
)

// importLimit exceeds the duration of an import of a million users.
const importLimit = 15 * time.Minute

// Start starts dynoxide in memory with the tables of the template and a number of users, who joined before now. A million users take
// two to three minutes, 2.5 GB of memory and, until Start returns, 1 GB in the folder for temporary files. The caller must stop the
// engine.
func Start(ctx context.Context, root string, users int, now time.Time) (*engine.Engine, error) {
	loaded, err := template.Load(filepath.Join(root, "template.yaml"), nil)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "latchkey-users-")
	if err != nil {
		return nil, fmt.Errorf("creating a folder for %d users: %w", users, err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	export := engine.Export{Folder: folder, Schema: filepath.Join(folder, "schema.json"), Limit: importLimit}
	if err := writeSchema(export.Schema, loaded.Tables); err != nil {
		return nil, fmt.Errorf("writing the schema of %d users: %w", users, err)
	}
	if err := writeUsers(folder, users, now); err != nil {
		return nil, fmt.Errorf("writing %d users: %w", users, err)
	}
	return engine.StartDynoxideFrom(ctx, engine.Options{Root: root}, export)
}

// writeSchema writes the definitions of the tables.
func writeSchema(path string, list []template.Table) error {
	var schema []map[string]any
	for _, table := range list {
		schema = append(schema, map[string]any{"Table": tables.Definition(table)})
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// writeUsers writes the items of the users into one file per table.
func writeUsers(folder string, users int, now time.Time) (err error) {
	writers := map[dynamo.Table]*exportFile{}
	for _, table := range []dynamo.Table{dynamo.Users, dynamo.Sessions} {
		if writers[table], err = createFile(filepath.Join(folder, string(table), "data")); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, writers[table].close()) }()
	}
	hash := password.NewHasher(password.Current, rand.Reader).Hash(secret.New(Password))
	for n := range users {
		user, sess, err := newUser(n, hash, now)
		if err != nil {
			return err
		}
		lines, err := dynamo.ExportAccount(user, sess)
		if err != nil {
			return err
		}
		for table, items := range lines {
			for _, item := range items {
				if _, err := writers[table].Write(item); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// newUser returns the nth user with a session.
func newUser(n int, hash secret.String, now time.Time) (account.User, session.Session, error) {
	name := Name(n)
	username, usernameErr := identifier.ParseUsername(name)
	email, emailErr := identifier.ParseAddress(Address(name))
	if err := errors.Join(usernameErr, emailErr); err != nil {
		return account.User{}, session.Session{}, err
	}
	joined := now.Add(-age).Truncate(time.Second)
	user := account.User{
		ID: id.New(rand.Reader), Username: username, Email: email, PasswordHash: hash,
		SessionsLeft: session.MaxPerUser - 1, Active: true, Joined: joined, LastLogin: joined,
	}
	sess := session.Session{
		User: user.ID, ID: id.New(rand.Reader), Kind: session.KindTokens, Created: joined, LastRenewal: joined,
		KeyID: "a-key-id-of-43-characters-as-thumbprints-are", Expires: joined.Add(lifetime), End: joined.Add(lifetime),
	}
	return user, sess, nil
}
