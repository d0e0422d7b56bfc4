package engine

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

const sesLocal = "infra/local/node_modules/aws-ses-v2-local/dist/cli.js"

// StartSES starts an SES that delivers nothing: the Endpoint takes the calls of the SDK, is a page with the mails for people,
// and has them as JSON under /store. They are kept in memory; Options.Folder does not matter.
func StartSES(ctx context.Context, o Options) (*Engine, error) {
	script := filepath.Join(o.Root, sesLocal)
	if err := installed("aws-ses-v2-local", script); err != nil {
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

func lookUpNode(needer string) (string, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return "", fmt.Errorf("%s needs Node.js: install version 20 or later", needer)
	}
	return node, nil
}
