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

// Fault decides what becomes of one call.
type Fault func(Exchange) (*http.Response, error)

// FaultsOf gives, by name, the passing faults that an operation can meet in AWS.
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

// Exchange is a call under way.
type Exchange struct {
	request   *http.Request
	operation string
	body      []byte
	send      func() (*http.Response, error)
}

// errBroken is what a broken connection looks like to the SDK: worth a retry, and nobody knows what was done.
var errBroken = &brokenError{errors.New("connection reset by peer (injected)")}

type brokenError struct{ error }

// ConnectionError tells the SDK that the connection failed.
func (*brokenError) ConnectionError() bool { return true }

// Refuse breaks the connection before the engine has seen the call.
func Refuse(Exchange) (*http.Response, error) { return nil, errBroken }

// LoseAnswer lets the engine do the call and breaks the connection before its answer.
func LoseAnswer(e Exchange) (*http.Response, error) {
	if _, err := e.send(); err != nil {
		return nil, err
	}
	return nil, errBroken
}

// Hang never answers; the caller's patience decides.
func Hang(e Exchange) (*http.Response, error) {
	<-e.request.Context().Done()
	return nil, e.request.Context().Err()
}

// Throttle answers as a table over its limit.
func Throttle(e Exchange) (*http.Response, error) {
	return e.refuse(http.StatusBadRequest, "ThrottlingException", nil)
}

// ServerError answers as an engine with a fault of its own.
func ServerError(e Exchange) (*http.Response, error) {
	return e.refuse(http.StatusInternalServerError, "InternalServerError", nil)
}

// AccessDenied answers as IAM does to a role that lacks a permission.
func AccessDenied(e Exchange) (*http.Response, error) {
	return e.refuse(http.StatusBadRequest, "AccessDeniedException", nil)
}

// Conflict answers as the engine does while another transaction is under way on an item.
func Conflict(e Exchange) (*http.Response, error) {
	if e.operation != "TransactWriteItems" {
		return e.refuse(http.StatusBadRequest, "TransactionConflictException", nil)
	}
	return e.cancel("TransactionConflict")
}

// ThrottleTransaction answers as the engine does to a transaction over a table's limit.
func ThrottleTransaction(e Exchange) (*http.Response, error) { return e.cancel("ThrottlingError") }

// cancel answers a transaction as canceled by its first item.
func (e Exchange) cancel(code string) (*http.Response, error) {
	var asked struct{ TransactItems []json.RawMessage }
	if err := json.Unmarshal(e.body, &asked); err != nil {
		return nil, err
	}
	reasons := make([]map[string]string, len(asked.TransactItems))
	for i := range reasons {
		reasons[i] = map[string]string{"Code": "None"}
	}
	reasons[0] = map[string]string{"Code": code, "Message": "injected"}
	return e.refuse(http.StatusBadRequest, "TransactionCanceledException", map[string]any{"CancellationReasons": reasons})
}

// Unprocess answers a batch with all its keys left to do.
func Unprocess(e Exchange) (*http.Response, error) {
	var asked struct{ RequestItems json.RawMessage }
	if err := json.Unmarshal(e.body, &asked); err != nil {
		return nil, err
	}
	return e.answer(http.StatusOK, map[string]any{"Responses": map[string]any{}, "UnprocessedKeys": asked.RequestItems})
}

// UnprocessHalf answers a batch but leaves the keys of one table to do.
func UnprocessHalf(e Exchange) (*http.Response, error) {
	var asked struct{ RequestItems map[string]json.RawMessage }
	if err := json.Unmarshal(e.body, &asked); err != nil {
		return nil, err
	}
	response, err := e.send()
	if err != nil {
		return nil, err
	}
	var answered struct{ Responses map[string]json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&answered); err != nil {
		return nil, err
	}
	for table, keys := range asked.RequestItems {
		delete(answered.Responses, table)
		return e.answer(http.StatusOK, map[string]any{
			"Responses": answered.Responses, "UnprocessedKeys": map[string]json.RawMessage{table: keys},
		})
	}
	return nil, fmt.Errorf("a batch without a table")
}

func (e Exchange) refuse(status int, code string, more map[string]any) (*http.Response, error) {
	body := map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": "injected"}
	for name, value := range more {
		body[name] = value
	}
	return e.answer(status, body)
}

func (e Exchange) answer(status int, body any) (*http.Response, error) {
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
