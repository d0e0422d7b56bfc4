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
	"latchkey/pkg/maillink"
	"latchkey/pkg/password"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
	"latchkey/pkg/signup"
	"latchkey/pkg/token"
)

// house is the rules over a real store, with a clock that the test moves and cheap hashes.
type house struct {
	store     *dynamo.Store
	tap       *wiretap.Tap
	tables    enginetest.Tables
	hasher    *countingHasher
	keySet    string // as SIGNING_KEYS has it
	keys      *token.KeySet
	authority *token.Authority
	clock     time.Time
	lives     session.Lifetimes
	log       strings.Builder // of security events
}

const issuer = "https://auth.example.com"

func newHouse(t *testing.T) *house {
	t.Helper()
	tables := enginetest.Dynoxide(t)
	transport := dynamo.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	tap := wiretap.New(transport)
	keySet := newKeySet(t)
	keys := parseKeySet(t, keySet)
	return &house{
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
		lives: session.Lifetimes{
			Access: time.Hour, Refresh: 24 * time.Hour, Grace: 30 * time.Second, SessionMax: 7 * 24 * time.Hour,
			CookieIdle: 24 * time.Hour, CookieAbsolute: 72 * time.Hour,
		},
	}
}

func newKeySet(t *testing.T) string {
	t.Helper()
	made, err := token.GenerateKeySet(rand.Reader, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return string(made)
}

func parseKeySet(t *testing.T, keySet string) *token.KeySet {
	t.Helper()
	keys, err := token.ParseKeySet([]byte(keySet), "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// addDerivingKey puts a new key before the one that derives refresh tokens.
func (h *house) addDerivingKey(t *testing.T) {
	t.Helper()
	fresh := `{"kty":"oct","alg":"HS256","kid":"fresh","k":"` + strings.Repeat("Q", 43) + `"}`
	h.keySet = strings.Replace(h.keySet, `{"keys":[`, `{"keys":[`+fresh+`,`, 1)
	h.keys = parseKeySet(t, h.keySet)
	if h.keys.DerivingKey() != "fresh" {
		t.Fatal("the new key is not the one in use")
	}
}

// loseNextAnswer breaks the connection after the store has done the next call of that operation.
func (h *house) loseNextAnswer(operation string) { h.tap.Inject(operation, 0, 1, wiretap.LoseAnswer) }

func (h *house) now() time.Time { return h.clock }

func (h *house) pairs() *session.Pairs {
	return session.NewPairs(h.keys, h.authority, h.lives, h.now, rand.Reader)
}

func (h *house) registrar() *signup.Registrar {
	return signup.NewRegistrar(h.store, h.hasher, password.Policy{MinLength: 8}, h.pairs(), h.now, rand.Reader)
}

func (h *house) login() *signin.Login {
	return signin.NewLogin(h.store, h.hasher, h.guard(), h.pairs(), h.cookies(), h.now, h.logger())
}

func (h *house) devices() *guard.Devices { return guard.NewDevices(h.keys, rand.Reader) }

func (h *house) guard() *guard.Guard { return guard.New(h.store, h.devices(), h.now, rand.Reader) }

// deviceOf makes the cookie of a device that the user of that name has signed in on.
func (h *house) deviceOf(t *testing.T, name string) secret.String {
	t.Helper()
	user := h.user(t, name)
	return h.keys.SealDevice(guard.DeviceClaims{User: user.ID, Epoch: user.Epoch, Device: id.New(rand.Reader)})
}

// signIn is what somebody shows who was never here before.
func signIn(name, password string) guard.Attempt {
	return guard.Attempt{Name: name, Password: secret.New(password)}
}

// tryLogin signs in with a name and a password.
func (h *house) tryLogin(ctx context.Context, name, password string) (session.Pair, error) {
	pair, _, err := h.login().Login(ctx, signIn(name, password))
	return pair, err
}

// reset sets the password by a link's token.
func (h *house) reset(ctx context.Context, token secret.String, password string) error {
	_, err := h.resetter().Reset(ctx, token, secret.New(password))
	return err
}

func (h *house) authenticator() *session.Authenticator {
	return session.NewAuthenticator(h.store, h.authority, h.cookies(), h.now)
}

func (h *house) cookies() *session.Cookies { return session.NewCookies(h.lives, h.now, rand.Reader) }

// authenticate presents the access token of pair.
func (h *house) authenticate(t *testing.T, pair session.Pair) (session.Authentication, error) {
	t.Helper()
	return h.admit(t.Context(), session.Credentials{Access: pair.Access})
}

// admit authenticates the credentials of one request.
func (h *house) admit(ctx context.Context, credentials session.Credentials) (session.Authentication, error) {
	return admitBy(ctx, h.authenticator(), credentials)
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

// endSessions logs out with the credentials of one request and a refresh token in its body.
func (h *house) endSessions(ctx context.Context, credentials session.Credentials, refresh secret.String) error {
	resolution, err := h.authenticator().Resolve(ctx, credentials)
	if err != nil {
		return err
	}
	return h.logout().Logout(ctx, resolution, refresh)
}

func (h *house) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(&h.log, nil)) }

func (h *house) refresher() *session.Refresher {
	return session.NewRefresher(h.store, h.keys, h.pairs(), h.logger())
}

func (h *house) verifier() *maillink.Verifier {
	return maillink.NewVerifier(h.store, h.keys, h.authenticator(), h.now)
}

func (h *house) resetter() *maillink.Resetter {
	return maillink.NewResetter(h.store, h.keys, h.hasher, password.Policy{MinLength: 8}, h.devices(), h.now, rand.Reader)
}

func (h *house) logout() *session.Logout {
	return session.NewLogout(h.authenticator(), h.store, h.keys)
}

const goodPassword = "SecurePass123!"

func registration(username, email string) signup.Registration {
	return signup.Registration{Username: username, Email: email, Password: secret.New(goodPassword)}
}

// register creates an account and returns its first tokens.
func (h *house) register(t *testing.T, username, email string) session.Pair {
	t.Helper()
	pair, err := h.registrar().Register(t.Context(), registration(username, email))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// user reads the account that name names.
func (h *house) user(t *testing.T, name string) account.User {
	t.Helper()
	user, err := h.store.FindUser(t.Context(), account.ParseLoginName(name))
	if err != nil {
		t.Fatal(err)
	}
	return user
}
