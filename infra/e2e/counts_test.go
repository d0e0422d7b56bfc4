package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/stack"
	"latchkey/pkg/contract"
)

// TestWhomRequestsCountFor exercises each cell of the table in infra/docs/decisions.md on the built functions. For each endpoint and
// kind of caller it sends three requests: one of the caller, one of a stranger from the same source, and one of the caller from
// another source. The RateLimit headers show which of them count together.
func TestWhomRequestsCountFor(t *testing.T) {
	p := newParties(t, startStack(t, stack.Options{
		Platform:         stack.Own{MaxProcesses: 1}, // requests are counted locally at first
		DynamoDBEndpoint: shared.DynamoDBEndpoint,    // through the wiretap, so that the calls count as uses of the roles
		Environment: map[string]string{
			"SIGNING_KEYS": signingKeys(t), "DYNAMODB_ENDPOINT": shared.Tap.URL, "SES_ENDPOINT": shared.MailURL,
			"OAUTH_GITHUB_CLIENT_ID": "x", "OAUTH_GITHUB_CLIENT_SECRET": "x",
		},
	}))
	for _, endpoint := range contract.Endpoints {
		for _, caller := range contract.Callers {
			t.Run(endpoint.Key()+"/"+string(caller), func(t *testing.T) {
				inOneMinute(t, 5*time.Second)
				for _, variant := range p.variants(t, endpoint, caller) {
					p.checkCell(t, endpoint, variant, endpoint.CountsFor(caller))
				}
			})
		}
	}
}

// parties are the accounts, devices and tokens of the callers.
type parties struct {
	api          *stack.Stack
	owner, other string // usernames
	devices      map[string]string
	sources      int
}

func newParties(t *testing.T, api *stack.Stack) *parties {
	t.Helper()
	p := &parties{api: api, owner: uniqueName("counted"), other: uniqueName("another"), devices: map[string]string{}}
	seal := func(user string, epoch uint64) string {
		return strings.TrimPrefix(deviceCookie(t, user, epoch), "Cookie: ")
	}
	for _, name := range []string{p.owner, p.other} {
		access := p.tokens(t, "/api/auth/register", registration(name)).Member("access_token")
		user := send(t, api.URL, "GET", "/api/auth/me", "", bearer(access)).Member("id")
		p.devices[name], p.devices[name+", former"] = seal(user, 0), seal(user, 7)
	}
	return p
}

// tokens returns the response of a request that returns tokens.
func (p *parties) tokens(t *testing.T, path, body string) response {
	t.Helper()
	got := sendJSON(t, p.api.URL, path, body)
	if got.Member("access_token") == "" {
		t.Fatalf("%s: got %v, want tokens", path, got)
	}
	return got
}

// variant returns the headers and the body of a new request of one caller.
type variant func(t *testing.T) (headers map[string]string, body string)

// variants returns the ways in which a caller of the kind sends requests to the endpoint.
func (p *parties) variants(t *testing.T, endpoint contract.Endpoint, caller contract.Caller) []variant {
	t.Helper()
	session := func(name string) variant {
		return func(t *testing.T) (map[string]string, string) { // a new session each time, because a logout ends it
			token := p.tokens(t, "/api/auth/login", credentials(name)).Member("access_token")
			return map[string]string{"authorization": "Bearer " + token}, p.body(endpoint, "x")
		}
	}
	device := func(cookie string) variant {
		return func(*testing.T) (map[string]string, string) {
			return map[string]string{"cookie": cookie}, p.body(endpoint, "x")
		}
	}
	switch caller {
	case contract.OwnSession:
		return []variant{session(p.owner)}
	case contract.OwnDevice:
		return []variant{device(p.devices[p.owner])}
	case contract.FormerDevice:
		return []variant{device(p.devices[p.owner+", former"])}
	case contract.RefreshToken:
		token := p.tokens(t, "/api/auth/login", credentials(p.owner)).Member("refresh_token")
		return []variant{func(*testing.T) (map[string]string, string) { return nil, p.body(endpoint, token) }}
	case contract.OtherAccount:
		if endpoint.Counts == contract.ForCaller { // a session acts on its own account there
			return []variant{device(p.devices[p.other])}
		}
		return []variant{device(p.devices[p.other]), session(p.other)}
	case contract.Stranger:
	}
	return []variant{p.stranger(endpoint), func(*testing.T) (map[string]string, string) {
		return map[string]string{"authorization": "Bearer x", "cookie": "device=x; session_id=x"}, p.body(endpoint, "x")
	}}
}

func (p *parties) stranger(endpoint contract.Endpoint) variant {
	return func(*testing.T) (map[string]string, string) { return nil, p.body(endpoint, "x") }
}

// body returns a body for the endpoint. A login names the owner.
func (p *parties) body(endpoint contract.Endpoint, refreshToken string) string {
	switch {
	case endpoint.Tier == contract.Attempts:
		return credentials(p.owner)
	case endpoint.Method == http.MethodGet:
		return ""
	}
	return fmt.Sprintf(`{"refresh_token":%q,"email":%q}`, refreshToken, email(p.owner))
}

func (p *parties) checkCell(t *testing.T, endpoint contract.Endpoint, caller variant, want contract.Holder) {
	t.Helper()
	here, elsewhere := p.newSource(), p.newSource()
	first := p.send(t, endpoint, caller, here)
	stranger := p.send(t, endpoint, p.stranger(endpoint), here)
	again := p.send(t, endpoint, caller, elsewhere)
	var got contract.Holder
	switch {
	case first.limit == 0 && stranger.limit == 0 && again.limit == 0:
		got = contract.Nobody
	case first.isFirst() && stranger == first.next() && again.isFirst():
		got = contract.Source
	case stranger.isFirst() && again == first.next():
		got = want // their own
		if want == contract.Source || want == contract.Nobody {
			got = "the caller's own count"
		}
	default:
		got = "no count that is known"
	}
	if got != want {
		t.Errorf("got %s, want %s: the requests of the caller, a stranger and the caller elsewhere got %+v, %+v and %+v",
			got, want, first, stranger, again)
	}
}

// newSource returns an address that no other request has.
func (p *parties) newSource() string {
	p.sources++
	return fmt.Sprintf("198.18.%d.%d", p.sources/250, p.sources%250)
}

// standing is what the RateLimit headers of a response say.
type standing struct{ limit, remaining int }

func (c standing) isFirst() bool { return c.limit > 0 && c.remaining == c.limit-1 }

func (c standing) next() standing { return standing{c.limit, c.remaining - 1} }

// send sends a request in the form of API Gateway to a process of the function, from a source address.
func (p *parties) send(t *testing.T, endpoint contract.Endpoint, caller variant, source string) standing {
	t.Helper()
	own, body := caller(t)
	headers := map[string]string{"content-type": "application/json"}
	if endpoint.Serves == contract.Page {
		headers["content-type"] = "application/x-www-form-urlencoded"
	}
	maps.Copy(headers, own)
	var cookies []string
	if cookie, sent := headers["cookie"]; sent {
		delete(headers, "cookie")
		cookies = strings.Split(cookie, "; ")
	}
	path := pathOf(endpoint)
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "routeKey": endpoint.Key(), "rawPath": path, "headers": headers, "cookies": cookies, "body": body,
		"pathParameters": map[string]string{"provider": "github", "token": "x"},
		"requestContext": map[string]any{"http": map[string]string{"method": endpoint.Method, "path": path, "sourceIp": source}},
	})
	if err != nil {
		t.Fatal(err)
	}
	output, err := p.api.Host.Invoke(t.Context(), p.functionIn(t, endpoint.Function), event)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Headers map[string]string }
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatal(err)
	}
	read := func(name string) int {
		for header, value := range got.Headers {
			if strings.EqualFold(header, name) {
				return seconds(t, value)
			}
		}
		return 0
	}
	return standing{read("RateLimit-Limit"), read("RateLimit-Remaining")}
}

// pathOf returns a path of the endpoint.
func pathOf(endpoint contract.Endpoint) string {
	return strings.NewReplacer("{provider}", "github", "{token}", "x").Replace(endpoint.Path)
}

// functionIn returns the name of the function in a folder of functions/.
func (p *parties) functionIn(t *testing.T, folder string) string {
	t.Helper()
	for _, function := range p.api.Template.Functions {
		if filepath.Base(function.Folder) == folder {
			return function.Name
		}
	}
	t.Fatalf("template.yaml has no function in functions/%s", folder)
	return ""
}
