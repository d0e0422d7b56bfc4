package mailbox

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// serve is an inbox that holds what store says, once it was looked at n times.
func serve(t *testing.T, store string, n int32) string {
	t.Helper()
	var looks atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer := `{"emails":[]}`
		if looks.Add(1) > n {
			answer = store
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

const store = `{"emails":[
	{"subject":"1","destination":{"to":["a@example.com"]}},
	{"subject":"2","destination":{"to":["b@example.com"]}},
	{"subject":"3","destination":{"to":["a@example.com","b@example.com"]}},
	{"subject":"4","destination":{"to":["a@example.com"]}}]}`

func TestMailsAreTheReceiversOwn(t *testing.T) {
	found, err := Read(t.Context(), serve(t, store, 0), "a@example.com")
	if err != nil || len(found) != 2 || found[0].Subject != "1" || found[1].Subject != "4" {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestAMailIsWaitedFor(t *testing.T) {
	mail, err := Await(t.Context(), serve(t, store, 2), "a@example.com", 2)
	if err != nil || mail.Subject != "4" {
		t.Errorf("got %+v, %v", mail, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if mail, err := Await(ctx, serve(t, store, 0), "c@example.com", 1); err == nil {
		t.Errorf("got %+v for nobody", mail)
	}
}

func TestAnInboxThatIsNone(t *testing.T) {
	for name, answer := range map[string]string{"no JSON": "<html>", "another form": `{"emails":7}`} {
		if found, err := Read(t.Context(), serve(t, answer, 0), "a@example.com"); err == nil {
			t.Errorf("%s: found %+v", name, found)
		}
	}
}

func TestLink(t *testing.T) {
	const good = "https://app.example.com/x/reset-password/AB-_9"
	for name, test := range map[string]struct {
		text, html, page, token string
	}{
		"the same":    {"go to " + good + "\n", `<a href="` + good + `">`, "https://app.example.com/x/reset-password", "AB-_9"},
		"none":        {"hello", "hello", "", ""},
		"in the text": {good, "hello", "", ""},
		"another":     {good, good + "9", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			mail := Mail{}
			mail.Body.Text, mail.Body.HTML = test.text, test.html
			page, token, err := mail.Link()
			if page != test.page || token != test.token || (err == nil) != (test.token != "") {
				t.Errorf("the link is %s with %s, %v", page, token, err)
			}
		})
	}
}
