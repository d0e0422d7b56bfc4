package sam

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestInvoke checks which responses of SAM count as a success of the function, after which the stream continues.
func TestInvoke(t *testing.T) {
	for name, test := range map[string]struct {
		status        int
		functionError string // value of the header
		success       bool
	}{
		"success":          {http.StatusOK, "", true},
		"function error":   {http.StatusOK, "Unhandled", false},
		"unknown function": {http.StatusNotFound, "", false},
		"error of SAM":     {http.StatusInternalServerError, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			sam := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.functionError != "" {
					w.Header().Set("X-Amz-Function-Error", test.functionError)
				}
				w.WriteHeader(test.status)
				event, _ := io.ReadAll(r.Body)
				fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, event)
			}))
			defer sam.Close()
			result, err := (&lambda{url: sam.URL}).invoke(t.Context(), "Mailer", []byte(`{"Records":[]}`))
			switch want := `POST /2015-03-31/functions/Mailer/invocations {"Records":[]}`; {
			case (err == nil) != test.success:
				t.Errorf("status %d, function error %q: got error %v, want success %v", test.status, test.functionError, err, test.success)
			case test.success && string(result) != want:
				t.Errorf("got %s, want %s", result, want)
			case !test.success && !strings.Contains(err.Error(), "invoking Mailer"):
				t.Errorf("got error %v, want invoking Mailer: …", err)
			}
		})
	}
}
