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
				t.Errorf("the fault is %+v", got)
			}
		})
	}
	if fault.From(nil) != nil {
		t.Error("no error became a fault")
	}
}

func TestACauseLeavesTheOriginalAlone(t *testing.T) {
	refused := &fault.Fault{Code: "refused"}
	cause := errors.New("the cause")
	caused := refused.Because(cause)
	if !errors.Is(caused, cause) || !errors.Is(caused, refused) || caused.Error() != "refused: the cause" {
		t.Errorf("the fault is %v", caused)
	}
	if errors.Is(refused, cause) || refused.Error() != "refused" {
		t.Errorf("the original is %v", refused)
	}
	if errors.Is(caused, &fault.Fault{Code: "other"}) {
		t.Error("two codes are one fault")
	}
}
