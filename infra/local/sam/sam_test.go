//go:build sam

package sam

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey/infra/acceptance"
	"latchkey/infra/local/child"
	"latchkey/infra/local/docker"
	"latchkey/infra/local/engine"
	"latchkey/infra/local/stack"
	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/standin"
)

// platform is the platform of all tests.
var platform *Platform

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run runs the tests with the Docker engine of this machine, or starts one, and with the image of Lambda, or creates a replacement.
func run(m *testing.M) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	found, err := docker.Find(ctx)
	if err != nil {
		fmt.Println(err, "- starting one for these tests")
		daemon, err := docker.StartDaemon(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = daemon.Close() }()
		found = daemon.Engine
	}
	image, remove, err := baseImage(ctx, found)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer remove()
	root, err := engine.Root()
	if err == nil {
		platform, err = New(root, found, image)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func baseImage(ctx context.Context, e *docker.Engine) (name string, remove func(), err error) {
	if err := e.Pull(ctx, docker.LambdaImage); err == nil {
		return docker.LambdaImage, func() {}, nil
	} else {
		fmt.Println(err, "- making an image instead")
	}
	return e.MakeStandIn(ctx)
}

// watched is a platform that gives a test access to the running job.
type watched struct {
	*Platform
	running *running
}

// Start implements [stack.Platform].
func (w *watched) Start(ctx context.Context, job stack.Job) (stack.Running, error) {
	started, err := w.Platform.Start(ctx, job)
	w.running, _ = started.(*running)
	return started, err
}

// logged returns a log whose content is printed if the test fails.
func logged(t *testing.T) io.Writer {
	t.Helper()
	log := &bytes.Buffer{} // a stack writes to it from one goroutine at a time
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return log
}

// TestGuide runs the product in containers and calls every endpoint, including those of the providers. It then checks that all
// containers and the network are removed.
func TestGuide(t *testing.T) {
	github := startGitHub(t)
	watching := &watched{Platform: platform}
	s, err := stack.Start(t.Context(), stack.Options{
		Root: root(t), Platform: watching, Log: logged(t), OpenID: true,
		Environment: map[string]string{
			"OAUTH_GITHUB_CLIENT_ID": client.ID, "OAUTH_GITHUB_CLIENT_SECRET": client.Secret,
			"OAUTH_GITHUB_URL": github, "OAUTH_GITHUB_API_URL": github,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	acceptance.Run(t, acceptance.Deployment{URL: s.URL, MailURL: s.MailURL})
	containers, err := watching.running.Containers(t.Context())
	if err != nil || len(containers) < 13 {
		t.Errorf("the functions have run in %d containers: %v", len(containers), err)
	}
	t.Log("the containers:\n" + strings.Join(containers, "\n"))
	network := watching.running.network.Name
	s.Close()
	if left := left(t, network); left != "" {
		t.Errorf("there is still %s", left)
	}
}

var client = standin.Client{ID: "latchkey", Secret: "a secret of the application"}

// startGitHub starts an emulated GitHub with a user and returns its address with the name localhost, which also works in containers.
func startGitHub(t *testing.T) string {
	t.Helper()
	github, err := githubtest.Start(client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(github.Close)
	github.SignIn(githubtest.User{
		ID: 1, Login: "octocat", Emails: []githubtest.Email{{Email: "octocat@example.com", Primary: true, Verified: true}},
	})
	return strings.Replace(github.URL, "127.0.0.1", "localhost", 1)
}

// left returns the ids of a network and of its containers, or "" if there are none.
func left(t *testing.T, network string) string {
	t.Helper()
	return docks(t, "network", "ls", "--quiet", "--filter", "name="+network) + docks(t, "ps", "--all", "--quiet", "--filter", "network="+network)
}

// docks runs `docker` on the platform's engine.
func docks(t *testing.T, arguments ...string) string {
	t.Helper()
	cmd := exec.Command("docker", arguments...)
	cmd.Env = append(cmd.Environ(), "DOCKER_HOST="+platform.engine.Host)
	printed, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(printed), "not found") {
		t.Errorf("docker %v: %v: %s", arguments, err, printed)
	}
	return strings.TrimSpace(string(printed))
}

// patience exceeds the time that the cleanup takes on a busy machine.
const patience = 2 * time.Minute

// TestAKilledRunLeavesNoContainer ends `make sam-local` by SIGKILL while a container is running.
func TestAKilledRunLeavesNoContainer(t *testing.T) {
	program := filepath.Join(t.TempDir(), "local")
	if said, err := exec.Command("go", "build", "-o", program, "latchkey/infra/local").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	cmd := exec.Command(program, "-sam")
	cmd.Env = append(cmd.Environ(), "DOCKER_HOST="+platform.engine.Host, "SAM_IMAGE="+platform.image, "DATA_DIR="+t.TempDir(),
		"PORT=0", "MAIL_PORT=0", "DYNAMODB_PORT=0", "OPENID_PORT=0")
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	run, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Stop(0)
	response, err := http.Get(awaitReady(t, output) + "/api/auth/health")
	if err != nil || response.Body.Close() != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the health is %v, %v", response, err)
	}
	network := docks(t, "network", "ls", "--filter", "name=latchkey-", "--format", "{{.Name}}")
	if docks(t, "ps", "--quiet", "--filter", "network="+network) == "" {
		t.Fatalf("network %q has no container", network)
	}
	if err := run.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); left(t, network) != ""; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there is still %s", left(t, network))
		}
	}
}

// awaitReady reads the output of a run until it is ready, and returns the address of its API.
func awaitReady(t *testing.T, output io.Reader) (api string) {
	t.Helper()
	log := logged(t)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 2 && fields[0] == "API":
			api = fields[1]
		case lines.Text() == "ready":
			go func() { _, _ = io.Copy(io.Discard, output) }() // so that the run can continue to write
			return api
		}
		fmt.Fprintln(log, lines.Text())
	}
	t.Fatal("the run has ended before it was ready")
	return ""
}

func root(t *testing.T) string {
	t.Helper()
	folder, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}
