package stack

import (
	"net"

	"net/url"
	"strconv"
	"testing"
)

func TestLocalProviderReplacesGoogle(t *testing.T) {
	const publicURL = "http://localhost:1"
	s := startStack(t, Options{Root: product(t), OpenID: true, Environment: map[string]string{"PUBLIC_URL": publicURL, googleIssuer: ""}})
	got := s.Template.Functions[0].Environment
	if got[googleIssuer] != s.OpenIDURL || got[googleClientID] == "" || got[googleClientSecret] == "" {
		t.Fatalf("got environment %v, want the issuer %q, a client id and a secret", got, s.OpenIDURL)
	}
	client.Send(t, "GET", got[googleIssuer]+"/.well-known/openid-configuration", "")
	// The request lacks a challenge. A redirect with that error shows that the client and the redirect URI are registered.
	query := url.Values{
		"client_id": {got[googleClientID]}, "redirect_uri": {publicURL + googleCallback}, "response_type": {"code"}, "scope": {"openid"},
	}
	response := client.Send(t, "GET", s.OpenIDURL+"/auth?"+query.Encode(), "")
	if to, err := url.Parse(response.Header.Get("Location")); err != nil || to.Host != "localhost:1" || to.Path != googleCallback {
		t.Errorf("got %v to %v, want a redirect to %s", response, to, publicURL+googleCallback)
	}
}

func TestLocalProviderIsNotStarted(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	usedPort, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"option off": {},
		"issuer set": {OpenID: true, Environment: map[string]string{googleIssuer: "x"}},
		"client set": {OpenID: true, Environment: map[string]string{googleClientID: "x"}},
		"secret set": {OpenID: true, Environment: map[string]string{googleClientSecret: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			o.Root, o.OpenIDPort = product(t), usedPort // must have no effect
			s := startStack(t, o)
			got := s.Template.Functions[0].Environment
			for _, setting := range []string{googleIssuer, googleClientID, googleClientSecret} {
				if got[setting] != o.Environment[setting] {
					t.Errorf("%s: got %q, want %q", setting, got[setting], o.Environment[setting])
				}
			}
			if s.OpenIDURL != "" {
				t.Errorf("got a provider at %s, want none", s.OpenIDURL)
			}
		})
	}
}
