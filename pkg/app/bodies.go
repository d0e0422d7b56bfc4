package app

import (
	"time"

	"latchkey/pkg/httpapi"
	"latchkey/pkg/session"
)

// Short names for what every endpoint takes and returns.
type (
	call[Req any]   = httpapi.Call[Req]
	result[Res any] = httpapi.Result[Res]
	unread          = httpapi.Unread
)

// messageBody says in one sentence what was done.
type messageBody struct {
	Message string `json:"message"`
}

func message(text string, cookies ...httpapi.Cookie) result[messageBody] {
	return result[messageBody]{Body: messageBody{Message: text}, Cookies: cookies}
}

// tokensBody is a token pair (RFC 6749 §5.1).
type tokensBody struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
}

func tokens(status int, pair session.Pair, cookies ...httpapi.Cookie) result[tokensBody] {
	return result[tokensBody]{Status: status, Cookies: cookies, Body: tokensBody{
		AccessToken:  pair.Access.Reveal(),
		RefreshToken: pair.Refresh.Reveal(),
		TokenType:    "bearer",
		ExpiresIn:    int64(pair.ExpiresIn / time.Second),
	}}
}
