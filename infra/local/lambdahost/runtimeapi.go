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

// maxResponse is Lambda's limit for the response to a synchronous invocation, in bytes.
const maxResponse = 6<<20 + 100

// invocation is one event and its result.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time

	once   sync.Once
	done   chan struct{} // closed when result and err are final
	result []byte
	err    error
}

func newInvocation(payload []byte) *invocation {
	return &invocation{id: id.New(rand.Reader).String(), payload: payload, done: make(chan struct{})}
}

// succeed and fail complete the invocation. Only the first call has an effect.
func (i *invocation) succeed(result []byte) { i.complete(result, nil) }
func (i *invocation) fail(err error)        { i.complete(nil, err) }

func (i *invocation) complete(result []byte, err error) {
	i.once.Do(func() {
		i.result, i.err = result, err
		close(i.done)
	})
}

// runtimeAPI serves the Lambda Runtime API, version 2018-06-01, to one process ("Using the Lambda runtime API for custom
// runtimes" in the Lambda guide).
type runtimeAPI struct {
	arn       string
	ready     chan struct{}    // the runtime requests an event and has finished the previous one
	events    chan *invocation // to the waiting runtime
	initError chan []byte      // the report of a failed initialization

	mu      sync.Mutex
	current *invocation
}

func newRuntimeAPI(arn string) *runtimeAPI {
	return &runtimeAPI{
		arn:       arn,
		ready:     make(chan struct{}, 1),
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

// next responds with the next event. The request waits for it without a limit.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	a.setCurrent(nil)
	select {
	case a.ready <- struct{}{}:
	default: // a repeated request
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
		_, _ = w.Write(event.payload) // if the process has ended, process.handle fails the event
	case <-r.Context().Done():
	}
}

func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	event := a.invocation(w, r)
	if event == nil {
		return
	}
	result, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		event.fail(platformError(typeTooLarge, "the response is larger than %d bytes", maxResponse))
		respond(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
		return
	}
	if err != nil {
		respond(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	// A runtime reports a failure during its response in a trailer.
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		event.fail(platformError(kind, "the function failed while it wrote its response"))
	}
	event.succeed(result)
	respond(w, http.StatusAccepted, "")
}

func (a *runtimeAPI) failure(w http.ResponseWriter, r *http.Request) {
	event := a.invocation(w, r)
	if event == nil {
		return
	}
	report, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	if err != nil {
		respond(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	event.fail(reportedError(report))
	respond(w, http.StatusAccepted, "")
}

func (a *runtimeAPI) initFailure(w http.ResponseWriter, r *http.Request) {
	report, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	if err != nil {
		respond(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	select {
	case a.initError <- report:
		respond(w, http.StatusAccepted, "")
	default:
		respond(w, http.StatusForbidden, "InvalidStateTransition")
	}
}

func (a *runtimeAPI) setCurrent(event *invocation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.current = event
}

// invocation returns the current event if the path names it. Otherwise it refuses the request and returns nil.
func (a *runtimeAPI) invocation(w http.ResponseWriter, r *http.Request) *invocation {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == nil || a.current.id != r.PathValue("id") {
		respond(w, http.StatusBadRequest, "InvalidRequestID")
		return nil
	}
	return a.current
}

// respond writes the response to the runtime. errorType is empty for success.
func respond(w http.ResponseWriter, status int, errorType string) {
	body := map[string]string{"status": "OK"}
	if errorType != "" {
		body = map[string]string{"errorType": errorType, "errorMessage": http.StatusText(status)}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only if the process has ended
}

// traceID returns an X-Ray header of a trace that is not sampled.
func traceID(at time.Time) string {
	var random [20]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", at.Unix(), random[:12], random[12:])
}
