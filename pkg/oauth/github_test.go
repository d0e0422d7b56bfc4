package oauth_test

import (
	"errors"
	"fmt"
	"testing"

	"latchkey/infra/testkit/githubtest"
	"latchkey/pkg/signin"
)

const private = "583231+octocat@users.noreply.github.com"

// TestGitHubsAddress: the primary one if it is verified, else the first that is; never one that reaches nobody.
func TestGitHubsAddress(t *testing.T) {
	verified := func(email string) githubtest.Email { return githubtest.Email{Email: email, Verified: true} }
	primary := func(email string) githubtest.Email {
		return githubtest.Email{Email: email, Verified: true, Primary: true}
	}
	tests := map[string]struct {
		emails []githubtest.Email
		want   string
	}{
		"one":                             {[]githubtest.Email{primary("a@example.com")}, "a@example.com"},
		"the primary stands last":         {[]githubtest.Email{verified("a@example.com"), primary("b@example.com")}, "b@example.com"},
		"none is primary":                 {[]githubtest.Email{verified("a@example.com"), verified("b@example.com")}, "a@example.com"},
		"the primary is not verified":     {[]githubtest.Email{{Email: "a@example.com", Primary: true}, verified("b@example.com")}, "b@example.com"},
		"the primary is private":          {[]githubtest.Email{primary(private), verified("b@example.com")}, "b@example.com"},
		"private in capitals":             {[]githubtest.Email{primary("X@Users.NoReply.GitHub.com")}, ""},
		"private only":                    {[]githubtest.Email{primary(private)}, ""},
		"none is verified":                {[]githubtest.Email{{Email: "a@example.com", Primary: true}}, ""},
		"none":                            {nil, ""},
		"a domain that only ends like it": {[]githubtest.Email{primary("a@users.noreply.github.com.example.com")}, "a@users.noreply.github.com.example.com"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.github.SignIn(githubtest.User{ID: 583231, Login: "octocat", Name: "Monalisa", Emails: test.emails})
			got, err := h.identify(t, "github")
			want := signin.Profile{
				Identity: signin.Identity{Issuer: h.github.URL, Subject: "583231"},
				Email:    test.want, Name: "octocat",
			}
			if err != nil || got != want {
				t.Errorf("identified %+v, error %v", got, err)
			}
		})
	}
}

func TestGitHubRefuses(t *testing.T) {
	tests := map[string]struct {
		user  githubtest.User
		code  string // empty for the good one
		fault string // path at which GitHub complains of too many requests
		want  error
	}{
		"another code":      {githubtest.User{ID: 1, Login: "octocat"}, "another", "", signin.ErrOAuthFailed},
		"a negative id":     {githubtest.User{ID: -1, Login: "octocat"}, "", "", signin.ErrOAuthProviderFailed},
		"no id":             {githubtest.User{Login: "octocat"}, "", "", signin.ErrOAuthProviderFailed},
		"too many requests": {githubtest.User{ID: 1, Login: "octocat"}, "", githubtest.UserPath, signin.ErrOAuthProviderFailed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.github.SignIn(test.user)
			code := h.callback(t, "github").Get("code")
			if test.code != "" {
				code = test.code
			}
			if test.fault != "" {
				h.github.Fail(test.fault, githubtest.RateLimited)
			}
			if _, err := h.exchange(t, "github", code); !errors.Is(err, test.want) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestAPersonWhoKeepsTheirAddressesBack is identified without one: their account opens, and no new one is made. GitHub lets
// people take scopes off a grant.
func TestAPersonWhoKeepsTheirAddressesBack(t *testing.T) {
	h := newHouse(t)
	h.github.SignIn(githubtest.User{ID: 1, Login: "octocat", NoEmails: true, Emails: []githubtest.Email{
		{Email: "a@example.com", Primary: true, Verified: true},
	}})
	if got, err := h.identify(t, "github"); err != nil || got.Subject != "1" || got.Email != "" {
		t.Errorf("identified %+v, error %v", got, err)
	}
}

// TestManyAddresses: GitHub gives thirty at a time unless it is asked for more.
func TestManyAddresses(t *testing.T) {
	h := newHouse(t)
	emails := make([]githubtest.Email, 100)
	for i := range emails {
		emails[i] = githubtest.Email{Email: fmt.Sprintf("%d@example.com", i), Verified: true, Primary: i == len(emails)-1}
	}
	h.github.SignIn(githubtest.User{ID: 1, Login: "octocat", Emails: emails})
	if got, err := h.identify(t, "github"); err != nil || got.Email != "99@example.com" {
		t.Errorf("identified %+v, error %v", got, err)
	}
}

// TestACodeIsUsedOnce: what a client shows twice, the provider refuses.
func TestACodeIsUsedOnce(t *testing.T) {
	h := newHouse(t)
	h.github.SignIn(githubtest.User{ID: 1, Login: "octocat"})
	h.google.SignIn("1", nil)
	for _, name := range []string{"github", "google"} {
		code := h.callback(t, name).Get("code")
		if _, err := h.exchange(t, name, code); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := h.exchange(t, name, code); !errors.Is(err, signin.ErrOAuthFailed) {
			t.Errorf("%s, again: %v", name, err)
		}
	}
}
