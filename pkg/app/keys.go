package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"latchkey/pkg/config"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/keyring"
	"latchkey/pkg/lambdakeys"
	"latchkey/pkg/lambdastream"
	"latchkey/pkg/ssm"
	"latchkey/pkg/token"
)

// The times of the key schedule that no setting changes.
const (
	keyNotice = 2 * time.Hour  // clients cache the published set for one hour
	keyTick   = 24 * time.Hour // the schedule in template.yaml
	keySlack  = time.Hour      // for clock differences, and for functions that temporarily cannot read the keys

	// clockLeeway is the leeway in the verification of access tokens.
	clockLeeway = time.Second

	// mailRetries is how long the mailer retries a mail. The key of the first attempt derives its link.
	mailRetries = 24 * time.Hour
)

// RotateKeys is functions/rotate-keys.
func RotateKeys(p *Parts) lambdakeys.Handler {
	if p.cfg.KeysPath == "" {
		p.note(errors.New("KEYS_PREFIX: is required"))
	}
	rotator := keyring.NewRotator(p.useSSM(), p.cfg.KeysPath, schedule(p.cfg), p.now, p.random, p.log)
	return lambdakeys.Adapt(rotator, lambdakeys.Options{
		ID: p.cfg.KeysPath, Fault: p.err(), Loopback: p.cfg.SSMEndpoint != "", Log: p.log,
	})
}

func schedule(cfg config.Config) keyring.Schedule {
	return keyring.Schedule{
		Algorithm:   cfg.SigningAlgorithm,
		Period:      cfg.KeyRotation,
		Notice:      keyNotice,
		Tick:        keyTick,
		Settle:      cfg.KeySetMaxAge + keySlack,
		SigningLife: cfg.AccessToken + clockLeeway,
		// A replaced refresh token must be recognised, as reuse and at logout, for the life of its session.
		DerivingLife: slices.Max([]time.Duration{
			cfg.RefreshToken, cfg.SessionMax, httpapi.DeviceLife, mailRetries + max(cfg.VerificationToken, cfg.ResetToken),
		}),
	}
}

func (p *Parts) useSSM() *ssm.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ssm == nil {
		p.ssm = ssm.New(ssm.Options{
			Region: p.cfg.Region, Endpoint: p.cfg.SSMEndpoint, Credentials: p.credentials(), Now: p.now,
		})
	}
	return p.ssm
}

// useKeys returns the keys: those of SIGNING_KEYS locally, else those below KEYS_PREFIX. Without a complete set, the function does
// not start.
func (p *Parts) useKeys() *keyring.Ring {
	if p.keys == nil {
		ring, err := p.openKeys()
		if err != nil {
			p.note(err)
			ring = keyring.Static(&token.KeySet{})
		}
		p.keys = ring
	}
	return p.keys
}

func (p *Parts) openKeys() (*keyring.Ring, error) {
	if !p.cfg.SigningKeys.IsZero() || p.cfg.KeysPath == "" {
		set, err := token.ParseKeySet([]byte(p.cfg.SigningKeys.Reveal()), p.cfg.SigningAlgorithm)
		if err != nil {
			return nil, fmt.Errorf("SIGNING_KEYS: %w", err)
		}
		return keyring.Static(set), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), readingTime)
	defer cancel()
	ring, err := keyring.Open(ctx, p.useSSM(), keyring.Options{
		Path: p.cfg.KeysPath, MaxAge: p.cfg.KeySetMaxAge, Now: p.now, Log: p.log,
	})
	if err != nil {
		return nil, fmt.Errorf("KEYS_PREFIX: %w", err)
	}
	return ring, nil
}

// withFreshKeys reads the keys again before a request if they are older than KEYSET_MAX_AGE.
func (p *Parts) withFreshKeys(handler http.Handler) http.Handler {
	if p.keys == nil {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.keys.Fresh(r.Context())
		handler.ServeHTTP(w, r)
	})
}

// withFreshKeysForStreams is withFreshKeys for a batch of records.
func (p *Parts) withFreshKeysForStreams(handler lambdastream.Handler) lambdastream.Handler {
	if p.keys == nil {
		return handler
	}
	return func(ctx context.Context, event events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		p.keys.Fresh(ctx)
		return handler(ctx, event)
	}
}
