package app

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/id"
	"latchkey/pkg/session"
)

// sessionStore is a store of sessions. It finds each session by its access token, and one by a cookie.
type sessionStore struct {
	principals map[session.Ref]session.Principal
	byToken    map[string]session.Ref
	cookie     string // of a live session
	err        error
	reads      int
}

var (
	ordinaryID = id.ID{1}
	staffID    = id.ID{2}
	ownerID    = id.ID{3}
)

// newSessionStore returns a store with the access tokens "user" and "staff" and with a cookie of a member of the staff. The session
// of the cookie was last used the given time ago.
func newSessionStore(age time.Duration) *sessionStore {
	s := &sessionStore{principals: map[session.Ref]session.Principal{}, byToken: map[string]session.Ref{}}
	s.byToken["user"] = s.add(account.User{ID: ordinaryID, Active: true}, session.Session{ID: id.ID{11}, Kind: session.KindTokens})
	s.byToken["staff"] = s.add(account.User{ID: staffID, Active: true, Staff: true}, session.Session{ID: id.ID{12}, Kind: session.KindTokens})
	staff := account.User{ID: staffID, Active: true, Staff: true}
	cookies := session.NewCookies(lifetimes, func() time.Time { return time.Now().Add(-age) }, rand.Reader)
	begun, cookie := cookies.Begin(staff)
	s.add(staff, begun)
	s.cookie = cookie.Reveal()
	return s
}

var lifetimes = session.Lifetimes{CookieIdle: 7 * 24 * time.Hour, CookieAbsolute: 30 * 24 * time.Hour}

func (s *sessionStore) add(user account.User, sess session.Session) session.Ref {
	sess.User = user.ID
	if sess.Expires.IsZero() {
		sess.Expires, sess.End = time.Now().Add(time.Hour), time.Now().Add(time.Hour)
	}
	s.principals[sess.Ref()] = session.Principal{User: user, Session: sess}
	return sess.Ref()
}

func (s *sessionStore) ReadSessions(_ context.Context, refs []session.Ref) (map[session.Ref]session.Principal, error) {
	s.reads++
	found := map[session.Ref]session.Principal{}
	for _, ref := range refs {
		if principal, exists := s.principals[ref]; exists {
			found[ref] = principal
		}
	}
	return found, s.err
}

func (*sessionStore) RenewSession(context.Context, session.Renewal) error { return nil }

func (s *sessionStore) VerifyAccess(token string, _ time.Time) (session.AccessClaims, error) {
	ref, known := s.byToken[token]
	if !known {
		return session.AccessClaims{}, errors.New("unknown token")
	}
	return session.AccessClaims{Subject: ref.User, Session: ref.Session}, nil
}

func (s *sessionStore) authenticator() *session.Authenticator {
	return session.NewAuthenticator(s, s, session.NewCookies(lifetimes, time.Now, rand.Reader), time.Now)
}

// serverOptions returns the options of an API at https://auth.example.com that pages of https://app.example.com may call.
func serverOptions(store *sessionStore, logs io.Writer) httpapi.Options {
	origins, err := httpapi.NewOrigins("https://auth.example.com", []string{"https://app.example.com"})
	if err != nil {
		panic(err)
	}
	return httpapi.Options{
		Log: slog.New(slog.NewJSONHandler(logs, nil)), Now: time.Now, RequestID: func(context.Context) string { return "req-1" },
		HTTPS: true, Origins: origins, Sessions: store.authenticator(), Limits: newLimits(&permits{}),
		Cookies: httpapi.CookieSet{
			Session: httpapi.SessionCookies(true, 7*24*time.Hour), Device: httpapi.DeviceCookies(true),
			Binding: httpapi.BindingCookies(true, 10*time.Minute),
		},
	}
}

// respond serves one request to an endpoint. Headers have the form "Name: value".
func respond(options httpapi.Options, endpoint httpapi.Endpoint, body string, headers ...string) *httptest.ResponseRecorder {
	return respondTo(options, endpoint, requestTo(endpoint, "https://auth.example.com"+endpoint.Path, body, headers...))
}

func requestTo(endpoint httpapi.Endpoint, url, body string, headers ...string) *http.Request {
	request := httptest.NewRequest(endpoint.Method, url, strings.NewReader(body))
	request.Pattern = endpoint.Key()
	request.RemoteAddr = "192.0.2.1"
	request.Header.Set("Content-Type", "application/json")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Content-Type" || name == "Authorization" {
			request.Header.Set(name, value)
		} else {
			request.Header.Add(name, value)
		}
	}
	return request
}

func respondTo(options httpapi.Options, endpoint httpapi.Endpoint, request *http.Request) *httptest.ResponseRecorder {
	response := httptest.NewRecorder()
	httpapi.NewServer(options).Handler(endpoint).ServeHTTP(response, request)
	return response
}
