package oauth_test

import (
	"errors"
	"fmt"
	"testing"

	"latchkey/infra/testkit/githubtest"
	"latchkey/pkg/signin"
)

const private = "583231+octocat@users.noreply.github.com"

// TestGitHubsAddress shows that the primary address is used if it is verified, and otherwise the first verified one. An address
// that receives no mail is never used.
func TestGitHubsAddress(t *testing.T) {
	verified := func(email string) githubtest.Email { return githubtest.Email{Email: email, Verified: true} }
	primary := func(email string) githubtest.Email {
		return githubtest.Email{Email: email, Verified: true, Primary: true}
	}
	tests := map[string]struct {
		emails []githubtest.Email
		want   string
	}{
		"one":                        {[]githubtest.Email{primary("a@example.com")}, "a@example.com"},
		"the primary one last":       {[]githubtest.Email{verified("a@example.com"), primary("b@example.com")}, "b@example.com"},
		"no primary one":             {[]githubtest.Email{verified("a@example.com"), verified("b@example.com")}, "a@example.com"},
		"the primary one unverified": {[]githubtest.Email{{Email: "a@example.com", Primary: true}, verified("b@example.com")}, "b@example.com"},
		"the primary one private":    {[]githubtest.Email{primary(private), verified("b@example.com")}, "b@example.com"},
		"private in capitals":        {[]githubtest.Email{primary("X@Users.NoReply.GitHub.com")}, ""},
		"only a private one":         {[]githubtest.Email{primary(private)}, ""},
		"only an unverified one":     {[]githubtest.Email{{Email: "a@example.com", Primary: true}}, ""},
		"none":                       {nil, ""},
		"a domain with this prefix":  {[]githubtest.Email{primary("a@users.noreply.github.com.example.com")}, "a@users.noreply.github.com.example.com"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.github.SignIn(githubtest.User{ID: 583231, Login: "octocat", Name: "Monalisa", Emails: test.emails})
			got, err := f.identify(t, "github")
			want := signin.Profile{
				Identity: signin.Identity{Issuer: f.github.URL, Subject: "583231"},
				Email:    test.want, Name: "octocat",
			}
			if err != nil || got != want {
				t.Errorf("Identify = %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

func TestGitHubRefuses(t *testing.T) {
	tests := map[string]struct {
		user  githubtest.User
		code  string // empty for the valid one
		fault string // path at which GitHub refuses for too many requests
		want  error
	}{
		"another code":      {githubtest.User{ID: 1, Login: "octocat"}, "another", "", signin.ErrOAuthFailed},
		"a negative id":     {githubtest.User{ID: -1, Login: "octocat"}, "", "", signin.ErrOAuthProviderFailed},
		"no id":             {githubtest.User{Login: "octocat"}, "", "", signin.ErrOAuthProviderFailed},
		"too many requests": {githubtest.User{ID: 1, Login: "octocat"}, "", githubtest.UserPath, signin.ErrOAuthProviderFailed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.github.SignIn(test.user)
			code := f.callback(t, "github").Get("code")
			if test.code != "" {
				code = test.code
			}
			if test.fault != "" {
				f.github.Fail(test.fault, githubtest.RateLimited)
			}
			if _, err := f.exchange(t, "github", code); !errors.Is(err, test.want) {
				t.Errorf("Identify returned the error %v, want %v", err, test.want)
			}
		})
	}
}

// TestAUserWithoutTheScopeForAddresses is identified without an address, so an existing account opens and no new one is created.
// At GitHub, users can remove scopes from a grant.
func TestAUserWithoutTheScopeForAddresses(t *testing.T) {
	f := newFixture(t)
	f.github.SignIn(githubtest.User{ID: 1, Login: "octocat", NoEmails: true, Emails: []githubtest.Email{
		{Email: "a@example.com", Primary: true, Verified: true},
	}})
	if got, err := f.identify(t, "github"); err != nil || got.Subject != "1" || got.Email != "" {
		t.Errorf("Identify = %+v, %v; want the subject 1 without an address", got, err)
	}
}

// TestManyAddresses shows that more than the default page of thirty addresses is read.
func TestManyAddresses(t *testing.T) {
	f := newFixture(t)
	emails := make([]githubtest.Email, 100)
	for i := range emails {
		emails[i] = githubtest.Email{Email: fmt.Sprintf("%d@example.com", i), Verified: true, Primary: i == len(emails)-1}
	}
	f.github.SignIn(githubtest.User{ID: 1, Login: "octocat", Emails: emails})
	if got, err := f.identify(t, "github"); err != nil || got.Email != "99@example.com" {
		t.Errorf("Identify = %+v, %v; want the address %s", got, err, "99@example.com")
	}
}

// TestACodeIsUsedOnce shows that the provider refuses a second exchange.
func TestACodeIsUsedOnce(t *testing.T) {
	f := newFixture(t)
	f.github.SignIn(githubtest.User{ID: 1, Login: "octocat"})
	f.google.SignIn("1", nil)
	for _, name := range []string{"github", "google"} {
		code := f.callback(t, name).Get("code")
		if _, err := f.exchange(t, name, code); err != nil {
			t.Errorf("%s: Identify returned the error %v, want nil", name, err)
		}
		if _, err := f.exchange(t, name, code); !errors.Is(err, signin.ErrOAuthFailed) {
			t.Errorf("%s: Identify with the same code returned the error %v, want %v", name, err, signin.ErrOAuthFailed)
		}
	}
}
