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

// fixture is a store on fresh tables.
type fixture struct {
	*dynamo.Store
	tap       *wiretap.Tap
	transport *http.Transport // below the tap
	tables    enginetest.Tables

	// What a store call of the fault tests works on.
	user account.User
	mail outbox.Mail
}

// onEachEngine runs the test on fresh tables of every engine.
func onEachEngine(t *testing.T, test func(t *testing.T, f fixture)) {
	t.Helper()
	enginetest.Each(t, func(t *testing.T, tables enginetest.Tables) { test(t, newFixture(t, tables)) })
}

// onDynoxide runs where the engine makes no difference, or only dynoxide tells the truth.
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

// now is a fixed time of the store's resolution, far ahead so that no engine sweeps what a test looks at.
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

func newMail(user account.User) outbox.Mail {
	return outbox.Mail{
		ID: id.New(rand.Reader), Purpose: outbox.Verification, State: outbox.Queued, Address: user.Email.Canonical,
		Created: now, Expires: now.Truncate(time.Second).Add(time.Hour),
	}
}

// queued returns the one mail in the tables.
func queued(t *testing.T, f fixture) outbox.Mail {
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
	t.Fatal("there is no mail")
	return outbox.Mail{}
}

// claimOf is a claim of mail for user, counted as the first.
func claimOf(mail outbox.Mail, user account.User) outbox.Lease {
	mail.State, mail.User, mail.Epoch, mail.KeyID, mail.Worker = outbox.Leased, user.ID, user.Epoch, "k1", "worker"
	mail.LinkEnd = now.Truncate(time.Second).Add(30 * time.Minute)
	mail.LeaseEnd = now.Truncate(time.Second).Add(time.Minute)
	return outbox.Lease{Mail: mail, Now: now, History: outbox.History{Times: []time.Time{now}}}
}

// claimed claims the one mail in the tables for user.
func claimed(t *testing.T, f fixture, user account.User) outbox.Mail {
	t.Helper()
	claim := claimOf(queued(t, f), user)
	if err := f.LeaseMail(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	return claim.Mail
}

// create stores an account with a session.
func create(t *testing.T, f fixture, username, email string) (account.User, session.Session) {
	t.Helper()
	user := newUser(t, username, email)
	session := newSession(user)
	if err := f.CreateAccount(t.Context(), user, session, newMail(user)); err != nil {
		t.Fatal(err)
	}
	return user, session
}

// move is the move of session to its next generation, a minute after it was stored.
func move(sess session.Session) session.Rotation {
	at := now.Add(time.Minute)
	return session.Rotation{
		User: sess.User, Session: sess.ID, From: sess.Generation, Epoch: sess.Epoch, KeyID: "k2", At: at,
		Expires: at.Truncate(time.Second).Add(time.Hour),
	}
}

func newCookieSession(user account.User) session.Session {
	sess := newSession(user)
	sess.Kind, sess.KeyID, sess.SecretHash = session.KindCookie, "", []byte("a hash of 32 bytes, more or less")
	return sess
}

// renewal is the renewal of session, a minute after it was stored.
func renewal(sess session.Session) session.Renewal {
	at := now.Add(time.Minute)
	return session.Renewal{
		Session: sess.Ref(), Epoch: sess.Epoch, LastRenewal: sess.LastRenewal, At: at,
		Expires: at.Truncate(time.Second).Add(time.Hour),
	}
}

// callers is what the store returns for these.
func callers(all ...session.Principal) map[session.Ref]session.Principal {
	found := map[session.Ref]session.Principal{}
	for _, caller := range all {
		found[caller.Session.Ref()] = caller
	}
	return found
}
