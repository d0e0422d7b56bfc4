package wiretap

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// engine responds once as many calls are in progress as the test expects.
type engine struct{ together *sync.WaitGroup }

// RoundTrip implements [http.RoundTripper].
func (e engine) RoundTrip(*http.Request) (*http.Response, error) {
	e.together.Done()
	e.together.Wait()
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

func TestRoundTripsCountsConcurrentCallsOnce(t *testing.T) {
	together := &sync.WaitGroup{}
	tap := New(engine{together})
	for _, calls := range []int{1, 3, 1} { // one after the other
		together.Add(calls)
		var sent sync.WaitGroup
		for range calls {
			sent.Go(func() {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://engine", strings.NewReader("{}"))
				if err != nil {
					t.Error(err)
					return
				}
				response, err := tap.RoundTrip(request)
				if err != nil {
					t.Error(err)
					return
				}
				_ = response.Body.Close()
			})
		}
		sent.Wait()
	}
	if got, want := tap.RoundTrips(), 3; got != want {
		t.Errorf("after 1, 3 and 1 calls: got %d round trips, want %d", got, want)
	}
	if got, want := len(tap.Calls()), 5; got != want {
		t.Errorf("after 1, 3 and 1 calls: got %d calls, want %d", got, want)
	}
	tap.Reset()
	if got := tap.RoundTrips(); got != 0 {
		t.Errorf("after Reset: got %d round trips, want 0", got)
	}
}
