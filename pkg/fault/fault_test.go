package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"latchkey/pkg/fault"
)

func TestFrom(t *testing.T) {
	refused := &fault.Fault{Kind: fault.Refused, Code: "refused"}
	cause := errors.New("the cause")
	tests := map[string]struct {
		err  error
		kind fault.Kind
		code string
	}{
		"a fault":           {refused, fault.Refused, "refused"},
		"one with a cause":  {refused.Because(cause), fault.Refused, "refused"},
		"one that is deep":  {fmt.Errorf("doing: %w", refused.Because(cause)), fault.Refused, "refused"},
		"anything else":     {cause, fault.Internal, "internal_error"},
		"one among several": {errors.Join(cause, refused), fault.Refused, "refused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := fault.From(test.err); got.Kind != test.kind || got.Code != test.code {
				t.Errorf("From(%v) has the kind %d and the code %q, want %d and %q", test.err, got.Kind, got.Code, test.kind, test.code)
			}
		})
	}
	if got := fault.From(nil); got != nil {
		t.Errorf("From(nil) = %v, want nil", got)
	}
}

func TestACauseLeavesTheOriginalAlone(t *testing.T) {
	refused := &fault.Fault{Code: "refused"}
	cause := errors.New("the cause")
	withCause := refused.Because(cause)
	if !errors.Is(withCause, cause) || !errors.Is(withCause, refused) || withCause.Error() != "refused: the cause" {
		t.Errorf("Because returned %q, want %q with the cause in its chain", withCause, "refused: the cause")
	}
	if errors.Is(refused, cause) || refused.Error() != "refused" {
		t.Errorf("after Because the original is %q, want %q without a cause", refused, "refused")
	}
	if errors.Is(withCause, &fault.Fault{Code: "other"}) {
		t.Error("errors.Is matches a fault with another code, want no match")
	}
}
