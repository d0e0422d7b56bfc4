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
	"latchkey/infra/testkit"
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
	dockerEngine, err := docker.Find(ctx)
	if err != nil {
		fmt.Println(err, "- starting one for these tests")
		daemon, err := docker.StartDaemon(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = daemon.Close() }()
		dockerEngine = daemon.Engine
	}
	image, remove, err := baseImage(ctx, dockerEngine)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer remove()
	root, err := engine.Root()
	if err == nil {
		platform, err = New(root, dockerEngine, image)
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
		fmt.Println(err, "- creating a replacement image")
	}
	return e.MakeStandIn(ctx)
}

// observedPlatform is a platform that gives a test access to the running job.
type observedPlatform struct {
	*Platform
	running *running
}

// Start implements [stack.Platform].
func (p *observedPlatform) Start(ctx context.Context, job stack.Job) (stack.Running, error) {
	started, err := p.Platform.Start(ctx, job)
	p.running, _ = started.(*running)
	return started, err
}

// testLog returns a log whose content is printed if the test fails.
func testLog(t *testing.T) io.Writer {
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
	observed := &observedPlatform{Platform: platform}
	s, err := stack.Start(t.Context(), stack.Options{
		Root: testkit.Root(t), Platform: observed, Log: testLog(t), OpenID: true,
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
	containers, err := observed.running.Containers(t.Context())
	if err != nil || len(containers) < 13 {
		t.Errorf("got %d containers, %v; want at least 13", len(containers), err)
	}
	t.Log("containers:\n" + strings.Join(containers, "\n"))
	network := observed.running.network.Name
	s.Close()
	if got := remains(t, network); got != "" {
		t.Errorf("after Close: got %s, want no network and no containers", got)
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

// remains returns the ids of a network and of its containers, or "" if there are none.
func remains(t *testing.T, network string) string {
	t.Helper()
	return runDocker(t, "network", "ls", "--quiet", "--filter", "name="+network) +
		runDocker(t, "ps", "--all", "--quiet", "--filter", "network="+network)
}

// runDocker runs `docker` on the engine of the platform and returns its output.
func runDocker(t *testing.T, arguments ...string) string {
	t.Helper()
	cmd := exec.Command("docker", arguments...)
	cmd.Env = append(cmd.Environ(), "DOCKER_HOST="+platform.engine.Host)
	output, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(output), "not found") {
		t.Errorf("docker %v: %v: %s", arguments, err, output)
	}
	return strings.TrimSpace(string(output))
}

// cleanupTimeout exceeds the time that the cleanup takes on a busy machine.
const cleanupTimeout = 2 * time.Minute

// TestAKilledRunLeavesNoContainer ends `make sam-local` by SIGKILL while a container is running.
func TestAKilledRunLeavesNoContainer(t *testing.T) {
	program := filepath.Join(t.TempDir(), "local")
	if output, err := exec.Command("go", "build", "-o", program, "latchkey/infra/local").CombinedOutput(); err != nil {
		t.Fatalf("building the local command: %v: %s", err, output)
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
		t.Fatalf("GET /api/auth/health: got %v, %v; want 200", response, err)
	}
	network := runDocker(t, "network", "ls", "--filter", "name=latchkey-", "--format", "{{.Name}}")
	if runDocker(t, "ps", "--quiet", "--filter", "network="+network) == "" {
		t.Fatalf("network %q: got no container, want one", network)
	}
	if err := run.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(cleanupTimeout); remains(t, network) != ""; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v: got %s, want no network and no containers", cleanupTimeout, remains(t, network))
		}
	}
}

// awaitReady reads the output of a run until it is ready, and returns the address of its API.
func awaitReady(t *testing.T, output io.Reader) (api string) {
	t.Helper()
	log := testLog(t)
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
	t.Fatal("the run ended before it was ready")
	return ""
}
