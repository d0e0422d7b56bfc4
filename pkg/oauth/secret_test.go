package oauth_test

import (
	"testing"

	"latchkey/infra/testkit/githubtest"
	"latchkey/pkg/fault"
	"latchkey/pkg/secret"
)

// TestASecretIsReadWhenItIsNeeded, kept for a while, and then read again, so that another one comes into use.
func TestASecretIsReadWhenItIsNeeded(t *testing.T) {
	h := newHouse(t)
	h.google.SignIn("42", nil)
	h.callback(t, "google")
	if h.stored.reads != 0 {
		t.Error("sending the browser away needed the secret")
	}
	for range 2 {
		if _, err := h.identify(t, "google"); err != nil {
			t.Fatal(err)
		}
	}
	if h.stored.reads != 1 {
		t.Errorf("two sign-ins read it %d times", h.stored.reads)
	}
	h.stored.clock = h.stored.clock.Add(secretAge)
	h.stored.value = secret.New("another")
	if _, err := h.identify(t, "google"); fault.From(err).Code != "oauth_failed" || h.stored.reads != 2 {
		t.Errorf("with another secret: %v, after %d reads", err, h.stored.reads)
	}
}

// TestASecretThatIsMissing is our fault, is told by nothing that the client sees, and stops the other provider not at all.
func TestASecretThatIsMissing(t *testing.T) {
	h := newHouse(t)
	h.stored.value = secret.String{}
	h.google.SignIn("42", nil)
	h.github.SignIn(githubtest.User{ID: 1, Login: "octocat"})
	if _, err := h.identify(t, "google"); fault.From(err).Kind != fault.Internal {
		t.Errorf("the error is %v", err)
	}
	if _, err := h.identify(t, "github"); err != nil {
		t.Errorf("the other provider: %v", err)
	}
	h.stored.value = secret.New(client.Secret)
	if _, err := h.identify(t, "google"); err != nil {
		t.Errorf("once it is there: %v", err)
	}
}
