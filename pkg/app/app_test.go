package app_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/app"
	"latchkey/pkg/contract"
	"latchkey/pkg/token"
)

func environment(t *testing.T) map[string]string {
	t.Helper()
	keys, err := token.GenerateKeySet(rand.Reader, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"PUBLIC_URL": "https://auth.example.com", "USERS_TABLE": "Users", "SESSIONS_TABLE": "Sessions", "AWS_REGION": "eu-central-1",
		"DYNAMODB_ENDPOINT": "http://127.0.0.1:1", "SIGNING_KEYS": string(keys),
	}
}

func build(function app.Function, env map[string]string) error {
	_, err := app.Build(function, func(name string) string { return env[name] }, io.Discard)
	return err
}

// binaries builds all functions and returns the path of each by the name of its folder.
func binaries(t *testing.T) map[string]string {
	t.Helper()
	folder := t.TempDir()
	if output, err := exec.Command("go", "build", "-tags=lambda.norpc", "-o", folder+"/", "../../functions/...").CombinedOutput(); err != nil {
		t.Fatalf("building the functions: %v\n%s", err, output)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{}
	for _, entry := range entries {
		paths[entry.Name()] = filepath.Join(folder, entry.Name())
	}
	return paths
}

// start runs a function with an environment until it ends, or until its Runtime API is called. It returns whether that was called,
// and the output of the function.
func start(t *testing.T, binary string, env map[string]string) (started bool, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	called := make(chan struct{}, 1)
	runtime := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		called <- struct{}{}
		cancel() // kills the function
	}))
	defer runtime.Close()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(runtime.URL, "http://")}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	text, _ := cmd.CombinedOutput() // the error says only that the function ended
	select {
	case <-called:
		return true, string(text)
	default:
		return false, string(text)
	}
}

// TestStart shows of every function that it starts with a valid configuration, and that it reports all faults of an invalid one and
// does not start. Only rotate-keys starts then, too, because CloudFormation waits for its response.
func TestStart(t *testing.T) {
	for name, binary := range binaries(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(t)
			if name == "mailer" {
				env["MAIL_FROM"] = "no-reply@example.com"
			}
			if started, output := start(t, binary, env); !started {
				t.Errorf("with a valid configuration: got %s, want a start", output)
			}
			if name == "rotate-keys" {
				return
			}
			env["PUBLIC_URL"], env["LOG_LEVEL"] = "http://auth.example.com", "LOUD"
			started, output := start(t, binary, env)
			if started || !strings.Contains(output, "PUBLIC_URL: ") || !strings.Contains(output, "LOG_LEVEL: ") {
				t.Errorf("with two faults: got a start (%t) and %s, want none and both faults", started, output)
			}
		})
	}
}

// TestFunctionsWithKeysRefuseAnInvalidKeySet shows that such a function does not start, and reports this fault together with others.
func TestFunctionsWithKeysRefuseAnInvalidKeySet(t *testing.T) {
	for name, keys := range map[string]string{"missing": "", "no JSON": "{", "empty": `{"keys":[]}`} {
		env := environment(t)
		env["SIGNING_KEYS"], env["LOG_LEVEL"] = keys, "LOUD"
		err := build(app.Login, env)
		if err == nil || !strings.Contains(err.Error(), "SIGNING_KEYS: ") || !strings.Contains(err.Error(), "LOG_LEVEL: ") {
			t.Errorf("login with SIGNING_KEYS %s: got the error %v, want the faults of SIGNING_KEYS and LOG_LEVEL", name, err)
		}
		env["LOG_LEVEL"] = "INFO"
		if err := build(app.Health, env); err != nil {
			t.Errorf("health with SIGNING_KEYS %s: got the error %v, want none, because it uses no keys", name, err)
		}
	}
}

func TestDiscoveryNamesTheIssuerAndItsKeys(t *testing.T) {
	env := environment(t)
	handler, err := app.Build(app.Discovery, func(name string) string { return env[name] }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest("GET", contract.Discovery.Path, nil)
	request.Pattern = contract.Discovery.Key()
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	var metadata struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(response.Body.Bytes(), &metadata); err != nil {
		t.Fatal(err)
	}
	if metadata.Issuer != "https://auth.example.com" || metadata.JWKS != metadata.Issuer+contract.JWKS.Path {
		t.Errorf("got %s, want the issuer https://auth.example.com and its keys", response.Body)
	}
}

// TestEveryLogLineNamesItsFunction is necessary because all functions of a stack write to one log group.
func TestEveryLogLineNamesItsFunction(t *testing.T) {
	env := environment(t)
	env["AWS_LAMBDA_FUNCTION_NAME"] = "latchkey-dev-Discovery-1A2B3C"
	var logs bytes.Buffer
	handler, err := app.Build(app.Discovery, func(name string) string { return env[name] }, &logs)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest("GET", contract.Discovery.Path, nil)
	request.Pattern = contract.Discovery.Key()
	handler.ServeHTTP(httptest.NewRecorder(), request)
	var line struct {
		Function string `json:"function"`
		Route    string `json:"route"`
	}
	if err := json.Unmarshal(logs.Bytes(), &line); err != nil {
		t.Fatalf("got the log %q, want one JSON line: %v", logs.String(), err)
	}
	if line.Function != env["AWS_LAMBDA_FUNCTION_NAME"] || line.Route != contract.Discovery.Key() {
		t.Errorf("got the log %q, want a line of %s for %s", logs.String(), env["AWS_LAMBDA_FUNCTION_NAME"], contract.Discovery.Key())
	}
}

// TestLinesHaveTheMembersThatLambdaReads checks the names and forms with which Lambda recognizes the time and the level of a line.
// Otherwise it adds a timestamp to the line and treats the line as INFO.
func TestLinesHaveTheMembersThatLambdaReads(t *testing.T) {
	env := environment(t)
	env["AWS_LAMBDA_FUNCTION_NAME"] = "latchkey-prod-Fallback"
	var logs bytes.Buffer
	handler, err := app.Build(app.Fallback, func(name string) string { return env[name] }, &logs)
	if err != nil {
		t.Fatal(err)
	}
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/nowhere", nil))
	var line struct{ Timestamp, Level, Function, Time string }
	if err := json.Unmarshal(logs.Bytes(), &line); err != nil {
		t.Fatalf("got the log %s, want one JSON line: %v", logs.String(), err)
	}
	const milliseconds = "2006-01-02T15:04:05.999Z"
	if _, err := time.Parse(milliseconds, line.Timestamp); err != nil || len(line.Timestamp) > len(milliseconds) {
		t.Errorf("got the timestamp %q, want the form %s: %v", line.Timestamp, milliseconds, err)
	}
	if line.Level != "INFO" || line.Function != "latchkey-prod-Fallback" || line.Time != "" {
		t.Errorf("got the line %+v, want the level INFO, the function, and no second time", line)
	}
}
