package lambdahost

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"latchkey/pkg/id"
)

// maxAnswer is what Lambda takes as the answer to a synchronous invocation, in bytes.
const maxAnswer = 6<<20 + 100

// invocation is one event on its way through a process.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time

	once    sync.Once
	settled chan struct{} // closed when answer and err are final
	answer  []byte
	err     error
}

func newInvocation(payload []byte) *invocation {
	return &invocation{id: id.New(rand.Reader).String(), payload: payload, settled: make(chan struct{})}
}

// succeed and fail settle the invocation. Only the first call counts.
func (i *invocation) succeed(answer []byte) { i.settle(answer, nil) }
func (i *invocation) fail(err error)        { i.settle(nil, err) }

func (i *invocation) settle(answer []byte, err error) {
	i.once.Do(func() {
		i.answer, i.err = answer, err
		close(i.settled)
	})
}

// runtimeAPI is the Lambda Runtime API, version 2018-06-01, of one process ("Using the Lambda runtime API for custom
// runtimes" in the Lambda guide).
type runtimeAPI struct {
	arn       string
	asked     chan struct{}    // the runtime waits for an event; what it did before is done
	events    chan *invocation // to the runtime that waits
	initError chan []byte

	mu      sync.Mutex
	current *invocation
}

func newRuntimeAPI(arn string) *runtimeAPI {
	return &runtimeAPI{
		arn:       arn,
		asked:     make(chan struct{}, 1),
		events:    make(chan *invocation),
		initError: make(chan []byte, 1),
	}
}

func (a *runtimeAPI) handler() http.Handler {
	const base = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", a.next)
	mux.HandleFunc("POST "+base+"invocation/{id}/response", a.response)
	mux.HandleFunc("POST "+base+"invocation/{id}/error", a.failure)
	mux.HandleFunc("POST "+base+"init/error", a.initFailure)
	return mux
}

// next holds the request until there is an event, for hours if need be.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	a.setCurrent(nil)
	select {
	case a.asked <- struct{}{}:
	default: // a runtime that asks twice waits once
	}
	select {
	case event := <-a.events:
		a.setCurrent(event)
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", event.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(event.deadline.UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", a.arn)
		header.Set("Lambda-Runtime-Trace-Id", traceID(event.deadline))
		_, _ = w.Write(event.payload) // a process that has gone away settles the event by its end
	case <-r.Context().Done():
	}
}

func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	event := a.invocation(w, r)
	if event == nil {
		return
	}
	answer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		event.fail(platformError(typeTooLarge, "the answer is larger than %d bytes", maxAnswer))
		reply(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
		return
	}
	if err != nil {
		reply(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	// A runtime that fails in the middle of its answer says so in a trailer.
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		event.fail(platformError(kind, "the function failed while it wrote its answer"))
	}
	event.succeed(answer)
	reply(w, http.StatusAccepted, "")
}

func (a *runtimeAPI) failure(w http.ResponseWriter, r *http.Request) {
	event := a.invocation(w, r)
	if event == nil {
		return
	}
	report, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		reply(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	event.fail(reportedError(report))
	reply(w, http.StatusAccepted, "")
}

func (a *runtimeAPI) initFailure(w http.ResponseWriter, r *http.Request) {
	report, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		reply(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	select {
	case a.initError <- report:
		reply(w, http.StatusAccepted, "")
	default:
		reply(w, http.StatusForbidden, "InvalidStateTransition")
	}
}

func (a *runtimeAPI) setCurrent(event *invocation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.current = event
}

// invocation is the event under way if the path names it. Otherwise it refuses, and is nil.
func (a *runtimeAPI) invocation(w http.ResponseWriter, r *http.Request) *invocation {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == nil || a.current.id != r.PathValue("id") {
		reply(w, http.StatusBadRequest, "InvalidRequestID")
		return nil
	}
	return a.current
}

// reply answers the runtime; errorType is empty for success.
func reply(w http.ResponseWriter, status int, errorType string) {
	body := map[string]string{"status": "OK"}
	if errorType != "" {
		body = map[string]string{"errorType": errorType, "errorMessage": http.StatusText(status)}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // to a process that may have ended
}

// traceID is an X-Ray header that is never sampled.
func traceID(at time.Time) string {
	var random [20]byte
	_, _ = rand.Read(random[:]) // never fails, since Go 1.24
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", at.Unix(), random[:12], random[12:])
}
