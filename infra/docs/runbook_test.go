package docs_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/infra/local/stack"
	"latchkey/infra/testkit"
	"latchkey/infra/testkit/httpclient"
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
func shell(t *testing.T, commands string, environment ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	command.Env = append(environment, "PATH="+filepath.Dir(python(t))+":"+os.Getenv("PATH"),
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
	local, err := stack.Start(t.Context(), stack.Options{Root: testkit.Root(t), Log: io.Discard})
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
		output, err := shell(t, script.String(), "AWS_ENDPOINT_URL_DYNAMODB="+local.DynamoDBEndpoint,
			"USERS_TABLE=Users", "SESSIONS_TABLE=Sessions", "API_URL="+local.URL)
		if err != nil {
			t.Fatalf("%v: %v", names, err)
		}
		return output
	}
	const user = `{"username":"pythonista","email":"pythonista@example.com","password":"SecurePass123!"}`
	post := func(path, body string, headers ...string) httpclient.Response {
		return httpclient.Client{}.Send(t, http.MethodPost, local.URL+path, body, append(headers, httpclient.JSON)...)
	}
	token := post("/api/auth/register", user).Member("access_token")
	if output := run("find", "show"); !strings.Contains(output, `"username": "pythonista"`) || strings.Contains(output, "argon2") {
		t.Errorf("show: got %s, want the username and no password hash", output)
	}
	for _, step := range []struct {
		commands          string
		login, oldSession int // the status of a login and of the first session afterwards
	}{{"health", 200, 200}, {"end", 200, 401}, {"disable", 403, 401}, {"enable", 200, 401}} {
		run("find", step.commands)
		if got := post("/api/auth/login", user); got.Status != step.login {
			t.Errorf("login after %s: got %v, want %d", step.commands, got, step.login)
		}
		if got := post("/api/auth/me", "", httpclient.Bearer(token)); got.Status != step.oldSession {
			t.Errorf("me with the first token after %s: got %v, want %d", step.commands, got, step.oldSession)
		}
	}
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
			output, err := shell(t, withoutCalls+commands, "STACK=latchkey-prod", "USERS_TABLE=Users", "SESSIONS_TABLE=Sessions")
			if err != nil {
				t.Error(err)
			}
			if want, got := strings.Count("\n"+commands, "\naws "), strings.Count(output, "checked"); got != want {
				t.Errorf("got %d checked commands, want %d: %s", got, want, output)
			}
		})
	}
}
