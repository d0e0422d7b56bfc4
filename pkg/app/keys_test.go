package app_test

import (
	"io"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/infra/local/template"
	"latchkey/infra/testkit/ssmtest"
	"latchkey/pkg/app"
	"latchkey/pkg/contract"
	"latchkey/pkg/oauth"
	"latchkey/pkg/secret"
)

// storedKeys returns an environment with keys in Systems Manager, and their path. The path is empty until the first rotation.
func storedKeys(t *testing.T, changes map[string]string) (map[string]string, ssmtest.Path) {
	t.Helper()
	path := ssmtest.Fresh(t)
	env := environment(t)
	env["SIGNING_KEYS"], env["KEYS_PREFIX"], env["SSM_ENDPOINT"] = "", path.Name, path.Endpoint
	env["AWS_REGION"] = template.Region
	env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"] = "local", "local"
	maps.Copy(env, changes)
	return env, path
}

func rotate(t *testing.T, env map[string]string) error {
	t.Helper()
	handler := app.BuildKeys(app.RotateKeys, func(name string) string { return env[name] }, io.Discard)
	_, err := handler.Invoke(t.Context(), []byte(`{"action":"rotate"}`))
	return err
}

// TestKeysOutliveTheirTokens checks that the lifetime in each parameter covers the longest-lived tokens of the configuration.
func TestKeysOutliveTheirTokens(t *testing.T) {
	const year = "31536000"
	for name, test := range map[string]struct {
		changes           map[string]string
		signing, deriving string // seconds
	}{
		"by default":             {nil, "604801", year},
		"access tokens":          {map[string]string{"ACCESS_TOKEN_SECONDS": "60"}, "61", year},
		"sessions of two years":  {map[string]string{"SESSION_MAX_SECONDS": "63072000"}, "604801", "63072000"},
		"refresh of three years": {map[string]string{"REFRESH_TOKEN_SECONDS": "94608000"}, "604801", "94608000"},
		"links of four years":    {map[string]string{"VERIFICATION_TOKEN_SECONDS": "126144000"}, "604801", "126230400"},
	} {
		t.Run(name, func(t *testing.T) {
			env, path := storedKeys(t, test.changes)
			if err := rotate(t, env); err != nil {
				t.Fatal(err)
			}
			for key, want := range map[string]string{"signing/0001": test.signing, "deriving/0001": test.deriving} {
				value, err := path.Client.Read(t.Context(), path.Name+"/"+key)
				if err != nil || !strings.HasSuffix(value.Reveal(), `"life_seconds":`+want+`}`) {
					t.Errorf("%s with %v: got another lifetime or the error %v, want %s s", key, test.changes, err, want)
				}
			}
		})
	}
}

func TestFunctionsDoNotStartWithoutTheirKeys(t *testing.T) {
	env, path := storedKeys(t, nil)
	if err := build(app.Login, env); err == nil || !strings.Contains(err.Error(), "KEYS_PREFIX: reading the keys: there is no signing key below "+path.Name) {
		t.Errorf("login without keys: got the error %v, want one that names %s", err, path.Name)
	}
	if err := build(app.Health, env); err != nil {
		t.Errorf("health without keys: got the error %v, want none", err)
	}
	if err := rotate(t, env); err != nil {
		t.Fatal(err)
	}
	if err := build(app.Login, env); err != nil {
		t.Errorf("login after the first rotation: got the error %v, want none", err)
	}
}

// TestRotationReportsAnInvalidConfiguration shows that rotate-keys starts and returns an error, because CloudFormation waits for
// its response.
func TestRotationReportsAnInvalidConfiguration(t *testing.T) {
	for name, variable := range map[string]string{"no path": "KEYS_PREFIX", "another fault": "USERS_TABLE"} {
		env, _ := storedKeys(t, map[string]string{variable: ""})
		if err := rotate(t, env); err == nil || !strings.Contains(err.Error(), variable+": is required") {
			t.Errorf("%s: got the error %v, want %s: is required", name, err, variable)
		}
	}
}

// TestThePublicURLInSystemsManager checks that a function reads the address at its start. It does not read the secrets of OAuth
// clients then, so a missing one affects only sign-in at its provider.
func TestThePublicURLInSystemsManager(t *testing.T) {
	env, path := storedKeys(t, map[string]string{"PUBLIC_URL": ""})
	env["PUBLIC_URL_PARAMETER"] = path.Name + "-url"
	env["OAUTH_GITHUB_CLIENT_SECRET_PARAMETER"] = path.Name + "-secret"
	if err := build(app.Discovery, env); err == nil || !strings.Contains(err.Error(), "PUBLIC_URL_PARAMETER: reading "+path.Name+"-url: ") {
		t.Errorf("without the parameter: got the error %v, want one that names %s", err, path.Name+"-url")
	}
	for value, want := range map[string]string{"http://far.example": "PUBLIC_URL: ", "https://near.example": ""} {
		if err := path.Client.Replace(t.Context(), path.Name+"-url", secret.New(value)); err != nil {
			t.Fatal(err)
		}
		if err := build(app.Discovery, env); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("PUBLIC_URL %s: got the error %v, want %q", value, err, want)
		}
	}
	if err := path.Client.Replace(t.Context(), path.Name+"-url", secret.New("https://near.example")); err != nil {
		t.Fatal(err)
	}
	handler, err := app.Build(app.Discovery, func(name string) string { return env[name] }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest("GET", contract.Discovery.Path, nil)
	request.Pattern = contract.Discovery.Key()
	response := httptest.NewRecorder()
	if handler.ServeHTTP(response, request); !strings.Contains(response.Body.String(), `"issuer":"https://near.example"`) {
		t.Errorf("got %s, want the issuer https://near.example", response.Body)
	}
	env["OAUTH_GITHUB_CLIENT_ID"] = "client"
	if err := rotate(t, env); err != nil {
		t.Fatal(err)
	}
	if err := build(app.OAuthCallback(oauth.NewProviders), env); err != nil {
		t.Errorf("oauth-callback without the secret: got the error %v, want none", err)
	}
}
