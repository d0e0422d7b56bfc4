package e2e_test

import (
	"net/http"
	"os"
	"sync"
	"testing"

	"latchkey/infra/local/roles"
	"latchkey/pkg/contract"
)

// observed notes the endpoints to which the tests send requests. Each table of these tests must cover the table of endpoints.
var observed observer

type observer struct {
	mu        sync.Mutex
	endpoints []contract.Endpoint
}

// note notes the endpoint of a request, if there is one.
func (o *observer) note(req *http.Request) {
	if endpoint, found := contract.Find(req.Method, req.URL.Path); found {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.endpoints = append(o.endpoints, endpoint)
	}
}

// during returns the endpoints to which do sends requests.
func (o *observer) during(do func()) []contract.Endpoint {
	o.mu.Lock()
	begin := len(o.endpoints)
	o.mu.Unlock()
	do()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.endpoints[begin:]
}

// coverage is the set of endpoints that a table covers.
type coverage map[contract.Endpoint]bool

// note adds the last endpoint to which do sends a request: those before it prepare that request.
func (c coverage) note(do func()) {
	if endpoints := observed.during(do); len(endpoints) > 0 {
		c[endpoints[len(endpoints)-1]] = true
	}
}

// require fails the test for each endpoint that is neither covered nor exempt. advice names the file to open.
func (c coverage) require(t *testing.T, advice string, exempt func(contract.Endpoint) bool) {
	t.Helper()
	for _, endpoint := range contract.Endpoints {
		if !c[endpoint] && !exempt(endpoint) {
			t.Errorf("%s is not covered: %s", endpoint.Key(), advice)
		}
	}
}

func noneExempt(contract.Endpoint) bool { return false }

// withoutStore returns whether the role of an endpoint's function allows no access to the tables.
func withoutStore(t *testing.T) func(contract.Endpoint) bool {
	t.Helper()
	text, err := os.ReadFile(shared.Template.Path)
	if err != nil {
		t.Fatal(err)
	}
	grants, err := roles.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]bool{}
	for _, grant := range grants {
		functions[grant.Function] = true
	}
	folders := map[string]string{}
	for _, function := range shared.Template.Functions {
		folders[function.Folder] = function.Name
	}
	return func(endpoint contract.Endpoint) bool { return !functions[folders["functions/"+endpoint.Function]] }
}
