package population_test

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/tables"
	"latchkey/infra/local/template"
	"latchkey/infra/testkit/population"
	"latchkey/pkg/account"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/limit"
	"latchkey/pkg/password"
	"latchkey/pkg/secret"
)

// now is when the users have joined.
var now = time.Date(2026, 11, 24, 15, 20, 0, 0, time.UTC)

// start starts an engine with users.
func start(t *testing.T, users int) *engine.Engine {
	t.Helper()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	database, err := population.Start(t.Context(), root, users, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(database.Stop)
	return database
}

// findUser returns the user that a login finds.
func findUser(t *testing.T, store *dynamo.Store, name string) (account.User, error) {
	t.Helper()
	id, _, err := store.FindAccount(t.Context(), account.LoginName{Canonical: name}, limit.Window{Start: now})
	if err != nil {
		t.Fatal(err)
	}
	return store.ReadUser(t.Context(), id)
}

// TestTheStoreReadsTheUsers checks that package dynamo finds each user by both names, with the password and the session.
func TestTheStoreReadsTheUsers(t *testing.T) {
	const users = 30
	store := dynamo.New(dynamo.Options{
		UsersTable: "Users", SessionsTable: "Sessions", Region: template.Region, Endpoint: start(t, users).Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), Random: rand.Reader,
	})
	for n := range users {
		name := population.Name(n)
		user, err := findUser(t, store, name)
		if err != nil {
			t.Fatalf("finding %s: got %v, want a user", name, err)
		}
		byAddress, err := store.FindUserByAddress(t.Context(), population.Address(name))
		if err != nil || byAddress.ID != user.ID {
			t.Errorf("finding %s by address: got %v, %v; want %v", name, byAddress.ID, err, user.ID)
		}
		sessions, err := store.ListSessions(t.Context(), user.ID)
		if err != nil || len(sessions) != 1 || !sessions[0].Live(user, now) {
			t.Errorf("the sessions of %s: got %+v, %v; want a live one", name, sessions, err)
		}
		if n > 0 {
			continue // one hash suffices, because all are equal
		}
		hasher := password.NewHasher(password.Current, rand.Reader)
		if matches, err := hasher.Verify(user.PasswordHash, secret.New(population.Password)); !matches || err != nil {
			t.Errorf("the password of %s: got %t, %v; want a match", name, matches, err)
		}
	}
	if _, err := findUser(t, store, population.Name(users)); err == nil {
		t.Errorf("got a user %s, want none beyond the first %d", population.Name(users), users)
	}
}

// TestTheTablesAreThoseOfTheTemplate checks that the product accepts the tables, and adds only their TTL.
func TestTheTablesAreThoseOfTheTemplate(t *testing.T) {
	database := start(t, 1)
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := template.Load(root+"/template.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := tables.Create(t.Context(), tables.Client(database.Endpoint), loaded.Tables, ""); err != nil {
		t.Errorf("creating the tables that exist: got %v, want no error", err)
	}
	if !slices.ContainsFunc(loaded.Tables, func(table template.Table) bool { return table.StreamView != "" }) {
		t.Error("got no table with a stream, want one, because the test covers streams")
	}
}
