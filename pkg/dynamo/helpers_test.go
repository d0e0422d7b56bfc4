package dynamo_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"latchkey/infra/testkit/enginetest"
	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// fixture is a store on empty tables.
type fixture struct {
	*dynamo.Store
	tap       *wiretap.Tap
	transport *http.Transport // below the tap
	tables    enginetest.Tables

	// The subjects of a storeCall, set by prepare.
	user account.User
	mail outbox.Mail
}

// onEachEngine runs the test once per engine, each time on empty tables.
func onEachEngine(t *testing.T, test func(t *testing.T, f fixture)) {
	t.Helper()
	enginetest.Each(t, func(t *testing.T, tables enginetest.Tables) { test(t, newFixture(t, tables)) })
}

// onDynoxide returns a fixture for tests that need only one engine, or correct capacity units.
func onDynoxide(t *testing.T) fixture {
	t.Helper()
	return newFixture(t, enginetest.Dynoxide(t))
}

func newFixture(t *testing.T, tables enginetest.Tables) fixture {
	t.Helper()
	transport := dynamo.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	tap := wiretap.New(transport)
	return fixture{Store: openStore(tables, tap), tap: tap, transport: transport, tables: tables}
}

func openStore(tables enginetest.Tables, transport http.RoundTripper) *dynamo.Store {
	return dynamo.New(dynamo.Options{
		UsersTable:    tables.Users,
		SessionsTable: tables.Sessions,
		Region:        "eu-central-1",
		Endpoint:      tables.Endpoint,
		Credentials:   credentials.NewStaticCredentialsProvider("local", "local", ""),
		Transport:     transport,
		Random:        rand.Reader,
	})
}

// wantItems fails the test unless the tables have that many items.
func wantItems(t *testing.T, f fixture, want int) {
	t.Helper()
	if keys := f.tables.Keys(t); len(keys) != want {
		t.Errorf("got %d items, want %d: %v", len(keys), want, keys)
	}
}

// now is a time with the resolution of the store. It is far ahead, so that no engine deletes an item that has expired.
var now = time.Date(2126, 3, 4, 5, 6, 7, 89_000_000, time.UTC)

func newUser(t *testing.T, username, email string) account.User {
	t.Helper()
	name, err := identifier.ParseUsername(username)
	if err != nil {
		t.Fatal(err)
	}
	address, err := identifier.ParseAddress(email)
	if err != nil {
		t.Fatal(err)
	}
	return account.User{
		ID: id.New(rand.Reader), Username: name, Email: address, FirstName: "Guido", LastName: "van Rossum",
		PasswordHash: secret.New("$argon2id$stored"), SessionsLeft: 49, Active: true, Joined: now,
	}
}

func newSession(user account.User) session.Session {
	return session.Session{
		User: user.ID, ID: id.New(rand.Reader), Kind: session.KindTokens, Epoch: user.Epoch, Created: now, LastRenewal: now, KeyID: "k1",
		Expires: now.Truncate(time.Second).Add(time.Hour), End: now.Truncate(time.Second).Add(2 * time.Hour),
	}
}

func newCookieSession(user account.User) session.Session {
	sess := newSession(user)
	sess.Kind, sess.KeyID, sess.SecretHash = session.KindCookie, "", []byte("a hash of 32 bytes, more or less")
	return sess
}

func newMail(user account.User) outbox.Mail {
	return outbox.Mail{
		ID: id.New(rand.Reader), Purpose: outbox.Verification, State: outbox.Queued, Address: user.Email.Canonical,
		Created: now, Expires: now.Truncate(time.Second).Add(time.Hour),
	}
}

// create stores an account with a session and a mail.
func create(t *testing.T, f fixture, username, email string) (account.User, session.Session) {
	t.Helper()
	user := newUser(t, username, email)
	sess := newSession(user)
	if err := f.CreateAccount(t.Context(), user, sess, newMail(user)); err != nil {
		t.Fatal(err)
	}
	return user, sess
}

// storedMail returns the one mail in the tables.
func storedMail(t *testing.T, f fixture) outbox.Mail {
	t.Helper()
	for _, key := range f.tables.Keys(t) {
		pk, _, _ := strings.Cut(key, " / ")
		if mailID, err := dynamo.MailID(pk); err == nil {
			mail, err := f.ReadMail(t.Context(), mailID)
			if err != nil {
				t.Fatal(err)
			}
			return mail
		}
	}
	t.Fatal("got no mail in the tables, want one")
	return outbox.Mail{}
}

// newLease is the first lease of a mail, for user, with an empty history.
func newLease(mail outbox.Mail, user account.User) outbox.Lease {
	mail.State, mail.User, mail.Epoch, mail.KeyID, mail.Worker = outbox.Leased, user.ID, user.Epoch, "k1", "worker"
	mail.LinkEnd = now.Truncate(time.Second).Add(30 * time.Minute)
	mail.LeaseEnd = now.Truncate(time.Second).Add(time.Minute)
	return outbox.Lease{Mail: mail, Now: now, History: outbox.History{Times: []time.Time{now}}}
}

// leaseMail leases the one mail in the tables, for user.
func leaseMail(t *testing.T, f fixture, user account.User) outbox.Mail {
	t.Helper()
	lease := newLease(storedMail(t, f), user)
	if err := f.LeaseMail(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	return lease.Mail
}

// rotation is the rotation of a session, a minute after it was stored.
func rotation(sess session.Session) session.Rotation {
	at := now.Add(time.Minute)
	return session.Rotation{
		User: sess.User, Session: sess.ID, From: sess.Generation, Epoch: sess.Epoch, KeyID: "k2", At: at,
		Expires: at.Truncate(time.Second).Add(time.Hour),
	}
}

// renewal is the renewal of a session, a minute after it was stored.
func renewal(sess session.Session) session.Renewal {
	at := now.Add(time.Minute)
	return session.Renewal{
		Session: sess.Ref(), Epoch: sess.Epoch, LastRenewal: sess.LastRenewal, At: at,
		Expires: at.Truncate(time.Second).Add(time.Hour),
	}
}

// principals returns what ReadSessions returns for these.
func principals(all ...session.Principal) map[session.Ref]session.Principal {
	byRef := map[session.Ref]session.Principal{}
	for _, principal := range all {
		byRef[principal.Session.Ref()] = principal
	}
	return byRef
}
