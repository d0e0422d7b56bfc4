package ruletests

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"latchkey/infra/testkit/enginetest"
	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/limit"
	"latchkey/pkg/maillink"
	"latchkey/pkg/password"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
	"latchkey/pkg/signup"
	"latchkey/pkg/token"
)

// fixture holds the rules over a real store, with a clock that the test advances and with cheap hashes.
type fixture struct {
	store     *dynamo.Store
	tap       *wiretap.Tap
	tables    enginetest.Tables
	hasher    *countingHasher
	keySet    string // in the format of SIGNING_KEYS
	keys      *token.KeySet
	authority *token.Authority
	clock     time.Time
	lives     session.Lifetimes
	quotas    guard.Quotas
	log       strings.Builder // of security events
}

const issuer = "https://auth.example.com"

func newFixture(t *testing.T) *fixture {
	t.Helper()
	tables := enginetest.Dynoxide(t)
	transport := dynamo.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	tap := wiretap.New(transport)
	keySet := newKeySet(t)
	keys := parseKeySet(t, keySet)
	return &fixture{
		store: dynamo.New(dynamo.Options{
			UsersTable: tables.Users, SessionsTable: tables.Sessions, Region: "eu-central-1", Endpoint: tables.Endpoint,
			Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), Transport: tap, Random: rand.Reader,
		}),
		tap:       tap,
		tables:    tables,
		hasher:    cheapHasher(),
		keySet:    keySet,
		keys:      keys,
		authority: token.NewAuthority(keys, issuer, issuer),
		clock:     time.Date(2126, 3, 4, 5, 6, 7, 890_000_000, time.UTC),
		quotas: guard.Quotas{ // which most tests never reach
			OfSource:  limit.Quota{Scope: "attempts#source", Limit: 1 << 20},
			OfAccount: limit.Quota{Scope: "attempts#account", Limit: 1 << 20},
			Failures:  limit.Quota{Scope: "failures#source", Limit: 1 << 20},
		},
		lives: session.Lifetimes{
			Access: time.Hour, Refresh: 24 * time.Hour, Grace: 30 * time.Second, SessionMax: 7 * 24 * time.Hour,
			CookieIdle: 24 * time.Hour, CookieAbsolute: 72 * time.Hour,
		},
	}
}

func newKeySet(t *testing.T) string {
	t.Helper()
	keySet, err := token.GenerateKeySet(rand.Reader, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return string(keySet)
}

func parseKeySet(t *testing.T, keySet string) *token.KeySet {
	t.Helper()
	keys, err := token.ParseKeySet([]byte(keySet), "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// addDerivingKey adds a key to the key set, which then derives the refresh tokens.
func (f *fixture) addDerivingKey(t *testing.T) {
	t.Helper()
	fresh := `{"kty":"oct","alg":"HS256","kid":"fresh","k":"` + strings.Repeat("Q", 43) + `"}`
	f.keySet = strings.Replace(f.keySet, `{"keys":[`, `{"keys":[`+fresh+`,`, 1)
	f.keys = parseKeySet(t, f.keySet)
	if f.keys.DerivingKey() != "fresh" {
		t.Fatalf("the deriving key: got %s, want fresh", f.keys.DerivingKey())
	}
}

// loseNextResponse lets the store execute the next call of the operation, and drops its response.
func (f *fixture) loseNextResponse(operation string) {
	f.tap.Inject(operation, 0, 1, wiretap.LoseAnswer)
}

func (f *fixture) now() time.Time { return f.clock }

func (f *fixture) pairs() *session.Pairs {
	return session.NewPairs(f.keys, f.authority, f.lives, f.now, rand.Reader)
}

func (f *fixture) registrar() *signup.Registrar {
	return signup.NewRegistrar(f.store, f.hasher, password.Policy{MinLength: 8}, f.pairs(), f.now, rand.Reader)
}

func (f *fixture) login() *signin.Login {
	return signin.NewLogin(f.store, f.hasher, f.guard(), f.pairs(), f.cookies(), f.now)
}

func (f *fixture) devices() *guard.Devices { return guard.NewDevices(f.keys, rand.Reader) }

func (f *fixture) guard() *guard.Guard {
	return guard.New(f.store, limit.New(f.store, f.now), f.quotas, f.devices(), f.now, rand.Reader)
}

// deviceOf returns the cookie of a device on which the user has signed in.
func (f *fixture) deviceOf(t *testing.T, name string) secret.String {
	t.Helper()
	user := f.user(t, name)
	return f.keys.SealDevice(guard.Familiar{User: user.ID, Epoch: user.Epoch, Device: id.New(rand.Reader)})
}

// attempt returns an attempt on a device that the service does not know.
func attempt(name, password string) guard.Attempt {
	return guard.Attempt{Name: name, Password: secret.New(password), Source: "192.0.2.1"}
}

// passwordLogin logs in with a name and a password.
func (f *fixture) passwordLogin(ctx context.Context, name, password string) (session.Pair, error) {
	ctx, record := reqlog.Open(ctx)
	signedIn, err := f.login().Login(ctx, attempt(name, password))
	f.logEvent(record)
	return signedIn.Pair, err
}

// reset sets the password with the token of a link.
func (f *fixture) reset(ctx context.Context, token secret.String, password string) error {
	_, err := f.resetter().Reset(ctx, token, secret.New(password), secret.String{})
	return err
}

func (f *fixture) authenticator() *session.Authenticator {
	return session.NewAuthenticator(f.store, f.authority, f.cookies(), f.now)
}

func (f *fixture) cookies() *session.Cookies { return session.NewCookies(f.lives, f.now, rand.Reader) }

// authenticate authenticates a request with the access token of the pair.
func (f *fixture) authenticate(t *testing.T, pair session.Pair) (session.Authentication, error) {
	t.Helper()
	return f.admit(t.Context(), session.Credentials{Access: pair.Access})
}

// admit authenticates a request with the credentials.
func (f *fixture) admit(ctx context.Context, credentials session.Credentials) (session.Authentication, error) {
	return admitBy(ctx, f.authenticator(), credentials)
}

func admitBy(
	ctx context.Context, authenticator *session.Authenticator, credentials session.Credentials,
) (session.Authentication, error) {
	resolution, err := authenticator.Resolve(ctx, credentials)
	if err != nil {
		return session.Authentication{}, err
	}
	return authenticator.Admit(ctx, resolution)
}

// logOut logs out with the credentials of a request and the refresh token in its body.
func (f *fixture) logOut(ctx context.Context, credentials session.Credentials, refresh secret.String) error {
	resolution, err := f.authenticator().Resolve(ctx, credentials)
	if err != nil {
		return err
	}
	return f.logout().Logout(ctx, resolution, refresh)
}

// logEvent logs a security event, as the edge does in the line of the request.
func (f *fixture) logEvent(record *reqlog.Record) {
	if record.IsEvent() {
		f.logger().LogAttrs(context.Background(), slog.LevelWarn, "security event", record.Attrs()...)
	}
}

func (f *fixture) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(&f.log, nil)) }

func (f *fixture) refresher() *session.Refresher {
	return session.NewRefresher(f.store, f.keys, f.pairs())
}

func (f *fixture) verifier() *maillink.Verifier {
	return maillink.NewVerifier(f.store, f.keys, f.authenticator(), f.now)
}

func (f *fixture) resetter() *maillink.Resetter {
	return maillink.NewResetter(f.store, f.keys, f.hasher, password.Policy{MinLength: 8}, f.devices(), f.now, rand.Reader)
}

func (f *fixture) logout() *session.Logout {
	return session.NewLogout(f.authenticator(), f.store, f.keys)
}

const goodPassword = "SecurePass123!"

func registration(username, email string) signup.Registration {
	return signup.Registration{Username: username, Email: email, Password: secret.New(goodPassword)}
}

// register creates an account and returns its first token pair.
func (f *fixture) register(t *testing.T, username, email string) session.Pair {
	t.Helper()
	pair, err := f.registrar().Register(t.Context(), registration(username, email))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// user reads the account with the login name.
func (f *fixture) user(t *testing.T, name string) account.User {
	t.Helper()
	found, _, err := f.store.FindAccount(t.Context(), account.ParseLoginName(name), f.quotas.Failures.Of("").At(f.clock))
	if err != nil {
		t.Fatal(err)
	}
	user, err := f.store.ReadUser(t.Context(), found)
	if err != nil {
		t.Fatal(err)
	}
	return user
}
