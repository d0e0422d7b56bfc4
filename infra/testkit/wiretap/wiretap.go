// Package wiretap observes the calls between the product and its DynamoDB engine, for tests and measurements. It counts
// calls and capacity units, records the IAM permissions that each call needs, and makes calls fail as AWS can.
//
// A [Tap] is an [http.RoundTripper] for the SDK of the test's own process. A [Proxy] serves a Tap as an HTTP endpoint
// between function processes and the engine. The package parses only the parts of DynamoDB's wire format that it needs.
package wiretap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// OfLimits is the prefix that distinguishes writes of the rate limiter's counters from the other calls of the endpoint. A
// fault for "limits:UpdateItem" affects only the counters, and a fault for "UpdateItem" never affects them. A batch that reads a
// counter with other items is a call of the endpoint.
const OfLimits = "limits:"

// counters holds the beginnings of the counters' keys, as they appear in a request.
var counters = [][]byte{[]byte(`"R#L#`), []byte(`"R#G#`)}

// Call is one request to the engine.
type Call struct {
	Operation string // as in X-Amz-Target, without the version: "GetItem"
	Table     string // empty for a batch or a transaction
	Read      float64
	Write     float64 // in capacity units, as reported by the engine
	OfLimits  bool    // a write of the limiter's counters
	Refused   bool    // the condition of a write failed; AWS bills such a write, but engines report no units for it
}

// Tap records the calls that pass through it and injects faults. It is safe for concurrent use.
type Tap struct {
	next http.RoundTripper

	mu     sync.Mutex
	calls  []Call
	uses   map[Use]bool
	faults []*injection

	inFlight   int // calls without a response yet
	roundTrips int
}

type injection struct {
	operation string
	skip      int
	times     int
	fault     Fault
}

// New returns a Tap that forwards calls to next.
func New(next http.RoundTripper) *Tap { return &Tap{next: next, uses: make(map[Use]bool)} }

// Inject lets the next skip calls of the operation pass and applies fault to the following times calls.
func (t *Tap) Inject(operation string, skip, times int, fault Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, &injection{operation, skip, times, fault})
}

// Reset removes all recorded calls and faults. It keeps the uses.
func (t *Tap) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls, t.faults, t.roundTrips = nil, nil, 0
}

// RoundTrips returns the number of times since the last Reset that the product waited for the engine. Calls that are in progress at
// the same time count once.
func (t *Tap) RoundTrips() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.roundTrips
}

// enter counts a call that begins, and leave its end.
func (t *Tap) enter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inFlight == 0 {
		t.roundTrips++
	}
	t.inFlight++
}

func (t *Tap) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight--
}

// AllCalls returns the calls since the last Reset in the order of their responses.
func (t *Tap) AllCalls() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.calls)
}

// Calls returns the calls since the last Reset without those of LimitCalls.
func (t *Tap) Calls() []Call {
	return slices.DeleteFunc(t.AllCalls(), func(call Call) bool { return call.OfLimits })
}

// LimitCalls returns the writes of the limiter's counters since the last Reset.
func (t *Tap) LimitCalls() []Call {
	return slices.DeleteFunc(t.AllCalls(), func(call Call) bool { return !call.OfLimits })
}

// RoundTrip implements [http.RoundTripper].
func (t *Tap) RoundTrip(request *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	body, err := readAll(request.Body)
	if err != nil {
		return nil, err
	}
	t.recordUses(request, operation, body)
	name := operation
	if operation != "BatchGetItem" && slices.ContainsFunc(counters, func(key []byte) bool { return bytes.Contains(body, key) }) {
		name = OfLimits + operation
	}
	send := func() (*http.Response, error) { return t.forward(request, name, body) }
	if fault := t.nextFault(name); fault != nil {
		return fault(Exchange{request: request, operation: operation, body: body, send: send})
	}
	return send()
}

// nextFault returns the fault for the current call of operation and uses it up. It returns nil if there is none.
func (t *Tap) nextFault(operation string) Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, injection := range t.faults {
		switch {
		case injection.operation != operation || injection.times == 0:
		case injection.skip > 0:
			injection.skip--
		default:
			injection.times--
			return injection.fault
		}
	}
	return nil
}

// forward sends the request to the next transport and records it with the capacity units that the engine reports.
func (t *Tap) forward(request *http.Request, operation string, body []byte) (*http.Response, error) {
	withCapacity, err := requestCapacity(body)
	if err != nil {
		return nil, err
	}
	t.enter()
	defer t.leave()
	forwarded := request.Clone(request.Context())
	forwarded.Body = io.NopCloser(bytes.NewReader(withCapacity))
	forwarded.ContentLength = int64(len(withCapacity))
	response, err := t.next.RoundTrip(forwarded)
	if err != nil {
		return nil, err
	}
	result, err := readAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(result))
	t.record(operation, body, result)
	return response, nil
}

func (t *Tap) record(operation string, body, result []byte) {
	operation, ofLimits := strings.CutPrefix(operation, OfLimits)
	call := Call{Operation: operation, OfLimits: ofLimits}
	var input struct{ TableName string }
	if json.Unmarshal(body, &input) == nil {
		call.Table = input.TableName
	}
	units := capacityUnits(result)
	call.Refused = bytes.Contains(result, []byte("#ConditionalCheckFailedException"))
	switch operation {
	case "GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems":
		call.Read = units
	default:
		call.Write = units
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, call)
}

// requestCapacity adds ReturnConsumedCapacity to the body of a request. That breaks the signature, which local engines do
// not verify.
func requestCapacity(body []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	members["ReturnConsumedCapacity"] = json.RawMessage(`"TOTAL"`)
	return json.Marshal(members)
}

// capacityUnits returns the units that a response reports, once or once per table.
func capacityUnits(result []byte) float64 {
	type report struct{ CapacityUnits float64 }
	var one struct{ ConsumedCapacity report }
	if json.Unmarshal(result, &one) == nil {
		return one.ConsumedCapacity.CapacityUnits
	}
	var many struct{ ConsumedCapacity []report }
	var sum float64
	if json.Unmarshal(result, &many) == nil {
		for _, each := range many.ConsumedCapacity {
			sum += each.CapacityUnits
		}
	}
	return sum
}

func readAll(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer func() { _ = body.Close() }()
	return io.ReadAll(body)
}
