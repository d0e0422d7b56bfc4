package wiretap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Fault handles one call in place of the engine. It may forward the call first.
type Fault func(Exchange) (*http.Response, error)

// FaultsOf returns, by name, the transient faults that an operation can have in AWS.
func FaultsOf(operation string) map[string]Fault {
	faults := map[string]Fault{
		"refused connection": Refuse,
		"lost answer":        LoseAnswer,
		"throttled":          Throttle,
		"server error":       ServerError,
	}
	switch strings.TrimPrefix(operation, OfLimits) {
	case "BatchGetItem":
		faults["all unprocessed"], faults["half unprocessed"] = Unprocess, UnprocessHalf
	case "TransactWriteItems":
		faults["conflict"], faults["throttled within"] = Conflict, ThrottleTransaction
	case "PutItem", "UpdateItem", "DeleteItem":
		faults["conflict"] = Conflict
	}
	return faults
}

// Exchange is a call in progress.
type Exchange struct {
	request   *http.Request
	operation string
	body      []byte
	send      func() (*http.Response, error)
}

// errBroken is a broken connection, after which the SDK retries without knowing whether the engine executed the call.
var errBroken = &brokenError{errors.New("connection reset by peer (injected)")}

type brokenError struct{ error }

// ConnectionError returns true, which the SDK checks to recognize a failed connection.
func (*brokenError) ConnectionError() bool { return true }

// Refuse breaks the connection before the engine receives the call.
func Refuse(Exchange) (*http.Response, error) { return nil, errBroken }

// LoseAnswer lets the engine execute the call and breaks the connection before the response arrives.
func LoseAnswer(e Exchange) (*http.Response, error) {
	if _, err := e.send(); err != nil {
		return nil, err
	}
	return nil, errBroken
}

// Hang never responds. The call lasts until the caller's timeout.
func Hang(e Exchange) (*http.Response, error) {
	<-e.request.Context().Done()
	return nil, e.request.Context().Err()
}

// Throttle responds as a table over its throughput limit does.
func Throttle(e Exchange) (*http.Response, error) {
	return e.refuse(http.StatusBadRequest, "ThrottlingException", nil)
}

// ServerError responds with an internal error of DynamoDB.
func ServerError(e Exchange) (*http.Response, error) {
	return e.refuse(http.StatusInternalServerError, "InternalServerError", nil)
}

// AccessDenied responds as IAM does to a role that lacks a permission.
func AccessDenied(e Exchange) (*http.Response, error) {
	return e.refuse(http.StatusBadRequest, "AccessDeniedException", nil)
}

// Conflict responds as DynamoDB does while another transaction is in progress on an item.
func Conflict(e Exchange) (*http.Response, error) {
	if e.operation != "TransactWriteItems" {
		return e.refuse(http.StatusBadRequest, "TransactionConflictException", nil)
	}
	return e.cancel("TransactionConflict")
}

// ThrottleTransaction responds as DynamoDB does to a transaction over a table's throughput limit.
func ThrottleTransaction(e Exchange) (*http.Response, error) { return e.cancel("ThrottlingError") }

// cancel responds that the first item canceled the transaction.
func (e Exchange) cancel(code string) (*http.Response, error) {
	var input struct{ TransactItems []json.RawMessage }
	if err := json.Unmarshal(e.body, &input); err != nil {
		return nil, err
	}
	reasons := make([]map[string]string, len(input.TransactItems))
	for i := range reasons {
		reasons[i] = map[string]string{"Code": "None"}
	}
	reasons[0] = map[string]string{"Code": code, "Message": "injected"}
	return e.refuse(http.StatusBadRequest, "TransactionCanceledException", map[string]any{"CancellationReasons": reasons})
}

// Unprocess responds to a batch that none of its keys was processed.
func Unprocess(e Exchange) (*http.Response, error) {
	var input struct{ RequestItems json.RawMessage }
	if err := json.Unmarshal(e.body, &input); err != nil {
		return nil, err
	}
	return e.respond(http.StatusOK, map[string]any{"Responses": map[string]any{}, "UnprocessedKeys": input.RequestItems})
}

// UnprocessHalf responds to a batch that the keys of one table were not processed.
func UnprocessHalf(e Exchange) (*http.Response, error) {
	var input struct{ RequestItems map[string]json.RawMessage }
	if err := json.Unmarshal(e.body, &input); err != nil {
		return nil, err
	}
	response, err := e.send()
	if err != nil {
		return nil, err
	}
	var output struct{ Responses map[string]json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&output); err != nil {
		return nil, err
	}
	for table, keys := range input.RequestItems {
		delete(output.Responses, table)
		return e.respond(http.StatusOK, map[string]any{
			"Responses": output.Responses, "UnprocessedKeys": map[string]json.RawMessage{table: keys},
		})
	}
	return nil, fmt.Errorf("the batch names no table")
}

func (e Exchange) refuse(status int, code string, more map[string]any) (*http.Response, error) {
	body := map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": "injected"}
	for name, value := range more {
		body[name] = value
	}
	return e.respond(status, body)
}

func (e Exchange) respond(status int, body any) (*http.Response, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	header.Set("Content-Type", "application/x-amz-json-1.0")
	header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(encoded)), 10))
	return &http.Response{
		Status:        strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status)),
		StatusCode:    status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(encoded)),
		ContentLength: int64(len(encoded)),
		Request:       e.request,
	}, nil
}
