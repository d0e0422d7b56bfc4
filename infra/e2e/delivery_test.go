package e2e_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/stack"
	"latchkey/infra/local/streams"
	"latchkey/infra/testkit"
)

// mailService is a local SES behind a proxy that can break connections.
type mailService struct {
	url   string // of the proxy
	inbox string // of the SES
	down  atomic.Bool
}

func startMailService(t *testing.T) *mailService {
	t.Helper()
	ses, err := engine.StartSES(t.Context(), engine.Options{Root: testkit.Root(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ses.Stop)
	target, err := url.Parse(ses.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailService{url: "http://" + listener.Addr().String(), inbox: ses.Endpoint}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.down.Load() {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return m
}

// TestMailServiceOutage checks that requests succeed at once during an outage of SES, and that each mail is sent once
// afterwards, even if the host has restarted in between.
func TestMailServiceOutage(t *testing.T) {
	service := startMailService(t)
	service.down.Store(true)
	options := stack.Options{DataDir: t.TempDir(), Environment: map[string]string{"SES_ENDPOINT": service.url}}
	first := startStack(t, options)
	start := time.Now()
	if got := sendJSON(t, first.URL, "/api/auth/register", registration("waiting")); got.Status != http.StatusCreated || time.Since(start) > 5*time.Second {
		t.Fatalf("register during the outage: got %v after %v, want 201 within 5 s", got, time.Since(start))
	}
	time.Sleep(2 * time.Second) // for an attempt of the mailer
	first.Close()
	second := startStack(t, options)
	time.Sleep(time.Second)
	service.down.Store(false)
	awaitMailAt(t, service.inbox, "waiting@example.com", 1)
	if got := sendJSON(t, second.URL, "/api/auth/forgot-password", emailBody("waiting")); got.Status != http.StatusCreated {
		t.Errorf("forgot-password after the outage: got %v, want 201", got)
	}
	awaitMailAt(t, service.inbox, "waiting@example.com", 2)
	if mails := inbox(t, service.inbox, "waiting"); len(mails) != 2 {
		t.Errorf("got %d mails, want 2", len(mails))
	}
}

// TestRedelivery checks that each mail is sent once although the stream delivers each batch ten times, twice of them
// concurrently.
func TestRedelivery(t *testing.T) {
	service := startMailService(t)
	var deliveries atomic.Int32
	api := startStack(t, stack.Options{
		Environment: map[string]string{"SES_ENDPOINT": service.url},
		Deliver: func(next streams.Invoke) streams.Invoke {
			return func(ctx context.Context, function string, payload []byte) ([]byte, error) {
				var both sync.WaitGroup
				both.Go(func() { _, _ = next(ctx, function, payload) })
				output, err := next(ctx, function, payload)
				both.Wait()
				for range 8 {
					deliveries.Add(1)
					output, err = next(ctx, function, payload)
				}
				return output, err
			}
		},
	})
	names := []string{"redelivered-one", "redelivered-two", "redelivered-three"}
	for _, name := range names {
		sendJSON(t, api.URL, "/api/auth/register", registration(name))
	}
	for _, name := range names {
		awaitMailAt(t, service.inbox, email(name), 1)
	}
	for deliveries.Load() < 8 {
		time.Sleep(10 * time.Millisecond)
	}
	sendJSON(t, api.URL, "/api/auth/forgot-password", emailBody(names[0]))
	awaitMailAt(t, service.inbox, email(names[0]), 2)
	for _, name := range names[1:] {
		if mails := inbox(t, service.inbox, name); len(mails) != 1 {
			t.Errorf("%s: got %d mails, want 1", name, len(mails))
		}
	}
}

// TestAppURL checks that the links in mails start with APP_URL if it is set.
func TestAppURL(t *testing.T) {
	api := startStack(t, stack.Options{Environment: map[string]string{"APP_URL": "https://app.example.com/account"}})
	sendJSON(t, api.URL, "/api/auth/register", registration("apper"))
	text := awaitMailAt(t, api.MailURL, "apper@example.com", 1).Body.Text
	if want := "https://app.example.com/account/verify-email/"; !strings.Contains(text, want) || strings.Contains(text, "localhost") {
		t.Errorf("got the mail %s, want a link to %s and none to localhost", text, want)
	}
}
