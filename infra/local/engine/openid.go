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
	Secret      string // sent in the body of the token request (client_secret_post)
	RedirectURI string
}

// StartOpenID starts an OpenID provider (OpenID Connect Core 1.0) whose login page accepts any address without a password.
// The Endpoint is its issuer. An address has the same subject after a restart. Everything else, including the signing
// key, is in memory. Options.Folder is ignored.
func StartOpenID(ctx context.Context, o Options, client OpenIDClient) (*Engine, error) {
	if err := checkInstalled("oidc-provider", filepath.Join(o.Root, openIDPackage)); err != nil {
		return nil, err
	}
	node, err := lookUpNode("the local OpenID provider")
	if err != nil {
		return nil, err
	}
	e, err := launch(ctx, "oidc-provider", o.Port, func(port int) *exec.Cmd {
		cmd := exec.Command(node, filepath.Join(o.Root, openIDScript))
		cmd.Env = append(cmd.Environ(), // other users of the machine can read arguments
			"OPENID_PORT="+strconv.Itoa(port), "OPENID_CLIENT_ID="+client.ID,
			"OPENID_CLIENT_SECRET="+client.Secret, "OPENID_REDIRECT_URI="+client.RedirectURI,
		)
		return cmd
	})
	if err != nil {
		return nil, err
	}
	// Browsers treat localhost as secure. The issuer must be the same address for the browser and the functions.
	e.Endpoint = strings.Replace(e.Endpoint, "127.0.0.1", "localhost", 1)
	return e, nil
}
