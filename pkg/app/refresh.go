package app

import (
	"context"
	"net/http"
	"net/url"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Refresh is functions/refresh.
func Refresh(p *Parts) http.Handler {
	p.rehearse(func(w *rehearsalData) sample {
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

// FromForm reads a refresh request of OAuth (RFC 6749 §6).
func (refreshBody) FromForm(form url.Values) (refreshBody, []fault.Field) {
	var faults []fault.Field
	if form.Get("grant_type") != "refresh_token" {
		faults = append(faults, fault.Field{Key: "grant_type", Message: "must be refresh_token"})
	}
	for _, name := range []string{"grant_type", "refresh_token"} {
		if len(form[name]) > 1 {
			faults = append(faults, fault.Field{Key: name, Message: "must not be repeated"})
		}
	}
	return refreshBody{RefreshToken: secret.New(form.Get("refresh_token"))}, faults
}

// Refresh returns the token. The request counts for its session.
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
