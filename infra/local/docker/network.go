package docker

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strings"
)

// Network is a network of containers, which ends with this process at the latest, and all its containers with it.
type Network struct {
	Name string
	// Gateway is the address of this machine for the containers, if they have one: with Docker Desktop the engine is in another
	// machine, and the address is nil.
	Gateway net.IP

	engine *Engine
	leash  *leash
}

// sweep ends the containers of network $1, and the network. SAM may be connecting one more at this moment, hence the tries.
const sweep = `
for try in 1 2 3 4 5; do
  for container in $(docker ps --all --quiet --filter "network=$1"); do
    docker rm --force --volumes "$container"
  done
  docker network rm "$1" && exit
  sleep 1
done >/dev/null 2>&1
exit 1
`

// OpenNetwork makes a network of its own name.
func (e *Engine) OpenNetwork(ctx context.Context) (*Network, error) {
	n := &Network{Name: "latchkey-" + strings.ToLower(rand.Text()[:8]), engine: e}
	if _, err := e.run(ctx, nil, "network", "create", n.Name); err != nil {
		return nil, err
	}
	var err error
	if n.leash, err = e.newLeash(sweep, n.Name); err != nil {
		_, _ = e.run(context.WithoutCancel(ctx), nil, "network", "rm", n.Name)
		return nil, err
	}
	gateway, err := e.run(ctx, nil, "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", n.Name)
	if err != nil {
		_ = n.Close()
		return nil, err
	}
	if ip := net.ParseIP(gateway); ownAddress(ip) {
		n.Gateway = ip
	}
	return n, nil
}

// Containers lists the containers in the network, running or not: id, state and name of each.
func (n *Network) Containers(ctx context.Context) ([]string, error) {
	listed, err := n.engine.run(ctx, nil, "ps", "--all", "--filter", "network="+n.Name, "--format", "{{.ID}} {{.State}} {{.Names}}")
	if err != nil || listed == "" {
		return nil, err
	}
	return strings.Split(listed, "\n"), nil
}

// Close ends the containers in the network, and the network. The error says that something is left.
func (n *Network) Close() error {
	if err := n.leash.pull(); err != nil {
		return fmt.Errorf("network %s: %w", n.Name, err)
	}
	return nil
}

func ownAddress(ip net.IP) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil || ip == nil {
		return false
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.Equal(ip) {
			return true
		}
	}
	return false
}
