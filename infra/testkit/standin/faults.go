package standin

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Fault answers a request in a way that a provider should not.
type Fault func(http.ResponseWriter, *http.Request)

const (
	hugeSize   = 64 << 20 // bytes, far more than any client should read
	hugePiece  = 64 << 10
	tricklePer = 50 * time.Millisecond
)

// Elsewhere is the path that Redirect leads to. No client should ask for it.
const Elsewhere = "/elsewhere"

// Faults gives, by name, what any endpoint of a provider can do wrong.
func Faults() map[string]Fault {
	return map[string]Fault{
		"slow": Slow, "trickling": Trickle, "huge": Huge, "broken JSON": Broken, "cut off": CutOff,
		"redirecting": Redirect, "server error": ServerError,
	}
}

// Slow never answers; the caller's patience decides.
func Slow(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // only then is the connection watched for its end
	<-r.Context().Done()
}

// Trickle answers a byte at a time, without an end, so that no single wait is long.
func Trickle(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	ticker := time.NewTicker(tricklePer)
	defer ticker.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
			_, _ = w.Write([]byte(" ")) // white space may begin a JSON document
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// Huge answers a JSON document that would be good, were it not of 64 MiB.
func Huge(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write([]byte(`{"padding":"`))
	piece := bytes.Repeat([]byte("a"), hugePiece)
	for written := 0; err == nil && written < hugeSize; written += len(piece) {
		_, err = w.Write(piece)
	}
	_, _ = w.Write([]byte(`"}`))
}

// Broken answers what is not JSON under its name.
func Broken(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"id":`))
}

// CutOff breaks the connection in the middle of the body.
func CutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(hugePiece))
	_, _ = w.Write([]byte(`{"id":`))
	_ = http.NewResponseController(w).Flush() // or the client would see no answer at all
	panic(http.ErrAbortHandler)
}

// Redirect leads to Elsewhere in the way that keeps method and body (RFC 9110 §15.4.8), and with the body a secret.
func Redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, Elsewhere, http.StatusTemporaryRedirect)
}

// ServerError answers as a proxy does whose server is away: in HTML.
func ServerError(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte("<html><body>We had issues producing the response to your request.</body></html>"))
}
