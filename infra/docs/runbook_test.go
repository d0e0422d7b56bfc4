package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/infra/local/stack"
)

// blocks returns the shell commands of a document: those that are marked with a run comment, by name, and the others.
func blocks(document string) (run map[string]string, others []string) {
	run = map[string]string{}
	mark := ""
	var block *strings.Builder
	for line := range strings.Lines(document) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "<!-- run: "):
			mark = strings.TrimSuffix(strings.TrimPrefix(line, "<!-- run: "), " -->")
		case line == "```sh":
			block = &strings.Builder{}
		case line == "```" && block != nil && mark != "":
			run[mark], mark, block = block.String(), "", nil
		case line == "```" && block != nil:
			others, block = append(others, block.String()), nil
		case block != nil:
			block.WriteString(line + "\n")
		}
	}
	return run, others
}

// shell runs commands with the AWS CLI that `make test` installs, and returns their output.
func shell(ctx context.Context, commands string, environment ...string) (string, error) {
	tools, err := filepath.Abs(filepath.Join(root, ".tools/venv/bin"))
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	command.Env = append(environment, "PATH="+tools+":"+os.Getenv("PATH"),
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
	var failures bytes.Buffer
	command.Stderr = &failures
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, failures.String())
	}
	return strings.TrimSpace(string(output)), nil
}

// TestTheRunbooksCommands runs the marked commands against a local stack, in the order in which an operator needs them, and checks
// their effects.
func TestTheRunbooksCommands(t *testing.T) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	local, err := stack.Start(t.Context(), stack.Options{Root: absolute, Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	commands, _ := blocks(read(t, "infra/docs/runbook.md"))
	run := func(names ...string) string {
		t.Helper()
		var script strings.Builder
		for _, name := range names {
			if commands[name] == "" {
				t.Fatalf("the runbook has no command marked %q", name)
			}
			script.WriteString(commands[name])
		}
		output, err := shell(t.Context(), script.String(), "AWS_ENDPOINT_URL_DYNAMODB="+local.DynamoDBEndpoint,
			"USERS_TABLE=Users", "SESSIONS_TABLE=Sessions", "API_URL="+local.URL)
		if err != nil {
			t.Fatalf("%v: %v", names, err)
		}
		return output
	}
	const user = `{"username":"pythonista","email":"pythonista@example.com","password":"SecurePass123!"}`
	first := request(t, local.URL+"/api/auth/register", user)
	if output := run("find", "show"); !strings.Contains(output, `"username": "pythonista"`) || strings.Contains(output, "argon2") {
		t.Errorf("show: got %s, want the username and no password hash", output)
	}
	for _, step := range []struct {
		run   string
		want  int // status of a login afterwards
		ended bool
	}{{"health", 200, false}, {"end", 200, true}, {"disable", 403, true}, {"enable", 200, true}} {
		run("find", step.run)
		if got := request(t, local.URL+"/api/auth/login", user); got.status != step.want {
			t.Errorf("after %s: got %d for a login, want %d", step.run, got.status, step.want)
		}
		old := request(t, local.URL+"/api/auth/me", "", "Authorization: Bearer "+first.token)
		if ended := old.status == http.StatusUnauthorized; ended != step.ended {
			t.Errorf("after %s: got %d for the old session, want it ended: %t", step.run, old.status, step.ended)
		}
	}
}

// response is the part of an HTTP response that these tests check.
type response struct {
	status int
	token  string
}

func request(t *testing.T, url, body string, headers ...string) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), `"access_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	return response{res.StatusCode, token}
}

// withoutCalls makes the AWS CLI check the name, options and values of each command, and then fail to connect.
const withoutCalls = `export AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_MAX_ATTEMPTS=1
aws() {
  local message
  message=$(command aws "$@" 2>&1 > /dev/null) || true
  case $message in
    *"Could not connect to the endpoint"*) echo checked ;;
    *) echo "aws $*: $message" >&2; return 1 ;;
  esac
}
resource() { echo "$1"; }
`

// TestTheCLITakesTheOtherCommands checks the syntax of the commands that need AWS.
func TestTheCLITakesTheOtherCommands(t *testing.T) {
	_, others := blocks(read(t, "infra/docs/runbook.md"))
	for _, commands := range others {
		t.Run(strings.SplitN(commands, "\n", 2)[0], func(t *testing.T) {
			t.Parallel()
			output, err := shell(t.Context(), withoutCalls+commands, "STACK=latchkey-prod", "USERS_TABLE=Users", "SESSIONS_TABLE=Sessions")
			if err != nil {
				t.Error(err)
			}
			if want, got := strings.Count("\n"+commands, "\naws "), strings.Count(output, "checked"); got != want {
				t.Errorf("got %d checked commands, want %d: %s", got, want, output)
			}
		})
	}
}
