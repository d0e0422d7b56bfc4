package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"latchkey/pkg/clock"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/secret"
)

const (
	// clientKeysTime limits one attempt to read the client keys during a request.
	clientKeysTime = 2 * time.Second

	// clientKeysPause is the time after a failed attempt. It limits the calls while Systems Manager is unavailable.
	clientKeysPause = 30 * time.Second
)

// useSources returns the sources of requests. They trust the proxies with a key of CLIENT_KEYS, or of CLIENT_KEYS_PARAMETER. If one of
// the two is set and has no valid keys, the function does not start.
func (p *Parts) useSources() httpapi.Sources {
	if p.sources == nil {
		sources, err := p.openSources()
		p.note(err)
		p.sources = &sources
	}
	return *p.sources
}

func (p *Parts) openSources() (httpapi.Sources, error) {
	switch {
	case !p.cfg.ClientKeys.IsZero():
		keys, err := httpapi.ParseClientKeys(p.cfg.ClientKeys)
		if err != nil {
			return httpapi.Sources{}, fmt.Errorf("CLIENT_KEYS: %w", err)
		}
		return httpapi.NewSources(func(context.Context) httpapi.ClientKeys { return keys }), nil
	case p.cfg.ClientKeysParameter != "":
		keys := &clientKeys{
			parameter: p.cfg.ClientKeysParameter, read: p.useSSM().Read, maxAge: p.cfg.KeySetMaxAge, now: p.now, log: p.log,
		}
		ctx, cancel := context.WithTimeout(context.Background(), readingTime)
		defer cancel()
		if err := keys.readAgain(ctx); err != nil {
			return httpapi.Sources{}, fmt.Errorf("CLIENT_KEYS_PARAMETER: %w", err)
		}
		return httpapi.NewSources(keys.current), nil
	default:
		return httpapi.Sources{}, nil
	}
}

// clientKeys follows the parameter with the client keys. It is safe for concurrent use.
//
// It reads the parameter at the start, and again if a request presents a key and the last reading is older than maxAge. If it
// cannot read valid keys, it keeps the former ones and logs an error.
type clientKeys struct {
	parameter string
	read      func(ctx context.Context, parameter string) (secret.String, error)
	maxAge    time.Duration
	now       clock.Clock
	log       *slog.Logger

	mu   sync.Mutex // locked while reading
	keys httpapi.ClientKeys
	due  time.Time // of the next attempt to read
}

// current returns the keys, which it reads again if they are too old.
func (k *clientKeys) current(ctx context.Context) httpapi.ClientKeys {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now().Before(k.due) {
		return k.keys
	}
	ctx, cancel := context.WithTimeout(ctx, clientKeysTime)
	defer cancel()
	if err := k.readAgain(ctx); err != nil {
		k.log.ErrorContext(ctx, "the client keys could not be read again; the former ones stay in use", "cause", err.Error())
	}
	return k.keys
}

// readAgain reads the keys. The error names the parameter.
func (k *clientKeys) readAgain(ctx context.Context) error {
	now := k.now()
	k.due = now.Add(min(clientKeysPause, k.maxAge))
	value, err := k.read(ctx, k.parameter)
	if err != nil {
		return fmt.Errorf("reading %s: %w", k.parameter, err)
	}
	keys, err := httpapi.ParseClientKeys(value)
	if err != nil {
		return fmt.Errorf("reading %s: %w", k.parameter, err)
	}
	k.keys, k.due = keys, now.Add(k.maxAge)
	return nil
}
