package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/httpclient"
	"latchkey/pkg/contract"
)

const (
	password    = "correct horse battery staple"
	newPassword = "another+horse+another+staple" // in the encoding of a form
)

// preparer makes what a request needs, such as an account, and returns the request.
type preparer func(context.Context, *rig) (request, error)

// to returns a request to an endpoint whose path has no parameters.
func to(endpoint contract.Endpoint, body string, headers ...string) request {
	if body != "" {
		headers = append(headers, httpclient.JSON)
	}
	return request{method: endpoint.Method, path: endpoint.Path, body: body, headers: headers}
}

// object returns a JSON object of strings, given as names and values in turn.
func object(members ...string) string {
	all := make(map[string]string, len(members)/2)
	for i := 0; i < len(members); i += 2 {
		all[members[i]] = members[i+1]
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic("cost: encoding strings as JSON: " + err.Error())
	}
	return string(text)
}

func (r *rig) newName() string {
	r.users++
	return fmt.Sprintf("user-%d", r.users)
}

func address(name string) string { return name + "@example.com" }

// expect sends a request that prepares another one. It returns an error if the response has another status.
func (r *rig) expect(ctx context.Context, req request, status int) (response, error) {
	got, err := r.do(ctx, req)
	if err == nil && got.Status != status {
		err = fmt.Errorf("%s %s: got %v, want %d", req.method, req.path, got, status)
	}
	return got, err
}

func registration(name string) request {
	return to(contract.Register, object("username", name, "email", address(name), "password", password))
}

// newUser registers a user and returns the tokens of the response.
func (r *rig) newUser(ctx context.Context) (name string, tokens response, err error) {
	name = r.newName()
	tokens, err = r.expect(ctx, registration(name), http.StatusCreated)
	return name, tokens, err
}

func register(_ context.Context, r *rig) (request, error) { return registration(r.newName()), nil }

func loginTo(endpoint contract.Endpoint) preparer {
	return func(ctx context.Context, r *rig) (request, error) {
		name, _, err := r.newUser(ctx)
		return to(endpoint, object("username", name, "password", password)), err
	}
}

func refresh(ctx context.Context, r *rig) (request, error) {
	_, tokens, err := r.newUser(ctx)
	return to(contract.Refresh, object("refresh_token", tokens.Member("refresh_token"))), err
}

func withBearer(endpoint contract.Endpoint) preparer {
	return func(ctx context.Context, r *rig) (request, error) {
		_, tokens, err := r.newUser(ctx)
		return to(endpoint, "", httpclient.Bearer(tokens.Member("access_token"))), err
	}
}

func withCookie(endpoint contract.Endpoint) preparer {
	return func(ctx context.Context, r *rig) (request, error) {
		req, err := loginTo(contract.SessionLogin)(ctx, r)
		if err != nil {
			return request{}, err
		}
		got, err := r.expect(ctx, req, http.StatusOK)
		return to(endpoint, "", got.Cookie()), err
	}
}

func requestMail(endpoint contract.Endpoint) preparer {
	return func(ctx context.Context, r *rig) (request, error) {
		name, _, err := r.newUser(ctx)
		return to(endpoint, object("email", address(name))), err
	}
}

func plain(endpoint contract.Endpoint) preparer {
	return func(context.Context, *rig) (request, error) { return to(endpoint, ""), nil }
}

// openLink requests an endpoint with the token that mailedToken returns.
func openLink(endpoint contract.Endpoint, mailedToken func(context.Context, *rig) (string, error)) preparer {
	return func(ctx context.Context, r *rig) (request, error) {
		token, err := mailedToken(ctx, r)
		return request{method: endpoint.Method, path: strings.Replace(endpoint.Path, "{token}", token, 1)}, err
	}
}

// submitForm submits the form of a page behind a mailed link.
func submitForm(endpoint contract.Endpoint, mailedToken func(context.Context, *rig) (string, error), form string) preparer {
	return func(ctx context.Context, r *rig) (request, error) {
		req, err := openLink(endpoint, mailedToken)(ctx, r)
		req.body, req.headers = form, []string{httpclient.Form}
		return req, err
	}
}

func resetPassword(ctx context.Context, r *rig) (request, error) {
	token, err := resetToken(ctx, r)
	return to(contract.ResetPassword, object("token", token, "new_password", newPassword)), err
}

func oauthStart(context.Context, *rig) (request, error) {
	path := strings.Replace(contract.OAuthStart.Path, "{provider}", "github", 1)
	return request{method: http.MethodGet, path: path}, nil
}

// oauthCallback prepares an account at GitHub and signs in there.
func oauthCallback(account func(context.Context, *rig) error) preparer {
	return func(ctx context.Context, r *rig) (request, error) {
		if err := account(ctx, r); err != nil {
			return request{}, err
		}
		return r.callback(ctx)
	}
}

// callback signs in at GitHub with the latest account and returns the request of the callback.
func (r *rig) callback(ctx context.Context) (request, error) {
	req, err := oauthStart(ctx, r)
	if err != nil {
		return request{}, err
	}
	start, err := r.expect(ctx, req, http.StatusFound)
	if err != nil {
		return request{}, err
	}
	consent, err := httpclient.Client{}.Do(ctx, http.MethodGet, start.Header.Get("Location"), "")
	if err != nil {
		return request{}, err
	}
	target, err := url.Parse(consent.Header.Get("Location"))
	if err != nil {
		return request{}, fmt.Errorf("reading the redirect of GitHub: %w", err)
	}
	return request{method: http.MethodGet, path: target.RequestURI(), headers: []string{start.Cookie()}}, nil
}

// newIdentity creates an account at GitHub that is unknown to Latchkey.
func newIdentity(_ context.Context, r *rig) error {
	name := r.newName()
	r.GitHub.SignIn(githubtest.User{
		ID: int64(r.users), Login: name, Emails: []githubtest.Email{{Email: address(name), Primary: true, Verified: true}},
	})
	return nil
}

// knownIdentity creates an account at GitHub and signs in with it once.
func knownIdentity(ctx context.Context, r *rig) error {
	if err := newIdentity(ctx, r); err != nil {
		return err
	}
	req, err := r.callback(ctx)
	if err != nil {
		return err
	}
	_, err = r.expect(ctx, req, http.StatusOK)
	return err
}
