package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"latchkey/pkg/signin"

	"golang.org/x/oauth2"
)

// Limits of what a provider can cause.
const (
	callTime     = 10 * time.Second // for all calls of one request together
	responseSize = 1 << 20          // bytes of one body
)

// newClient returns a client that follows no redirect, because no documented response is one, and limits the size of bodies.
func newClient() *http.Client {
	return &http.Client{
		Transport:     limitedTransport{&http.Transport{Proxy: nil, ForceAttemptHTTP2: true}},
		Timeout:       callTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// within limits the time of all calls with the returned context. The cancel function also closes the connections. AWS freezes
// a function between requests, and an exchange of a code, which is not repeated, would fail on a connection that the provider
// has closed meanwhile.
func within(ctx context.Context, client *http.Client) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	return ctx, func() {
		cancel()
		client.CloseIdleConnections()
	}
}

// limitedTransport is a transport with bodies that fail after responseSize bytes.
type limitedTransport struct{ next *http.Transport }

// CloseIdleConnections is called by [http.Client.CloseIdleConnections].
func (l limitedTransport) CloseIdleConnections() { l.next.CloseIdleConnections() }

// RoundTrip implements [http.RoundTripper].
func (l limitedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(request)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, responseSize)
	}
	return response, err
}

// statusError is the error for a response with another status than 200.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("the status is %d", int(s)) }

// get reads a JSON response of the API of a provider. Another status than 200 is a statusError.
func get(ctx context.Context, client *http.Client, url string, token *oauth2.Token, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	token.SetAuthHeader(request)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "Latchkey")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return statusError(response.StatusCode)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// causeSize limits the length of a cause in the log, in characters. The error of a library may quote a complete response.
const causeSize = 200

func brief(doing string, err error) error {
	return fmt.Errorf("%s: %.*s", doing, causeSize, err.Error())
}

// failed returns the error for a provider that is unavailable, slow, or returns an invalid response.
func failed(doing string, err error) error {
	return signin.ErrOAuthProviderFailed.Because(brief(doing, err))
}

// refusal distinguishes a provider that refuses from one that fails. An error of RFC 6749 §5.2 is a refusal, whatever its
// status. The exceptions are the two codes for a failure of the server (§4.1.2.1).
func refusal(err error) error {
	tokenErr, ok := errors.AsType[*tokenError](err)
	if !ok || tokenErr.code == "" || tokenErr.code == "server_error" || tokenErr.code == "temporarily_unavailable" {
		return signin.ErrOAuthProviderFailed.Because(err)
	}
	return signin.ErrOAuthFailed.Because(err)
}

// tokenError is an error response of a token endpoint. It leaves out the body, which may contain data that must not be logged.
type tokenError struct {
	status int
	code   string
}

func (e *tokenError) Error() string {
	return fmt.Sprintf("the status is %d, the error %.64q", e.status, e.code)
}

func redacted(err error) error {
	if retrieveErr, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return &tokenError{status: retrieveErr.Response.StatusCode, code: retrieveErr.ErrorCode}
	}
	return err
}
