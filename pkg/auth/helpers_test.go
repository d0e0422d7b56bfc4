package auth_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"latchkey/infra/local/enginetest"
	"latchkey/pkg/auth"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/password"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/token"
)

// house is the rules over a real store, with a clock that the test moves and cheap hashes.
type house struct {
	store     *dynamo.Store
	tables    enginetest.Tables
	hasher    *password.Hasher
	keys      *token.KeySet
	authority *token.Authority
	clock     time.Time
	lives     auth.Lifetimes
}

const issuer = "https://auth.example.com"

func newHouse(t *testing.T) *house {
	t.Helper()
	tables := enginetest.Dynoxide(t)
	transport := dynamo.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	keys := newKeySet(t)
	return &house{
		store: dynamo.New(dynamo.Options{
			UsersTable: tables.Users, SessionsTable: tables.Sessions, Region: "eu-central-1", Endpoint: tables.Endpoint,
			Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), Transport: transport, Random: rand.Reader,
		}),
		tables:    tables,
		hasher:    cheapHasher(),
		keys:      keys,
		authority: token.NewAuthority(keys, issuer, issuer),
		clock:     time.Date(2126, 3, 4, 5, 6, 7, 890_000_000, time.UTC),
		lives: auth.Lifetimes{
			Access: time.Hour, Refresh: 24 * time.Hour, Grace: 30 * time.Second, SessionMax: 7 * 24 * time.Hour,
		},
	}
}

func cheapHasher() *password.Hasher {
	return password.NewHasher(password.Params{MemoryKiB: 64, Time: 1, Threads: 1}, rand.Reader)
}

func newKeySet(t *testing.T) *token.KeySet {
	t.Helper()
	made, err := token.GenerateKeySet(rand.Reader, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := token.ParseKeySet(made, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (h *house) now() time.Time { return h.clock }

func (h *house) pairs() *auth.Pairs {
	return auth.NewPairs(h.keys, h.authority, h.lives, h.now, rand.Reader)
}

func (h *house) registrar() *auth.Registrar {
	return auth.NewRegistrar(h.store, h.hasher, password.Policy{MinLength: 8}, h.pairs(), 24*time.Hour, h.now, rand.Reader)
}

func (h *house) login() *auth.Login {
	return auth.NewLogin(h.store, h.hasher, h.pairs(), h.now)
}

func (h *house) authenticator() *auth.Authenticator {
	return auth.NewAuthenticator(h.store, h.authority, h.now)
}

const goodPassword = "SecurePass123!"

func registration(username, email string) auth.Registration {
	return auth.Registration{Username: username, Email: email, Password: secret.New(goodPassword)}
}

// register creates an account and returns its first tokens.
func (h *house) register(t *testing.T, username, email string) auth.Pair {
	t.Helper()
	pair, err := h.registrar().Register(t.Context(), registration(username, email))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// user reads the account that name names.
func (h *house) user(t *testing.T, name string) auth.User {
	t.Helper()
	user, err := h.store.FindUser(t.Context(), auth.ParseLoginName(name))
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// recorded runs do with a request record and returns what was added to it.
func recorded(ctx context.Context, do func(context.Context)) []slog.Attr {
	ctx, record := reqlog.Open(ctx)
	do(ctx)
	return record.Attrs()
}
