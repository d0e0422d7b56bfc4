package mail_test

import (
	"testing"

	"latchkey/pkg/mail"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

func TestLinks(t *testing.T) {
	cases := map[string]struct{ public, app, token, verify, reset string }{
		"the pages of this service": {
			"https://auth.example.com", "", "a-_9",
			"https://auth.example.com/account/verify-email/a-_9", "https://auth.example.com/account/reset-password/a-_9",
		},
		"an application": {
			"https://auth.example.com", "https://app.example.com", "t",
			"https://app.example.com/verify-email/t", "https://app.example.com/reset-password/t",
		},
		"an application below a path": {
			"https://auth.example.com", "https://example.com/app/", "t",
			"https://example.com/app/verify-email/t", "https://example.com/app/reset-password/t",
		},
		"local": {
			"http://localhost:8000", "", "t",
			"http://localhost:8000/account/verify-email/t", "http://localhost:8000/account/reset-password/t",
		},
		"a token with path characters": {
			"https://a.example", "", "../x?y#z",
			"https://a.example/account/verify-email/..%2Fx%3Fy%23z", "https://a.example/account/reset-password/..%2Fx%3Fy%23z",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			links, err := mail.NewLinks(c.public, c.app)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "verification", c.verify, links.To(define(t, outbox.Verification).Page, secret.New(c.token)).Reveal())
			same(t, "reset", c.reset, links.To(define(t, outbox.Reset).Page, secret.New(c.token)).Reveal())
		})
	}
}

func TestLinksNeedAnAbsoluteURL(t *testing.T) {
	for name, url := range map[string]string{
		"no scheme": "auth.example.com", "script": "javascript:alert(1)", "no host": "https:///x", "port alone": "https://:443",
		"user": "https://a@b.example", "query": "https://a.example?x", "empty query": "https://a.example?",
		"fragment": "https://a.example#x", "empty fragment": "https://a.example/#", "line end": "https://a.example\r\n", "not a URL": "https://a b",
	} {
		t.Run(name, func(t *testing.T) {
			if links, err := mail.NewLinks(url, ""); err == nil {
				t.Errorf("NewLinks with the PUBLIC_URL %q = %v, want an error", url, links)
			}
			if links, err := mail.NewLinks("https://auth.example.com", url); err == nil {
				t.Errorf("NewLinks with the APP_URL %q = %v, want an error", url, links)
			}
		})
	}
	if _, err := mail.NewLinks("", ""); err == nil {
		t.Error("NewLinks without a URL returned no error")
	}
}
