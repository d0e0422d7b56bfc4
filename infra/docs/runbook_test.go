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

// blocks are the shell commands of a document: those that are run, by their mark, and the others.
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

// shell runs commands with the AWS CLI of the Python tools, which `make test` installs.
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

// TestTheRunbooksCommands runs what is marked to be run, in the order of an evening on call, and looks whether it did what it says.
func TestTheRunbooksCommands(t *testing.T) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	house, err := stack.Start(t.Context(), stack.Options{Root: absolute, Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer house.Close()
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
		output, err := shell(t.Context(), script.String(), "AWS_ENDPOINT_URL_DYNAMODB="+house.DynamoDBEndpoint,
			"USERS_TABLE=Users", "SESSIONS_TABLE=Sessions", "API_URL="+house.URL)
		if err != nil {
			t.Fatalf("%v: %v", names, err)
		}
		return output
	}
	const user = `{"username":"pythonista","email":"pythonista@example.com","password":"SecurePass123!"}`
	first := request(t, house.URL+"/api/auth/register", user)
	if shown := run("find", "show"); !strings.Contains(shown, `"username": "pythonista"`) || strings.Contains(shown, "argon2") {
		t.Errorf("show prints %s", shown)
	}
	for _, step := range []struct {
		run   string
		want  int // of a sign-in afterwards
		ended bool
	}{{"health", 200, false}, {"end", 200, true}, {"disable", 403, true}, {"enable", 200, true}} {
		run("find", step.run)
		if got := request(t, house.URL+"/api/auth/login", user); got.status != step.want {
			t.Errorf("after %s a sign-in is answered %d", step.run, got.status)
		}
		old := request(t, house.URL+"/api/auth/me", "", "Authorization: Bearer "+first.token)
		if ended := old.status == http.StatusUnauthorized; ended != step.ended {
			t.Errorf("after %s the old session is answered %d", step.run, old.status)
		}
	}
}

// answer is what these tests look at.
type answer struct {
	status int
	token  string
}

func request(t *testing.T, url, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), `"access_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	return answer{response.StatusCode, token}
}

// withoutCalls has the AWS CLI check a command's name, options and values, and then find nobody to call.
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

// TestTheCLITakesTheOtherCommands, which need AWS.
func TestTheCLITakesTheOtherCommands(t *testing.T) {
	_, others := blocks(read(t, "infra/docs/runbook.md"))
	for _, commands := range others {
		t.Run(strings.SplitN(commands, "\n", 2)[0], func(t *testing.T) {
			t.Parallel()
			output, err := shell(t.Context(), withoutCalls+commands, "STACK=latchkey-prod", "USERS_TABLE=Users", "SESSIONS_TABLE=Sessions")
			if err != nil {
				t.Error(err)
			}
			if asked := strings.Count("\n"+commands, "\naws "); strings.Count(output, "checked") != asked {
				t.Errorf("not all %d commands were checked: %s", asked, output)
			}
		})
	}
}
