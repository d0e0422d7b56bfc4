package mailbox

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// serve starts an inbox that is empty for n requests and then contains store. It returns the address of the inbox.
func serve(t *testing.T, store string, n int32) string {
	t.Helper()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body := `{"emails":[]}`
		if requests.Add(1) > n {
			body = store
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

const store = `{"emails":[
	{"subject":"1","destination":{"to":["a@example.com"]}},
	{"subject":"2","destination":{"to":["b@example.com"]}},
	{"subject":"3","destination":{"to":["a@example.com","b@example.com"]}},
	{"subject":"4","destination":{"to":["a@example.com"]}}]}`

func TestReadReturnsTheMailsOfOneAddress(t *testing.T) {
	mails, err := Read(t.Context(), serve(t, store, 0), "a@example.com")
	if err != nil || len(mails) != 2 || mails[0].Subject != "1" || mails[1].Subject != "4" {
		t.Errorf("a@example.com: got %+v, %v; want the mails 1 and 4", mails, err)
	}
}

func TestAwait(t *testing.T) {
	mail, err := Await(t.Context(), serve(t, store, 2), "a@example.com", 2)
	if err != nil || mail.Subject != "4" {
		t.Errorf("second mail to a@example.com: got %+v, %v; want mail 4", mail, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if mail, err := Await(ctx, serve(t, store, 0), "c@example.com", 1); err == nil {
		t.Errorf("c@example.com: got %+v, want an error", mail)
	}
}

func TestReadRefusesMalformedInboxes(t *testing.T) {
	for name, body := range map[string]string{"not JSON": "<html>", "emails not a list": `{"emails":7}`} {
		if mails, err := Read(t.Context(), serve(t, body, 0), "a@example.com"); err == nil {
			t.Errorf("%s: got %+v, want an error", name, mails)
		}
	}
}

func TestLink(t *testing.T) {
	const link = "https://app.example.com/x/reset-password/AB-_9"
	for name, test := range map[string]struct {
		text, html, page, token string
	}{
		"one link in both": {"go to " + link + "\n", `<a href="` + link + `">`, "https://app.example.com/x/reset-password", "AB-_9"},
		"no link":          {"hello", "hello", "", ""},
		"in the text only": {link, "hello", "", ""},
		"different links":  {link, link + "9", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			mail := Mail{}
			mail.Body.Text, mail.Body.HTML = test.text, test.html
			page, token, err := mail.Link()
			if page != test.page || token != test.token || (err == nil) != (test.token != "") {
				t.Errorf("text %q, HTML %q: got %q, %q, %v; want %q, %q", test.text, test.html, page, token, err, test.page, test.token)
			}
		})
	}
}
