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
		status int
		failed string // the header
		works  bool
	}{
		"an answer":          {http.StatusOK, "", true},
		"a function's fault": {http.StatusOK, "Unhandled", false},
		"no such function":   {http.StatusNotFound, "", false},
		"SAM's own fault":    {http.StatusInternalServerError, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			sam := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.failed != "" {
					w.Header().Set("X-Amz-Function-Error", test.failed)
				}
				w.WriteHeader(test.status)
				event, _ := io.ReadAll(r.Body)
				fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, event)
			}))
			defer sam.Close()
			answer, err := (&lambda{url: sam.URL}).invoke(t.Context(), "Mailer", []byte(`{"Records":[]}`))
			switch want := `POST /2015-03-31/functions/Mailer/invocations {"Records":[]}`; {
			case (err == nil) != test.works:
				t.Errorf("the error is %v", err)
			case test.works && string(answer) != want:
				t.Errorf("the answer is %s", answer)
			case !test.works && !strings.Contains(err.Error(), "invoking Mailer"):
				t.Errorf("the error is %v", err)
			}
		})
	}
}
