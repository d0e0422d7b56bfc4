package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"latchkey/pkg/fault"
)

// errUnprocessed is the error of a batch that DynamoDB throttled: it responded, but not for every key.
var errUnprocessed = errors.New("the store left keys unprocessed")

// classify returns err as the rules need it. If DynamoDB is down, slow or throttles, the result is [fault.ServiceUnavailable],
// so that no caller takes it for a refusal. Any other error, such as a missing table, a missing permission or an invalid
// request, is a fault of this service and stays internal. doing describes the call, for the log.
func classify(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, err)
	if transient(err) {
		return fault.ServiceUnavailable.Because(err)
	}
	return err
}

func transient(err error) bool {
	if errors.Is(err, errUnprocessed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	if conflicted(err) || throttledTransaction(err) {
		return true
	}
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	switch {
	case errors.As(err, &api) && (api.ErrorFault() == smithy.FaultServer || throttled(api.ErrorCode())):
		return true
	case errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError:
		return true
	default:
		return lacksResponse(err)
	}
}

// lacksResponse reports whether no response could be read, because the connection was refused or broke.
func lacksResponse(err error) bool {
	var notSent *smithyhttp.RequestSendError
	var notRead *smithy.DeserializationError
	return errors.As(err, &notSent) || errors.As(err, &notRead)
}

func throttled(code string) bool {
	_, found := retry.DefaultThrottleErrorCodes[code]
	return found
}

// Codes of the reasons for which a transaction is canceled.
const (
	reasonConditionFailed = "ConditionalCheckFailed"
	reasonConflict        = "TransactionConflict"
)

func reasons(err error) []types.CancellationReason {
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return canceled.CancellationReasons
	}
	return nil
}

func hasReason(err error, matches func(code string) bool) bool {
	for _, reason := range reasons(err) {
		if reason.Code != nil && matches(*reason.Code) {
			return true
		}
	}
	return false
}

// conflicted reports whether a concurrent write of the same item prevented this one.
func conflicted(err error) bool {
	var conflict *types.TransactionConflictException
	var running *types.TransactionInProgressException
	return errors.As(err, &conflict) || errors.As(err, &running) ||
		hasReason(err, func(code string) bool { return code == reasonConflict })
}

func throttledTransaction(err error) bool {
	return hasReason(err, func(code string) bool {
		return code == "ThrottlingError" || code == "ProvisionedThroughputExceeded"
	})
}
