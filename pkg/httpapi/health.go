package httpapi

import (
	"context"
	"net/http"
)

type pinger interface {
	// Ping shows that the store answers.
	Ping(ctx context.Context) error
}

type healthBody struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// Health is GET /api/auth/health: 200 while the store answers, else 503.
func Health(store pinger, version string) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := store.Ping(r.Context()); err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, healthBody{Status: "ok", Version: version})
		return nil
	}
}
