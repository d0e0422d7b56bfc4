package engine

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

const sesLocal = "infra/local/node_modules/aws-ses-v2-local/dist/cli.js"

// StartSES starts an emulated SES that delivers no mail. Its Endpoint accepts the calls of the SDK, serves an inbox page,
// and returns the mails as JSON under /store. It keeps mails in memory and ignores Options.Folder.
func StartSES(ctx context.Context, o Options) (*Engine, error) {
	script := filepath.Join(o.Root, sesLocal)
	if err := checkInstalled("aws-ses-v2-local", script); err != nil {
		return nil, err
	}
	node, err := lookUpNode("the local SES")
	if err != nil {
		return nil, err
	}
	return launch(ctx, "aws-ses-v2-local", o.Port, func(port int) *exec.Cmd {
		return exec.Command(node, script, "--host", "127.0.0.1", "--port", strconv.Itoa(port))
	})
}

// lookUpNode returns the path of Node.js. The error names the program that needs it.
func lookUpNode(program string) (string, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return "", fmt.Errorf("%s needs Node.js: install version 20 or later", program)
	}
	return node, nil
}
