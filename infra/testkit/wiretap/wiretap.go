// Package wiretap stands between the product and its DynamoDB engine, for tests and measurements: it counts calls and
// capacity units, notes what each call needs of IAM, and makes the store fail in the ways that a real one does.
//
// A [Tap] is an [http.RoundTripper], to be put under the SDK; [Proxy] serves one as an endpoint of its own, to be put
// between function processes and the engine. It knows DynamoDB's wire format only as far as that needs.
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

// OfLimits stands before the operations on the limiter's counters, which are told apart from those of the endpoint: a fault for
// "UpdateItem" does not meet them, one for "limits:UpdateItem" meets nothing else.
const OfLimits = "limits:"

// counters begin the keys of these counters.
var counters = [][]byte{[]byte(`"R#L#`), []byte(`"R#G#`)}

// Call is one request to the engine.
type Call struct {
	Operation string // as in X-Amz-Target, without the version: "GetItem"
	Table     string // of a call on one table
	Read      float64
	Write     float64 // capacity units that the engine reported
	Refused   bool    // a condition did not hold: AWS counts the units of such a write, and no engine reports them
}

// Tap counts what goes through it and injects faults.
type Tap struct {
	next http.RoundTripper

	mu     sync.Mutex
	calls  []Call
	limits []Call
	uses   map[Use]bool
	faults []*injection
}

type injection struct {
	operation string
	skip      int
	times     int
	fault     Fault
}

// New returns a Tap over next.
func New(next http.RoundTripper) *Tap { return &Tap{next: next, uses: make(map[Use]bool)} }

// Inject makes the operation's calls fail: after skip calls that pass, the next times calls meet fault.
func (t *Tap) Inject(operation string, skip, times int, fault Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, &injection{operation, skip, times, fault})
}

// Reset forgets all calls and faults.
func (t *Tap) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls, t.limits, t.faults = nil, nil, nil
}

// Calls returns the calls since the last Reset, in the order of their answers, those on the limiter's counters apart.
func (t *Tap) Calls() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Call(nil), t.calls...)
}

// LimitCalls returns the calls on the limiter's counters.
func (t *Tap) LimitCalls() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Call(nil), t.limits...)
}

// RoundTrip implements [http.RoundTripper].
func (t *Tap) RoundTrip(request *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	body, err := readAll(request.Body)
	if err != nil {
		return nil, err
	}
	t.noteUses(request, operation, body)
	name := operation
	if slices.ContainsFunc(counters, func(key []byte) bool { return bytes.Contains(body, key) }) {
		name = OfLimits + operation
	}
	send := func() (*http.Response, error) { return t.forward(request, name, body) }
	if fault := t.take(name); fault != nil {
		return fault(Exchange{request: request, operation: operation, body: body, send: send})
	}
	return send()
}

// take takes the fault that this call of operation meets, if any.
func (t *Tap) take(operation string) Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, injected := range t.faults {
		switch {
		case injected.operation != operation || injected.times == 0:
		case injected.skip > 0:
			injected.skip--
		default:
			injected.times--
			return injected.fault
		}
	}
	return nil
}

// forward sends the request on, asking for the capacity it takes, and notes it.
func (t *Tap) forward(request *http.Request, operation string, body []byte) (*http.Response, error) {
	counted, err := askForCapacity(body)
	if err != nil {
		return nil, err
	}
	copied := request.Clone(request.Context())
	copied.Body = io.NopCloser(bytes.NewReader(counted))
	copied.ContentLength = int64(len(counted))
	response, err := t.next.RoundTrip(copied)
	if err != nil {
		return nil, err
	}
	answer, err := readAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(answer))
	t.note(operation, body, answer)
	return response, nil
}

func (t *Tap) note(operation string, body, answer []byte) {
	operation, ofLimits := strings.CutPrefix(operation, OfLimits)
	call := Call{Operation: operation}
	var asked struct{ TableName string }
	if json.Unmarshal(body, &asked) == nil {
		call.Table = asked.TableName
	}
	units := consumed(answer)
	call.Refused = bytes.Contains(answer, []byte("#ConditionalCheckFailedException"))
	switch operation {
	case "GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems":
		call.Read = units
	default:
		call.Write = units
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if ofLimits {
		t.limits = append(t.limits, call)
		return
	}
	t.calls = append(t.calls, call)
}

// askForCapacity adds ReturnConsumedCapacity to a request. Local engines do not look at the signature.
func askForCapacity(body []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	members["ReturnConsumedCapacity"] = json.RawMessage(`"TOTAL"`)
	return json.Marshal(members)
}

// consumed reads the units of an answer: one report, or one per table.
func consumed(answer []byte) float64 {
	type report struct{ CapacityUnits float64 }
	var one struct{ ConsumedCapacity report }
	if json.Unmarshal(answer, &one) == nil {
		return one.ConsumedCapacity.CapacityUnits
	}
	var many struct{ ConsumedCapacity []report }
	var sum float64
	if json.Unmarshal(answer, &many) == nil {
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
