package engine

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	openIDScript  = "infra/local/openid/provider.mjs"
	openIDPackage = "infra/local/node_modules/oidc-provider/package.json"
)

// OpenIDClient is the one application that a local OpenID provider knows.
type OpenIDClient struct {
	ID          string
	Secret      string // shown in the body of the token request (client_secret_post)
	RedirectURI string
}

// StartOpenID starts an OpenID provider (OpenID Connect Core 1.0) whose login page believes everybody; the Endpoint is its issuer.
// An address is the same subject after a restart; everything else, signing key included, is in memory, and Options.Folder does not matter.
func StartOpenID(ctx context.Context, o Options, client OpenIDClient) (*Engine, error) {
	if err := installed("oidc-provider", filepath.Join(o.Root, openIDPackage)); err != nil {
		return nil, err
	}
	node, err := lookUpNode("the local OpenID provider")
	if err != nil {
		return nil, err
	}
	e, err := launch(ctx, "oidc-provider", o.Port, func(port int) *exec.Cmd {
		cmd := exec.Command(node, filepath.Join(o.Root, openIDScript))
		cmd.Env = append(cmd.Environ(), // not arguments, which everybody on the machine can read
			"OPENID_PORT="+strconv.Itoa(port), "OPENID_CLIENT_ID="+client.ID,
			"OPENID_CLIENT_SECRET="+client.Secret, "OPENID_REDIRECT_URI="+client.RedirectURI,
		)
		return cmd
	})
	if err != nil {
		return nil, err
	}
	// By the name that browsers treat as secure; with http it must be one address for browser and functions.
	e.Endpoint = strings.Replace(e.Endpoint, "127.0.0.1", "localhost", 1)
	return e, nil
}
