package ruletests

import (
	"errors"
	"testing"

	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// mustLogin logs in with the correct password.
func (f *fixture) mustLogin(t *testing.T, name string) session.Pair {
	t.Helper()
	pair, err := f.passwordLogin(t.Context(), name, goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestLogout(t *testing.T) {
	type setting struct {
		first, second, third, bobs session.Pair  // three sessions of alice and one of bob
		older                      secret.String // a replaced refresh token of the third
	}
	tests := map[string]struct {
		access  func(s setting) secret.String
		refresh func(s setting) secret.String
		ends    func(s setting) []session.Pair
	}{
		"by the access token": {
			access: func(s setting) secret.String { return s.first.Access },
			ends:   func(s setting) []session.Pair { return []session.Pair{s.first} },
		},
		"by the refresh token": {
			refresh: func(s setting) secret.String { return s.first.Refresh },
			ends:    func(s setting) []session.Pair { return []session.Pair{s.first} },
		},
		"by a refresh token of an earlier generation": {
			refresh: func(s setting) secret.String { return s.older },
			ends:    func(s setting) []session.Pair { return []session.Pair{s.third} },
		},
		"by both tokens of one session": {
			access:  func(s setting) secret.String { return s.first.Access },
			refresh: func(s setting) secret.String { return s.first.Refresh },
			ends:    func(s setting) []session.Pair { return []session.Pair{s.first} },
		},
		"by the tokens of two sessions": {
			access:  func(s setting) secret.String { return s.first.Access },
			refresh: func(s setting) secret.String { return s.second.Refresh },
			ends:    func(s setting) []session.Pair { return []session.Pair{s.first, s.second} },
		},
		"by the tokens of two users": {
			access:  func(s setting) secret.String { return s.first.Access },
			refresh: func(s setting) secret.String { return s.bobs.Refresh },
			ends:    func(s setting) []session.Pair { return []session.Pair{s.first, s.bobs} },
		},
		"by one valid token and one invalid": {
			access:  func(setting) secret.String { return secret.New("bad") },
			refresh: func(s setting) secret.String { return s.second.Refresh },
			ends:    func(s setting) []session.Pair { return []session.Pair{s.second} },
		},
		"no credential": {},
		"invalid tokens": {
			access:  func(setting) secret.String { return secret.New("bad") },
			refresh: func(setting) secret.String { return secret.New("bad") },
		},
		"exchanged tokens": {
			access:  func(s setting) secret.String { return s.first.Refresh },
			refresh: func(s setting) secret.String { return s.first.Access },
		},
		"a damaged token": {access: func(s setting) secret.String { return secret.New(s.first.Access.Reveal() + "A") }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			s := setting{first: f.register(t, "alice", "alice@example.com"), bobs: f.register(t, "bob", "bob@example.com")}
			s.second, s.third = f.mustLogin(t, "alice"), f.mustLogin(t, "alice")
			s.older = s.third.Refresh
			s.third = f.mustRefresh(t, f.mustRefresh(t, s.third))
			var access, refresh secret.String
			var ends []session.Pair
			if test.access != nil {
				access = test.access(s)
			}
			if test.refresh != nil {
				refresh = test.refresh(s)
			}
			if test.ends != nil {
				ends = test.ends(s)
			}
			err := f.logOut(t.Context(), session.Credentials{Access: access}, refresh)
			if refused := errors.Is(err, session.ErrAuthenticationRequired); refused != (len(ends) == 0) || err != nil && !refused {
				t.Fatalf("the logout: got the error %v, want one only if no session ends (%d do)", err, len(ends))
			}
			for _, pair := range ends {
				f.checkEnded(t, pair)
			}
			live := 0
			for _, pair := range []session.Pair{s.first, s.second, s.third, s.bobs} {
				if _, err := f.authenticate(t, pair); err == nil {
					live++
				}
			}
			if live != 4-len(ends) {
				t.Errorf("the live sessions after the logout: got %d of 4, want %d", live, 4-len(ends))
			}
			err = f.logOut(t.Context(), session.Credentials{Access: access}, refresh)
			if !errors.Is(err, session.ErrAuthenticationRequired) {
				t.Errorf("the repeated logout: got the error %v, want %v", err, session.ErrAuthenticationRequired)
			}
		})
	}
}

func TestLogoutIsOneReadAndOneDelete(t *testing.T) {
	f := newFixture(t)
	pair := f.register(t, "alice", "alice@example.com")
	f.tap.Reset()
	if err := f.logOut(t.Context(), session.Credentials{Access: pair.Access}, pair.Refresh); err != nil {
		t.Fatal(err)
	}
	if calls := f.tap.Calls(); len(calls) != 2 || calls[0].Read != 2 || calls[1].Write != 1 {
		t.Errorf("the calls: got %+v, want one that reads 2 units and one that writes 1", calls)
	}
}

// TestAChangeOfTheAccountEndsItsSessionsAtOnce disables an account or raises its epoch.
func TestAChangeOfTheAccountEndsItsSessionsAtOnce(t *testing.T) {
	for name, change := range map[string]attributes{
		"disabled":     {"active": boolean(false)},
		"epoch raised": {"epoch": number("1")},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			pair := f.register(t, "alice", "alice@example.com")
			if _, err := f.authenticate(t, pair); err != nil {
				t.Fatal(err)
			}
			f.setUser(t, "alice", change)
			f.checkEnded(t, pair)
			err := f.logOut(t.Context(), session.Credentials{Access: pair.Access}, pair.Refresh)
			if !errors.Is(err, session.ErrAuthenticationRequired) {
				t.Errorf("the logout: got the error %v, want %v", err, session.ErrAuthenticationRequired)
			}
		})
	}
}

// TestATokenOfOneUserOpensNoSessionOfAnother signs a token with the ids of one user and of a session of another.
func TestATokenOfOneUserOpensNoSessionOfAnother(t *testing.T) {
	f := newFixture(t)
	alice := f.claims(t, f.register(t, "alice", "alice@example.com"))
	bob := f.claims(t, f.register(t, "bob", "bob@example.com"))
	alice.Session = bob.Session
	forged, err := f.authority.SignAccess(alice)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.authenticate(t, session.Pair{Access: forged}); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the token: got the error %v, want %v", err, session.ErrAuthenticationRequired)
	}
}
