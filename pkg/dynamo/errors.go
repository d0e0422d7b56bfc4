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

// errLinked is the refusal of a link by an identity that the account has already.
var errLinked = errors.New("the account has an identity of that provider")

// errUnprocessed is the store's way to throttle a batch: it answered, but not for every key.
var errUnprocessed = errors.New("the store left keys unprocessed")

// classify sorts what the SDK returns: a store that is down, slow or throttled is [fault.ServiceUnavailable], so that
// it is never taken for a refusal; everything else (a missing table, a lacking permission, a request that does not
// fit) is a fault of ours and stays internal. doing is what was being done, for the log.
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
	var answer *smithyhttp.ResponseError
	switch {
	case errors.As(err, &api) && (api.ErrorFault() == smithy.FaultServer || throttled(api.ErrorCode())):
		return true
	case errors.As(err, &answer) && answer.HTTPStatusCode() >= http.StatusInternalServerError:
		return true
	default:
		return unanswered(err)
	}
}

// unanswered says that no answer could be read: the connection was refused, reset or broken off.
func unanswered(err error) bool {
	var unsent *smithyhttp.RequestSendError
	var unread *smithy.DeserializationError
	return errors.As(err, &unsent) || errors.As(err, &unread)
}

func throttled(code string) bool {
	_, is := retry.DefaultThrottleErrorCodes[code]
	return is
}

// The codes of a canceled transaction's reasons that are worth another try or are a refusal of ours.
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

// conflicted says that another write was under way on one of the same items.
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
