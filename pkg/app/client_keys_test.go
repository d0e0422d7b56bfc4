package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/template"
	"latchkey/infra/testkit/ssmtest"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/secret"
)

const (
	oldClientKey = "the-old-client-key-0123456789abcdef"
	newClientKey = "the-new-client-key-0123456789abcdef"
)

func parseClientKeys(t *testing.T, list string) httpapi.ClientKeys {
	t.Helper()
	keys, err := httpapi.ParseClientKeys(secret.New(list))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestClientKeysFollowTheirParameter changes the parameter while a function runs.
func TestClientKeysFollowTheirParameter(t *testing.T) {
	path := ssmtest.Fresh(t)
	var log bytes.Buffer
	now := time.Date(2126, 3, 4, 5, 6, 7, 0, time.UTC)
	reads := 0
	read := func(ctx context.Context, name string) (secret.String, error) {
		reads++
		return path.Client.Read(ctx, name)
	}
	keys := &clientKeys{
		parameter: path.Name, read: read, maxAge: 5 * time.Minute, log: slog.New(slog.NewJSONHandler(&log, nil)),
		now: func() time.Time { return now },
	}
	replace := func(list string) {
		t.Helper()
		if err := path.Client.Replace(t.Context(), path.Name, secret.New(list)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when, want string, wantReads int) {
		t.Helper()
		if got := keys.current(t.Context()); !reflect.DeepEqual(got, parseClientKeys(t, want)) || reads != wantReads {
			t.Errorf("%s: got other keys than %q, or %d reads; want these and %d", when, want, reads, wantReads)
		}
	}
	replace(oldClientKey)
	if err := keys.readAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	replace(oldClientKey + "," + newClientKey)
	now = now.Add(5*time.Minute - time.Second)
	check("before the maximum age", oldClientKey, 1)
	now = now.Add(time.Second)
	check("at the maximum age", oldClientKey+","+newClientKey, 2)
	replace("short")
	now = now.Add(5 * time.Minute)
	check("with an invalid parameter", oldClientKey+","+newClientKey, 3)
	for _, want := range []string{`"level":"ERROR","msg":"the client keys could not be read again`, path.Name, "has 5 characters"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("got the log %s, want it to contain %s", &log, want)
		}
	}
	check("right after a failure", oldClientKey+","+newClientKey, 3)
	replace(newClientKey)
	now = now.Add(clientKeysPause)
	check("after the pause", newClientKey, 4)
	if strings.Contains(log.String(), oldClientKey) || strings.Contains(log.String(), newClientKey) {
		t.Errorf("got the log %s, want no key in it", &log)
	}
}

// TestFaultsOfClientKeysAreReportedAtTheStart checks the errors for the two settings. A setting that is not used causes no call.
func TestFaultsOfClientKeysAreReportedAtTheStart(t *testing.T) {
	path := ssmtest.Fresh(t)
	for name, list := range map[string]string{"/short": "short", "/good": oldClientKey + "," + newClientKey} {
		if err := path.Client.Replace(t.Context(), path.Name+name, secret.New(list)); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct{ setting, value, want string }{
		"off":                  {"CLIENT_KEYS", "", ""},
		"a value":              {"CLIENT_KEYS", oldClientKey, ""},
		"a short value":        {"CLIENT_KEYS", "short", "CLIENT_KEYS: key 1 of 1: has 5 characters, want at least 32"},
		"a parameter":          {"CLIENT_KEYS_PARAMETER", path.Name + "/good", ""},
		"a missing parameter":  {"CLIENT_KEYS_PARAMETER", path.Name + "/none", "CLIENT_KEYS_PARAMETER: reading " + path.Name + "/none: ssm GetParameter: ParameterNotFound"},
		"an invalid parameter": {"CLIENT_KEYS_PARAMETER", path.Name + "/short", "CLIENT_KEYS_PARAMETER: reading " + path.Name + "/short: key 1 of 1: has 5 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{
				"PUBLIC_URL": "https://auth.example.com", "USERS_TABLE": "Users", "SESSIONS_TABLE": "Sessions", "AWS_REGION": template.Region,
				"DYNAMODB_ENDPOINT": "http://127.0.0.1:1", "SSM_ENDPOINT": path.Endpoint, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
				test.setting: test.value,
			}
			parts := newParts(func(name string) string { return env[name] }, io.Discard, time.Now, rand.Reader)
			parts.useSources()
			parts.useSources() // for another endpoint of the function
			err := parts.err()
			if (err == nil) != (test.want == "") || err != nil && (!strings.HasPrefix(err.Error(), test.want) || len(parts.faults) != 1) {
				t.Errorf("%s=%s: got the error %v, want %q once", test.setting, test.value, err, test.want)
			}
			if needsSSM := test.setting == "CLIENT_KEYS_PARAMETER"; (parts.ssm != nil) != needsSSM {
				t.Errorf("%s=%s: got a client of Systems Manager: %t, want %t", test.setting, test.value, parts.ssm != nil, needsSSM)
			}
		})
	}
}

// TestOnlyLimitedFunctionsReadClientKeys checks that a function without a rate limit starts without the parameter, because its role
// does not allow it to read the parameter.
func TestOnlyLimitedFunctionsReadClientKeys(t *testing.T) {
	path := ssmtest.Fresh(t)
	getenv := func(name string) string {
		return map[string]string{
			"PUBLIC_URL": "https://auth.example.com", "USERS_TABLE": "Users", "SESSIONS_TABLE": "Sessions", "AWS_REGION": template.Region,
			"SSM_ENDPOINT": path.Endpoint, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "CLIENT_KEYS_PARAMETER": path.Name,
		}[name]
	}
	if _, err := Build(Health, getenv, io.Discard); err != nil {
		t.Errorf("health: got the error %v, want none", err)
	}
	if _, err := Build(Logout, getenv, io.Discard); err == nil || !strings.Contains(err.Error(), "CLIENT_KEYS_PARAMETER: ") {
		t.Errorf("logout: got the error %v, want CLIENT_KEYS_PARAMETER in it", err)
	}
}
