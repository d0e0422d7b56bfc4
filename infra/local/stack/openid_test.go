package stack

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"testing"
)

func TestGoogleIsTheLocalProvider(t *testing.T) {
	const public = "http://localhost:1"
	s := begin(t, Options{Root: product(t), OpenID: true, Environment: map[string]string{"PUBLIC_URL": public, googleIssuer: ""}})
	got := s.Template.Functions[0].Environment
	if got[googleIssuer] != s.OpenIDURL || got[googleClientID] == "" || got[googleClientSecret] == "" {
		t.Fatalf("environment %v, provider %q", got, s.OpenIDURL)
	}
	if err := answers(t, got[googleIssuer]+"/.well-known/openid-configuration"); err != nil {
		t.Error(err)
	}
	// Client and redirect URI fit: what is left to refuse is the missing challenge, and the browser is sent back with that.
	query := url.Values{
		"client_id": {got[googleClientID]}, "redirect_uri": {public + googleCallback}, "response_type": {"code"}, "scope": {"openid"},
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.OpenIDURL+"/auth?"+query.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if to, err := response.Location(); err != nil || to.Host != "localhost:1" || to.Path != googleCallback {
		t.Errorf("%d, sent to %v, %v", response.StatusCode, to, err)
	}
}

func TestGoogleIsNotTheLocalProvider(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	taken, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"not asked for": {},
		"issuer set":    {OpenID: true, Environment: map[string]string{googleIssuer: "x"}},
		"client set":    {OpenID: true, Environment: map[string]string{googleClientID: "x"}},
		"secret set":    {OpenID: true, Environment: map[string]string{googleClientSecret: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			o.Root, o.OpenIDPort = product(t), taken // which does not matter then
			s := begin(t, o)
			got := s.Template.Functions[0].Environment
			for _, setting := range []string{googleIssuer, googleClientID, googleClientSecret} {
				if got[setting] != o.Environment[setting] {
					t.Errorf("%s is %q", setting, got[setting])
				}
			}
			if s.OpenIDURL != "" {
				t.Errorf("there is a provider at %s", s.OpenIDURL)
			}
		})
	}
}
