package app

import (
	"context"
	"net/http"

	"latchkey/pkg/contract"
	"latchkey/pkg/httpapi"
)

// Health is functions/health.
func Health(p *Parts) http.Handler { return p.serve(health(p.useStore(), Version)) }

type pinger interface {
	// Ping returns an error while the store does not respond.
	Ping(ctx context.Context) error
}

type healthBody struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// health responds with 200 while the store responds, else with 503.
func health(store pinger, version string) httpapi.Endpoint {
	response := result[healthBody]{Body: healthBody{Status: "ok", Version: version}}
	return httpapi.JSON(contract.Health, func(ctx context.Context, _ call[unread]) (result[healthBody], error) {
		return response, store.Ping(ctx)
	})
}
