package awshttp_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"latchkey/pkg/awshttp"
)

func get(t *testing.T, client *http.Client, url string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err == nil {
		err = response.Body.Close()
	}
	return err
}

// TestLimits shows that a server that accepts connections and then stays silent costs no more than the limit.
func TestLimits(t *testing.T) {
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	const short = 50 * time.Millisecond
	tests := map[string]struct {
		scheme string
		limits awshttp.Limits
	}{
		"no response":  {"http://", awshttp.Limits{Attempt: short}},
		"no handshake": {"https://", awshttp.Limits{Handshake: short, Attempt: time.Minute}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			if err := get(t, awshttp.NewClient(nil, test.limits), test.scheme+silent.Addr().String()); err == nil {
				t.Error("the call succeeded, want a timeout")
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("the call took %v, want about %v", took, short)
			}
		})
	}
}

// TestIdle shows that an unused connection is closed after the limit.
func TestIdle(t *testing.T) {
	closed := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	client := awshttp.NewClient(nil, awshttp.Limits{Attempt: 10 * time.Second, Idle: 50 * time.Millisecond})
	if err := get(t, client, server.URL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection is open after 10 s, want it closed after 50 ms")
	}
}

func TestATransportOfTheCallerIsUsed(t *testing.T) {
	own := &http.Transport{}
	if got := awshttp.NewClient(own, awshttp.Limits{}).Transport; got != own {
		t.Errorf("got the transport %v, want that of the caller", got)
	}
}
