package standin

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Fault is a handler that misbehaves as a provider might.
type Fault func(http.ResponseWriter, *http.Request)

const (
	hugeSize   = 64 << 20 // bytes, far more than any client should read
	hugePiece  = 64 << 10
	tricklePer = 50 * time.Millisecond
)

// Elsewhere is the target path of Redirect. A correct client never requests it.
const Elsewhere = "/elsewhere"

// Faults returns, by name, the faults that any endpoint of a provider can have.
func Faults() map[string]Fault {
	return map[string]Fault{
		"slow": Slow, "trickling": Trickle, "huge": Huge, "broken JSON": Broken, "cut off": CutOff,
		"redirecting": Redirect, "server error": ServerError,
	}
}

// Slow never responds. The request lasts until the client's timeout.
func Slow(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // the server detects a disconnect only after the body is read
	<-r.Context().Done()
}

// Trickle sends one byte at a time and never ends, so a timeout for each read alone does not help.
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
			_, _ = w.Write([]byte(" ")) // valid at the start of a JSON document
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// Huge responds with a valid JSON document of 64 MiB.
func Huge(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write([]byte(`{"padding":"`))
	piece := bytes.Repeat([]byte("a"), hugePiece)
	for written := 0; err == nil && written < hugeSize; written += len(piece) {
		_, err = w.Write(piece)
	}
	_, _ = w.Write([]byte(`"}`))
}

// Broken responds with a body that is not JSON, although its content type says so.
func Broken(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"id":`))
}

// CutOff breaks the connection in the middle of the body.
func CutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(hugePiece))
	_, _ = w.Write([]byte(`{"id":`))
	_ = http.NewResponseController(w).Flush() // so that the client receives the headers
	panic(http.ErrAbortHandler)
}

// Redirect redirects to Elsewhere with status 307, which keeps the method and the body (RFC 9110 §15.4.8). A client that
// follows it sends the secret in the body there.
func Redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, Elsewhere, http.StatusTemporaryRedirect)
}

// ServerError responds in HTML, as a proxy does when its server is unavailable.
func ServerError(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte("<html><body>We had issues producing the response to your request.</body></html>"))
}
