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

// motoPorts begins a range of ports, up to motoPortsEnd, from which the system does not choose the ports of outgoing
// connections. Moto takes over a second to listen. In that time, a connection could take a port that FreePort found.
const motoPorts, motoPortsEnd = 20_000, 32_000

// StartSSM starts an emulated Systems Manager for tests: moto, which keeps parameters in memory and checks no permissions.
// It ignores Options.Folder.
func StartSSM(ctx context.Context, o Options) (*Engine, error) {
	program := filepath.Join(o.Root, motoServer)
	if err := checkInstalled("moto", program); err != nil {
		return nil, err
	}
	if o.Port != 0 {
		return startMoto(ctx, program, o.Port)
	}
	choose := func() (int, error) { return motoPorts + rand.IntN(motoPortsEnd-motoPorts), nil }
	return onAnyPort(ctx, choose, func(port int) (*Engine, error) { return startMoto(ctx, program, port) })
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

// loadSSM makes the first call, for a parameter that does not exist. Moto loads the service at that call, which takes
// longer than the timeout of the product's client.
func loadSSM(ctx context.Context, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(`{"Name":"/none"}`))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	request.Header.Set("Authorization", // moto reads only the name of the service from it
		"AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(response.Body)
	if err == nil && !bytes.Contains(text, []byte("ParameterNotFound")) {
		err = errors.New("another program responds on this port")
	}
	return errors.Join(err, response.Body.Close())
}
