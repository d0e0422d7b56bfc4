package oauth_test

import (
	"testing"

	"latchkey/infra/testkit/githubtest"
	"latchkey/pkg/fault"
	"latchkey/pkg/secret"
)

// TestASecretIsReadWhenItIsNeeded also shows that it is kept for a while and then read again, so that a new secret takes effect.
func TestASecretIsReadWhenItIsNeeded(t *testing.T) {
	f := newFixture(t)
	f.google.SignIn("42", nil)
	f.callback(t, "google")
	if f.parameters.reads != 0 {
		t.Errorf("the redirect to the provider: got %d reads of the secret, want 0", f.parameters.reads)
	}
	for range 2 {
		if _, err := f.identify(t, "google"); err != nil {
			t.Fatal(err)
		}
	}
	if f.parameters.reads != 1 {
		t.Errorf("two sign-ins: got %d reads of the secret, want 1", f.parameters.reads)
	}
	f.parameters.clock = f.parameters.clock.Add(secretAge)
	f.parameters.value = secret.New("another")
	if _, err := f.identify(t, "google"); fault.From(err).Code != "oauth_failed" || f.parameters.reads != 2 {
		t.Errorf("with another secret: got the error %v after %d reads, want oauth_failed after 2", err, f.parameters.reads)
	}
}

// TestAMissingSecret shows that a missing secret is an internal error and does not affect the other providers.
func TestAMissingSecret(t *testing.T) {
	f := newFixture(t)
	f.parameters.value = secret.String{}
	f.google.SignIn("42", nil)
	f.github.SignIn(githubtest.User{ID: 1, Login: "octocat"})
	if _, err := f.identify(t, "google"); fault.From(err).Kind != fault.Internal {
		t.Errorf("got the error %v, want an internal one", err)
	}
	if _, err := f.identify(t, "github"); err != nil {
		t.Errorf("the other provider: got the error %v, want nil", err)
	}
	f.parameters.value = secret.New(client.Secret)
	if _, err := f.identify(t, "google"); err != nil {
		t.Errorf("with the secret: got the error %v, want nil", err)
	}
}
