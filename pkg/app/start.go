package app

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"latchkey/pkg/config"
	"latchkey/pkg/secret"
)

// Limits of the calls before the first event. Lambda allows 10 s for all of INIT.
const (
	readingTime = 4 * time.Second // of calls to Systems Manager
	warmUpTime  = 2 * time.Second // of the call to the store
)

// needs names what a function reads before its first event.
type needs struct{ keys, clientKeys, store bool }

// open reads what the function needs, all at the same time, while meanwhile runs. A function that is built afterwards makes no call.
// Faults are noted, except that the store does not respond: it may do so by the time of the first request.
func (p *Parts) open(needs needs, getenv func(string) string, meanwhile func()) {
	if p.err() != nil { // the function does not start
		p.readPublicURL(getenv)
		return
	}
	var tasks sync.WaitGroup
	if needs.store {
		p.useStore()
		tasks.Go(p.warmUp)
	}
	if needs.keys {
		tasks.Go(func() { p.useKeys() })
	}
	if needs.clientKeys {
		tasks.Go(func() { p.useSources() })
	}
	var address secret.String
	var err error
	if p.lacksPublicURL() {
		tasks.Go(func() { address, err = p.publicURL() })
	}
	meanwhile()
	tasks.Wait()
	if p.lacksPublicURL() {
		p.setPublicURL(getenv, address, err)
	}
}

// warmUp connects to the store.
func (p *Parts) warmUp() {
	ctx, cancel := context.WithTimeout(context.Background(), warmUpTime)
	defer cancel()
	if err := p.store.Ping(ctx); err != nil {
		p.log.Warn("the store did not respond to the warm-up", "cause", err.Error())
	}
}

// readPublicURL reads the address of the API from Systems Manager if the environment only names its parameter, and then reads the
// configuration again with it.
func (p *Parts) readPublicURL(getenv func(string) string) {
	if p.lacksPublicURL() {
		address, err := p.publicURL()
		if err == nil {
			p.faults = nil // the second reading reports the same faults again
		}
		p.setPublicURL(getenv, address, err)
	}
}

func (p *Parts) lacksPublicURL() bool { return p.cfg.PublicURL == "" && p.cfg.PublicURLParameter != "" }

func (p *Parts) publicURL() (secret.String, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readingTime)
	defer cancel()
	return p.useSSM().Read(ctx, p.cfg.PublicURLParameter)
}

// setPublicURL reads the configuration with the address, unless it could not be read.
func (p *Parts) setPublicURL(getenv func(string) string, address secret.String, err error) {
	if err != nil {
		p.note(fmt.Errorf("PUBLIC_URL_PARAMETER: reading %s: %w", p.cfg.PublicURLParameter, err))
		return
	}
	cfg, err := config.Read(func(name string) string {
		if name == "PUBLIC_URL" {
			return address.Reveal()
		}
		return getenv(name)
	})
	p.cfg = cfg
	p.note(err)
}

// The places where Amazon Linux 2023 stores the public root certificates.
const (
	rootsFile = "/etc/pki/tls/certs/ca-bundle.crt"
	noRoots   = "/var/empty"
)

// useBundledRoots selects one file of root certificates in Lambda. Without it, the first TLS handshake also parses all files of
// two directories.
func useBundledRoots() {
	if os.Getenv("AWS_LAMBDA_FUNCTION_NAME") == "" || os.Getenv("SSL_CERT_FILE") != "" {
		return
	}
	if _, err := os.Stat(rootsFile); err == nil {
		_ = os.Setenv("SSL_CERT_FILE", rootsFile)
		_ = os.Setenv("SSL_CERT_DIR", noRoots)
	}
}
