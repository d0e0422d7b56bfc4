package app

import (
	"context"
	"net/http"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Refresh is functions/refresh.
func Refresh(p *Parts) http.Handler {
	p.rehearse(func(w *world) sample {
		return sample{body: map[string]string{"refresh_token": w.pair.Refresh.Reveal()}}
	})
	return p.serve(refresh(session.NewRefresher(p.useStore(), p.useKeys(), p.pairs())))
}

type refreshBody struct {
	RefreshToken secret.String `json:"refresh_token"`
}

// Validate implements [httpapi.Body].
func (b refreshBody) Validate() []fault.Field {
	return httpapi.Missing(httpapi.Member{Key: "refresh_token", Missing: b.RefreshToken.IsZero()})
}

// Refresh returns the token, whose session the request counts for.
func (b refreshBody) Refresh() secret.String { return b.RefreshToken }

type refresher interface {
	Refresh(ctx context.Context, token secret.String) (session.Pair, error)
}

func refresh(rules refresher) httpapi.Endpoint {
	return httpapi.JSON(contract.Refresh, func(ctx context.Context, req call[refreshBody]) (result[tokensBody], error) {
		pair, err := rules.Refresh(ctx, req.Body.RefreshToken)
		return tokens(http.StatusOK, pair), err
	})
}
