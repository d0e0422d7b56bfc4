package sam

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/infra/local/docker"
)

// TestEndpointsAreForwardedToTheGateway uses another loopback address as the gateway.
func TestEndpointsAreForwardedToTheGateway(t *testing.T) {
	emulator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer emulator.Close()
	r := &running{network: &docker.Network{Gateway: net.IPv4(127, 0, 0, 2)}}
	defer r.Close()
	first, err := r.reachable("DYNAMODB_ENDPOINT", emulator.URL)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.reachable("DYNAMODB_ENDPOINT", emulator.URL)
	if err != nil || first != second || !strings.HasPrefix(first, "http://127.0.0.2:") {
		t.Errorf("got addresses %s and %s, %v; want one on 127.0.0.2, twice", first, second, err)
	}
	large := strings.Repeat("x", 1<<20)
	response, err := http.Post(first, "text/plain", strings.NewReader(large))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != large {
		t.Errorf("got %d bytes, %v; want the %d bytes of the request", len(got), err, len(large))
	}
	r.Close()
	if _, err := net.Dial("tcp", strings.TrimPrefix(first, "http://")); err == nil {
		t.Errorf("connection to %s after Close: got one, want an error", first)
	}
}

func TestAddressesForBrowsersAreUnchanged(t *testing.T) {
	provider := httptest.NewServer(http.NotFoundHandler())
	defer provider.Close()
	r := &running{network: &docker.Network{Gateway: net.IPv4(127, 0, 0, 2)}}
	defer r.Close()
	issuer := strings.Replace(provider.URL, "127.0.0.1", "localhost", 1)
	for variable, value := range map[string]string{
		"OAUTH_GOOGLE_ISSUER": issuer, "OAUTH_GITHUB_URL": "https://github.com", "PUBLIC_URL": "http://localhost:8000", "OAUTH_GITHUB_CLIENT_ID": "x",
	} {
		if got, err := r.reachable(variable, value); got != value || err != nil {
			t.Errorf("%s: got %q, %v; want %q", variable, got, err, value)
		}
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(provider.URL, "http://"))
	response, err := http.Get("http://127.0.0.2:" + port)
	if err != nil {
		t.Fatalf("issuer at its own port of the gateway: got %v, want a response", err)
	}
	if err := response.Body.Close(); err != nil || len(r.forwarders) != 1 {
		t.Errorf("got %d forwarders, %v; want 1", len(r.forwarders), err)
	}
}
