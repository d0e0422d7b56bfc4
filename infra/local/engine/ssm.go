package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const motoServer = ".tools/venv/bin/moto_server"

// quietPorts are below those that systems give to connections. It takes moto a second and more until it listens, in which a port
// that was free above is taken by somebody.
const quietPorts, quietPortsEnd = 20_000, 32_000

// StartSSM starts a Systems Manager for tests: moto, which keeps its parameters in memory and asks for no permissions.
// Options.Folder does not matter.
func StartSSM(ctx context.Context, o Options) (*Engine, error) {
	program := filepath.Join(o.Root, motoServer)
	if err := installed("moto", program); err != nil {
		return nil, err
	}
	if o.Port != 0 {
		return startMoto(ctx, program, o.Port)
	}
	var failed error
	for range freePorts {
		e, err := startMoto(ctx, program, quietPorts+rand.IntN(quietPortsEnd-quietPorts))
		if err == nil || ctx.Err() != nil {
			return e, err
		}
		failed = err
	}
	return nil, failed
}

func startMoto(ctx context.Context, program string, port int) (*Engine, error) {
	e, err := launch(ctx, "moto", port, func(port int) *exec.Cmd {
		return exec.Command(program, "-H", "127.0.0.1", "-p", strconv.Itoa(port))
	})
	if err != nil {
		return nil, err
	}
	if err := loadSSM(ctx, e.Endpoint); err != nil {
		e.Stop()
		return nil, fmt.Errorf("starting moto on port %d: %w", port, err)
	}
	return e, nil
}

// loadSSM makes a first call, for what is not there: with it moto loads the service, which takes longer than our client waits.
func loadSSM(ctx context.Context, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(`{"Name":"/none"}`))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	request.Header.Set("Authorization", // which moto reads the service from, and checks no further
		"AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(answer.Body)
	if err == nil && !bytes.Contains(text, []byte("ParameterNotFound")) {
		err = errors.New("somebody else answers there")
	}
	return errors.Join(err, answer.Body.Close())
}
