package e2e_test

import (
	"context"
	"io"
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
)

// provider is a mail provider that can be away: a proxy in front of a local SES.
type provider struct {
	url  string
	ses  string
	away atomic.Bool
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	ses, err := engine.StartSES(t.Context(), engine.Options{Root: moduleRoot(t)})
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
	p := &provider{url: "http://" + listener.Addr().String(), ses: ses.Endpoint}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.away.Load() {
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return p
}

// TestAnOutageOfTheMailProvider: requests answer at once, and each mail comes once when the provider is back, although the host
// was restarted in between.
func TestAnOutageOfTheMailProvider(t *testing.T) {
	mail := startProvider(t)
	mail.away.Store(true)
	options := stack.Options{
		Root: moduleRoot(t), DataDir: t.TempDir(), Log: io.Discard, Environment: map[string]string{"SES_ENDPOINT": mail.url},
	}
	first := startStack(t, options)
	begun := time.Now()
	got := send(t, first.URL, "POST", "/api/auth/register", registration("waiting"), "Content-Type: application/json")
	if got.Status != http.StatusCreated || time.Since(begun) > 5*time.Second {
		t.Fatalf("registering took %v: %v", time.Since(begun), got)
	}
	time.Sleep(2 * time.Second) // for the mailer to try
	first.Close()
	second := startStack(t, options)
	time.Sleep(time.Second)
	mail.away.Store(false)
	awaitMail(t, mail.ses, "waiting@example.com", 1)
	asked := send(t, second.URL, "POST", "/api/auth/forgot-password", asEmail("waiting"), "Content-Type: application/json")
	awaitMail(t, mail.ses, "waiting@example.com", 2)
	if mails := inbox(t, mail.ses, "waiting@example.com"); len(mails) != 2 || asked.Status != http.StatusCreated {
		t.Errorf("%d mails came", len(mails))
	}
}

// TestRedelivery: the stream brings each batch ten times, and by two at once; each mail comes once.
func TestRedelivery(t *testing.T) {
	mail := startProvider(t)
	var deliveries atomic.Int32
	api := startStack(t, stack.Options{
		Root: moduleRoot(t), Log: io.Discard, Environment: map[string]string{"SES_ENDPOINT": mail.url},
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
	for _, name := range []string{"one", "two", "three"} {
		send(t, api.URL, "POST", "/api/auth/register", registration("redelivered-"+name), "Content-Type: application/json")
	}
	for _, name := range []string{"one", "two", "three"} {
		awaitMail(t, mail.ses, "redelivered-"+name+"@example.com", 1)
	}
	for deliveries.Load() < 8 {
		time.Sleep(10 * time.Millisecond)
	}
	send(t, api.URL, "POST", "/api/auth/forgot-password", asEmail("redelivered-one"), "Content-Type: application/json")
	awaitMail(t, mail.ses, "redelivered-one@example.com", 2)
	for _, name := range []string{"two", "three"} {
		if mails := inbox(t, mail.ses, "redelivered-"+name+"@example.com"); len(mails) != 1 {
			t.Errorf("%d mails came to %s", len(mails), name)
		}
	}
}

// TestAppURL: links lead to the application where one is configured.
func TestAppURL(t *testing.T) {
	mail := startProvider(t)
	api := startStack(t, stack.Options{
		Root: moduleRoot(t), Log: io.Discard,
		Environment: map[string]string{"SES_ENDPOINT": mail.url, "APP_URL": "https://app.example.com/account"},
	})
	send(t, api.URL, "POST", "/api/auth/register", registration("apper"), "Content-Type: application/json")
	got := awaitMail(t, mail.ses, "apper@example.com", 1)
	if !strings.Contains(got.Body.Text, "https://app.example.com/account/verify-email/") || strings.Contains(got.Body.Text, "localhost") {
		t.Errorf("the mail is %s", got.Body.Text)
	}
}
