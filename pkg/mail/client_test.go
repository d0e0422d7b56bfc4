package mail_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"latchkey/infra/local/engine"
	"latchkey/pkg/mail"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

// TestSendToTheLocalSES shows that SES receives a message as composed, to one address, with the configured sender.
func TestSendToTheLocalSES(t *testing.T) {
	endpoint := startSES(t)
	o := options(endpoint)
	o.From, o.ReplyTo = `"Zoë, of Example" <no-reply@bücher.example>`, "help@example.com"
	m := compose(t, outbox.Verification, "Zoë <b>\r\nBcc: eve@example.com")
	if err := client(t, o).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	stored := store(t, endpoint)
	if len(stored) != 1 {
		t.Fatalf("got %d mails in SES, want 1", len(stored))
	}
	got := stored[0]
	same(t, "sender", "=?utf-8?b?Wm/Dqywgb2YgRXhhbXBsZQ==?= <no-reply@xn--bcher-kva.example>", got.From)
	same(t, "reply address", "help@example.com", strings.Join(got.ReplyTo, ","))
	same(t, "recipients", "Alice@example.com", strings.Join(append(got.Destination.To, append(got.Destination.Cc, got.Destination.Bcc...)...), ","))
	same(t, "subject", m.Subject, got.Subject)
	same(t, "text", m.Text.Reveal(), got.Body.Text)
	same(t, "HTML", m.HTML.Reveal(), got.Body.HTML)
}

func TestSendPassesTheConfigurationSet(t *testing.T) {
	sets := make(chan string, 1)
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sets <- r.FormValue("ConfigurationSetName")
		fmt.Fprint(w, `<SendEmailResponse><SendEmailResult><MessageId>1</MessageId></SendEmailResult></SendEmailResponse>`)
	}))
	t.Cleanup(stub.Close)
	o := options(stub.URL)
	o.ConfigurationSet = "latchkey-prod"
	if err := client(t, o).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	same(t, "configuration set", "latchkey-prod", <-sets)
}

// TestRefusals shows for each refusal of SES that it costs one call, that it is permanent unless an operator can correct it, and
// that the error contains no address.
func TestRefusals(t *testing.T) {
	cases := map[string]struct {
		status        int
		code, message string
		permanent     bool
	}{
		"virus":                  {400, "MessageRejected", "Message contains a virus", true},
		"recipient refused":      {400, "InvalidParameterValue", "Local address contains control or whitespace", true},
		"recipient's domain":     {400, "InvalidParameterValue", "Domain contains illegal character", true},
		"sender not verified":    {400, "MessageRejected", "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: alice@example.com", false},
		"account under review":   {400, "MessageRejected", "Sending paused for this account. For more information, see the console.", false},
		"MAIL FROM not verified": {400, "MailFromDomainNotVerifiedException", "not verified", false},
		"account paused":         {400, "AccountSendingPausedException", "paused", false},
		"no configuration set":   {400, "ConfigurationSetDoesNotExist", "Configuration set <x> does not exist.", false},
		"bad configuration set":  {400, "InvalidParameterValue", "Invalid configuration set name: address", false},
		"other parameter":        {400, "InvalidParameterValue", "Invalid tag", false},
		"throttled":              {400, "Throttling", "Maximum sending rate exceeded.", false},
		"day's quota":            {400, "Throttling", "Daily message quota exceeded.", false},
		"no permission":          {403, "AccessDenied", "not authorized to perform ses:SendEmail on alice@example.com", false},
		"down":                   {503, "ServiceUnavailable", "down", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				w.WriteHeader(c.status)
				fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>",
					c.code, strings.ReplaceAll(c.message, "<x>", "x"))
			}))
			t.Cleanup(stub.Close)
			err := client(t, options(stub.URL)).Send(t.Context(), message())
			if err == nil || errors.Is(err, mail.ErrRejected) != c.permanent || !strings.Contains(err.Error(), c.code) {
				t.Errorf("Send returned the error %v, want the code %s and ErrRejected: %v", err, c.code, c.permanent)
			} else if strings.Contains(err.Error(), "@") {
				t.Errorf("Send returned the error %v, want it without addresses", err)
			}
			same(t, "calls", 1, calls.Load())
		})
	}
}

// TestALostResponseIsNotRepeated breaks a kept connection before the response. The transport of Go would repeat some requests
// there, but SES may have sent the mail.
func TestALostResponseIsNotRepeated(t *testing.T) {
	var calls atomic.Int64
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if calls.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, `<SendEmailResponse><SendEmailResult><MessageId>1</MessageId></SendEmailResult></SendEmailResponse>`)
	}))
	t.Cleanup(stub.Close)
	s := client(t, options(stub.URL))
	if err := s.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), message()); err == nil || errors.Is(err, mail.ErrRejected) {
		t.Errorf("Send returned the error %v, want one that is not ErrRejected", err)
	}
	same(t, "calls", 2, calls.Load())
}

func TestUnreachableSESIsTransient(t *testing.T) {
	stub := httptest.NewServer(http.NotFoundHandler())
	stub.Close()
	if err := client(t, options(stub.URL)).Send(t.Context(), message()); err == nil || errors.Is(err, mail.ErrRejected) {
		t.Errorf("Send returned the error %v, want one that is not ErrRejected", err)
	}
}

func TestTheContextEndsACall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stub := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		cancel()
		<-r.Context().Done()
	}))
	t.Cleanup(stub.Close)
	if err := client(t, options(stub.URL)).Send(ctx, message()); !errors.Is(err, context.Canceled) || errors.Is(err, mail.ErrRejected) {
		t.Errorf("Send returned the error %v, want %v", err, context.Canceled)
	}
}

func TestSendRefusesWhatCouldBecomeAHeader(t *testing.T) {
	cases := map[string]func(*mail.Message){
		"two recipients":           func(m *mail.Message) { m.To = "a@example.com,b@example.com" },
		"header in the recipient":  func(m *mail.Message) { m.To = "a@example.com\r\nBcc: b@example.com" },
		"display name":             func(m *mail.Message) { m.To = "A <a@example.com>" },
		"domain not in A-labels":   func(m *mail.Message) { m.To = "a@bücher.example" },
		"no recipient":             func(m *mail.Message) { m.To = "" },
		"header in the subject":    func(m *mail.Message) { m.Subject = "x\r\nBcc: b@example.com" },
		"bare line feed":           func(m *mail.Message) { m.Subject = "x\ny" },
		"no subject":               func(m *mail.Message) { m.Subject = "" },
		"reordering in the header": func(m *mail.Message) { m.Subject = "x\u202ey" },
	}
	stub := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("SES was called, want no call") }))
	t.Cleanup(stub.Close)
	s := client(t, options(stub.URL))
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			m := message()
			change(&m)
			if err := s.Send(t.Context(), m); !errors.Is(err, mail.ErrRejected) {
				t.Errorf("Send(%+v) returned the error %v, want ErrRejected", m, err)
			}
		})
	}
}

func TestNewClientRefusesAddresses(t *testing.T) {
	for name, address := range map[string]string{
		"not an address": "example.com", "two": "a@example.com, b@example.com", "header": "a@example.com\r\nBcc: b@example.com",
		"local part not in ASCII": "ä@example.com", "single label": "a@localhost", "hidden in the name": "\"a\u202eb\" <a@example.com>",
	} {
		t.Run(name, func(t *testing.T) {
			o := options("http://127.0.0.1:1")
			o.ReplyTo = address
			if _, err := mail.NewClient(o); err == nil {
				t.Errorf("NewClient accepted %q as the reply address, want an error", address)
			}
			o.From, o.ReplyTo = address, ""
			if _, err := mail.NewClient(o); err == nil {
				t.Errorf("NewClient accepted %q as the sender, want an error", address)
			}
		})
	}
}

func options(endpoint string) mail.Options {
	return mail.Options{
		Region: "eu-central-1", Endpoint: endpoint, From: "no-reply@example.com",
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
}

func client(t *testing.T, o mail.Options) *mail.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o.Transport = transport
	s, err := mail.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message() mail.Message {
	return mail.Message{To: "alice@example.com", Subject: "Hello", Text: secret.New("text"), HTML: secret.New("<p>text</p>")}
}

func startSES(t *testing.T) string {
	t.Helper()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	ses, err := engine.StartSES(t.Context(), engine.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ses.Stop)
	return ses.Endpoint
}

// stored is a mail in the local SES.
type stored struct {
	From        string
	ReplyTo     []string
	Destination struct{ To, Cc, Bcc []string }
	Subject     string
	Body        struct{ Text, HTML string }
}

func store(t *testing.T, endpoint string) []stored {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/store", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var content struct{ Emails []stored }
	if err := json.NewDecoder(response.Body).Decode(&content); err != nil {
		t.Fatal(err)
	}
	return content.Emails
}
