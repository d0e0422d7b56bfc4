package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/population"
	"latchkey/pkg/contract"
)

// newPassword is in the encoding of a form.
const newPassword = "another+horse+another+staple"

// preparer makes what a request needs, such as an account, and returns the request.
type preparer func(context.Context, *Visitor) (Request, error)

// to returns a request to an endpoint without parameters in its path.
func to(endpoint contract.Endpoint, body string, headers ...string) Request {
	if body != "" {
		headers = append(headers, httpclient.JSON)
	}
	return Request{Method: endpoint.Method, Path: endpoint.Path, Body: body, Headers: headers}
}

// object returns a JSON object of strings, given as names and values in turn.
func object(members ...string) string {
	all := make(map[string]string, len(members)/2)
	for i := 0; i < len(members); i += 2 {
		all[members[i]] = members[i+1]
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic("workload: encoding strings as JSON: " + err.Error())
	}
	return string(text)
}

func registration(name string) Request {
	return to(contract.Register, object("username", name, "email", population.Address(name), "password", population.Password))
}

func register(_ context.Context, v *Visitor) (Request, error) {
	return registration(v.rig.newName()), nil
}

func loginTo(endpoint contract.Endpoint) preparer {
	return func(_ context.Context, v *Visitor) (Request, error) {
		name, err := v.user()
		return login(endpoint, name), err
	}
}

func refresh(ctx context.Context, v *Visitor) (Request, error) {
	tokens, err := v.signIn(ctx, contract.Login)
	return to(contract.Refresh, object("refresh_token", tokens.Member("refresh_token"))), err
}

func withBearer(endpoint contract.Endpoint) preparer {
	return func(ctx context.Context, v *Visitor) (Request, error) {
		tokens, err := v.signIn(ctx, contract.Login)
		return to(endpoint, "", httpclient.Bearer(tokens.Member("access_token"))), err
	}
}

func withCookie(endpoint contract.Endpoint) preparer {
	return func(ctx context.Context, v *Visitor) (Request, error) {
		got, err := v.signIn(ctx, contract.SessionLogin)
		if err != nil {
			return Request{}, err
		}
		return to(endpoint, "", got.Cookie()), nil
	}
}

// requestMail requests a mail to a user who has none yet.
func requestMail(endpoint contract.Endpoint) preparer {
	return func(_ context.Context, v *Visitor) (Request, error) {
		name, err := v.rig.takeUser()
		return to(endpoint, object("email", population.Address(name))), err
	}
}

func plain(endpoint contract.Endpoint) preparer {
	return func(context.Context, *Visitor) (Request, error) { return to(endpoint, ""), nil }
}

// openLink requests an endpoint with the token that newToken returns.
func openLink(endpoint contract.Endpoint, newToken func(context.Context, *Visitor) (string, error)) preparer {
	return func(ctx context.Context, v *Visitor) (Request, error) {
		token, err := newToken(ctx, v)
		return Request{Method: endpoint.Method, Path: strings.Replace(endpoint.Path, "{token}", token, 1)}, err
	}
}

// submitForm submits the form of a page behind a mailed link.
func submitForm(endpoint contract.Endpoint, newToken func(context.Context, *Visitor) (string, error), form string) preparer {
	return func(ctx context.Context, v *Visitor) (Request, error) {
		req, err := openLink(endpoint, newToken)(ctx, v)
		req.Body, req.Headers = form, []string{httpclient.Form}
		return req, err
	}
}

func resetPassword(ctx context.Context, v *Visitor) (Request, error) {
	token, err := resetToken(ctx, v)
	return to(contract.ResetPassword, object("token", token, "new_password", newPassword)), err
}

func oauthStart(context.Context, *Visitor) (Request, error) {
	path := strings.Replace(contract.OAuthStart.Path, "{provider}", "github", 1)
	return Request{Method: http.MethodGet, Path: path}, nil
}

// oauthCallback prepares an account at GitHub and signs in there.
func oauthCallback(account func(context.Context, *Visitor) error) preparer {
	return func(ctx context.Context, v *Visitor) (Request, error) {
		if err := account(ctx, v); err != nil {
			return Request{}, err
		}
		return v.rig.callback(ctx)
	}
}

// callback signs in at GitHub with the latest account and returns the request of the callback.
func (r *Rig) callback(ctx context.Context) (Request, error) {
	req, err := oauthStart(ctx, nil)
	if err != nil {
		return Request{}, err
	}
	start, err := r.expect(ctx, req, http.StatusFound)
	if err != nil {
		return Request{}, err
	}
	consent, err := httpclient.Client{}.Do(ctx, http.MethodGet, start.Header.Get("Location"), "")
	if err != nil {
		return Request{}, err
	}
	target, err := url.Parse(consent.Header.Get("Location"))
	if err != nil {
		return Request{}, fmt.Errorf("reading the redirect of GitHub: %w", err)
	}
	return Request{Method: http.MethodGet, Path: target.RequestURI(), Headers: []string{start.Cookie()}}, nil
}

// newIdentity creates an account at GitHub that is unknown to Latchkey.
func newIdentity(_ context.Context, v *Visitor) error {
	name := v.rig.newName()
	v.rig.GitHub.SignIn(githubtest.User{
		ID: int64(v.rig.names), Login: name, Emails: []githubtest.Email{{Email: population.Address(name), Primary: true, Verified: true}},
	})
	return nil
}

// knownIdentity creates an account at GitHub and signs in with it once.
func knownIdentity(ctx context.Context, v *Visitor) error {
	if err := newIdentity(ctx, v); err != nil {
		return err
	}
	req, err := v.rig.callback(ctx)
	if err != nil {
		return err
	}
	_, err = v.rig.expect(ctx, req, http.StatusOK)
	return err
}
