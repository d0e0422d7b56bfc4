package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"latchkey/infra/testkit/githubtest"
	"latchkey/pkg/contract"
)

const (
	password = "correct horse battery staple"
	another  = "another+horse+another+staple" // as a form has it
	asJSON   = "Content-Type: application/json"
	asForm   = "Content-Type: application/x-www-form-urlencoded"
)

// to is a request to a route whose path varies in nothing.
func to(route contract.Endpoint, body string, headers ...string) request {
	if body != "" {
		headers = append(headers, asJSON)
	}
	return request{method: route.Method, path: route.Path, body: body, headers: headers}
}

// object is a JSON object of strings, given as names and values in turn.
func object(members ...string) string {
	all := make(map[string]string, len(members)/2)
	for i := 0; i < len(members); i += 2 {
		all[members[i]] = members[i+1]
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic("cost: strings do not marshal: " + err.Error())
	}
	return string(text)
}

// member reads a string of a JSON answer.
func (a answer) member(name string) string {
	var members map[string]any
	if json.Unmarshal([]byte(a.body), &members) != nil {
		return ""
	}
	text, _ := members[name].(string)
	return text
}

// cookie is what the answer sets, as a request brings it back.
func (a answer) cookie() string {
	pair, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return "Cookie: " + pair
}

func (r *rig) name() string {
	r.people++
	return fmt.Sprintf("somebody-%d", r.people)
}

func address(name string) string { return name + "@example.com" }

// ask sends a request that something else is prepared with.
func (r *rig) ask(ctx context.Context, asked request, status int) (answer, error) {
	got, err := r.do(ctx, asked)
	if err == nil && got.status != status {
		err = fmt.Errorf("%s %s answers %d: %s", asked.method, asked.path, got.status, got.body)
	}
	return got, err
}

func registration(name string) request {
	return to(contract.Register, object("username", name, "email", address(name), "password", password))
}

// person registers somebody.
func (r *rig) person(ctx context.Context) (name string, tokens answer, err error) {
	name = r.name()
	tokens, err = r.ask(ctx, registration(name), http.StatusCreated)
	return name, tokens, err
}

func register(_ context.Context, r *rig) (request, error) { return registration(r.name()), nil }

func loginTo(route contract.Endpoint) func(context.Context, *rig) (request, error) {
	return func(ctx context.Context, r *rig) (request, error) {
		name, _, err := r.person(ctx)
		return to(route, object("username", name, "password", password)), err
	}
}

func refresh(ctx context.Context, r *rig) (request, error) {
	_, tokens, err := r.person(ctx)
	return to(contract.Refresh, object("refresh_token", tokens.member("refresh_token"))), err
}

func withBearer(route contract.Endpoint) func(context.Context, *rig) (request, error) {
	return func(ctx context.Context, r *rig) (request, error) {
		_, tokens, err := r.person(ctx)
		return to(route, "", "Authorization: Bearer "+tokens.member("access_token")), err
	}
}

func withCookie(route contract.Endpoint) func(context.Context, *rig) (request, error) {
	return func(ctx context.Context, r *rig) (request, error) {
		asked, err := loginTo(contract.SessionLogin)(ctx, r)
		if err != nil {
			return request{}, err
		}
		got, err := r.ask(ctx, asked, http.StatusOK)
		return to(route, "", got.cookie()), err
	}
}

func askMail(route contract.Endpoint) func(context.Context, *rig) (request, error) {
	return func(ctx context.Context, r *rig) (request, error) {
		name, _, err := r.person(ctx)
		return to(route, object("email", address(name))), err
	}
}

func plain(route contract.Endpoint) func(context.Context, *rig) (request, error) {
	return func(context.Context, *rig) (request, error) { return to(route, ""), nil }
}

func useLink(route contract.Endpoint, link func(context.Context, *rig) (string, error)) func(context.Context, *rig) (request, error) {
	return func(ctx context.Context, r *rig) (request, error) {
		token, err := link(ctx, r)
		return request{method: route.Method, path: strings.Replace(route.Path, "{token}", token, 1)}, err
	}
}

func pressButton(
	route contract.Endpoint, link func(context.Context, *rig) (string, error), form string,
) func(context.Context, *rig) (request, error) {
	return func(ctx context.Context, r *rig) (request, error) {
		asked, err := useLink(route, link)(ctx, r)
		asked.body, asked.headers = form, []string{asForm}
		return asked, err
	}
}

func resetPassword(ctx context.Context, r *rig) (request, error) {
	token, err := resetLink(ctx, r)
	return to(contract.ResetPassword, object("token", token, "new_password", another)), err
}

// github is the path of a flow with GitHub.
func github(route contract.Endpoint) string {
	return strings.Replace(route.Path, "{provider}", "github", 1)
}

func oauthStart(context.Context, *rig) (request, error) {
	return request{method: http.MethodGet, path: github(contract.OAuthStart)}, nil
}

// oauthCallback goes with somebody as far as the way back from GitHub.
func oauthCallback(who func(context.Context, *rig) error) func(context.Context, *rig) (request, error) {
	return func(ctx context.Context, r *rig) (request, error) {
		if err := who(ctx, r); err != nil {
			return request{}, err
		}
		return r.comingBack(ctx)
	}
}

// comingBack is the request with which the browser of whom GitHub takes it for comes back.
func (r *rig) comingBack(ctx context.Context) (request, error) {
	asked, err := oauthStart(ctx, r)
	if err != nil {
		return request{}, err
	}
	started, err := r.ask(ctx, asked, http.StatusFound)
	if err != nil {
		return request{}, err
	}
	agreed, err := send(ctx, http.MethodGet, started.header.Get("Location"), "")
	if err != nil {
		return request{}, err
	}
	back, err := url.Parse(agreed.header.Get("Location"))
	if err != nil {
		return request{}, fmt.Errorf("coming back from GitHub: %w", err)
	}
	return request{method: http.MethodGet, path: back.RequestURI(), headers: []string{started.cookie()}}, nil
}

// newcomer has an account at GitHub and none here.
func newcomer(_ context.Context, r *rig) error {
	name := r.name()
	r.github.SignIn(githubtest.User{
		ID: int64(r.people), Login: name, Emails: []githubtest.Email{{Email: address(name), Primary: true, Verified: true}},
	})
	return nil
}

// regular has signed in by GitHub before.
func regular(ctx context.Context, r *rig) error {
	if err := newcomer(ctx, r); err != nil {
		return err
	}
	asked, err := r.comingBack(ctx)
	if err != nil {
		return err
	}
	_, err = r.ask(ctx, asked, http.StatusOK)
	return err
}
