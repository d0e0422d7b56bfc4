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

// Bounds of what a provider can make us do.
const (
	answerTime = 10 * time.Second // of all calls of one request together, from the first on
	answerSize = 1 << 20          // bytes of one body
)

// newClient returns a client that follows no redirect, since no documented answer is one, and reads no endless body.
func newClient() *http.Client {
	return &http.Client{
		Transport:     bounded{&http.Transport{Proxy: nil, ForceAttemptHTTP2: true}},
		Timeout:       answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// within bounds the time of all calls that are made with the context. The connections end with it: a function is frozen
// between requests, and what a provider closes meanwhile would be found out by the exchange of a code, which is not tried again.
func within(ctx context.Context, client *http.Client) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	return ctx, func() {
		cancel()
		client.CloseIdleConnections()
	}
}

// bounded is a transport whose bodies end, with an error, at answerSize.
type bounded struct{ next *http.Transport }

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (b bounded) CloseIdleConnections() { b.next.CloseIdleConnections() }

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(request)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, answerSize)
	}
	return response, err
}

// statusError is an answer of a provider's API that is not 200.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("the status is %d", int(s)) }

// get reads a JSON answer of a provider's API. An answer with another status than 200 is a statusError.
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

// causeSize bounds what an error of a library, which may quote a whole answer, puts into the log, in characters.
const causeSize = 200

func brief(doing string, err error) error {
	return fmt.Errorf("%s: %.*s", doing, causeSize, err.Error())
}

// failed says that a provider is away, slow or answers what it should not.
func failed(doing string, err error) error {
	return signin.ErrOAuthProviderFailed.Because(brief(doing, err))
}

// refusal tells a provider that refuses from one that fails: an error of RFC 6749 §5.2 is a refusal, whatever its status,
// but for the two with which a server speaks of itself (§4.1.2.1).
func refusal(err error) error {
	answered, ok := errors.AsType[*answeredError](err)
	if !ok || answered.code == "" || answered.code == "server_error" || answered.code == "temporarily_unavailable" {
		return signin.ErrOAuthProviderFailed.Because(err)
	}
	return signin.ErrOAuthFailed.Because(err)
}

// answeredError is an error answer of a token endpoint, without the body, which may hold what no log should.
type answeredError struct {
	status int
	code   string
}

func (e *answeredError) Error() string {
	return fmt.Sprintf("the status is %d, the error %.64q", e.status, e.code)
}

func redacted(err error) error {
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return &answeredError{status: answer.Response.StatusCode, code: answer.ErrorCode}
	}
	return err
}
