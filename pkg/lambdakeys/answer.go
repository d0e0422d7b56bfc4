package lambdakeys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of the answer. CloudFormation takes 4 KB in all, and a function that could not answer is asked again by Lambda.
const (
	answerTimeout = 3 * time.Second
	answerTries   = 3
	maxReason     = 1000 // bytes
)

// request is the event of a custom resource, as far as it is used.
type request struct {
	RequestType        string `json:"RequestType"`
	ResponseURL        string `json:"ResponseURL"`
	StackID            string `json:"StackId"`
	RequestID          string `json:"RequestId"`
	LogicalResourceID  string `json:"LogicalResourceId"`
	PhysicalResourceID string `json:"PhysicalResourceId"`
}

// response is the answer to it.
type response struct {
	Status             string `json:"Status"`
	Reason             string `json:"Reason,omitempty"`
	PhysicalResourceID string `json:"PhysicalResourceId"`
	StackID            string `json:"StackId"`
	RequestID          string `json:"RequestId"`
	LogicalResourceID  string `json:"LogicalResourceId"`
}

// answer tells CloudFormation how it went.
func (h Handler) answer(ctx context.Context, asked request, failed error) error {
	if err := h.trusted(asked.ResponseURL); err != nil {
		return fmt.Errorf("answering CloudFormation: %w", err)
	}
	told := response{
		Status: "SUCCESS", PhysicalResourceID: h.options.ID,
		StackID: asked.StackID, RequestID: asked.RequestID, LogicalResourceID: asked.LogicalResourceID,
	}
	if failed != nil {
		told.Status, told.Reason = "FAILED", cut(failed.Error())
	}
	body, err := json.Marshal(told)
	for range answerTries {
		if err = h.put(ctx, asked.ResponseURL, body); err == nil {
			return nil
		}
	}
	return fmt.Errorf("answering CloudFormation: %w", err)
}

func cut(reason string) string { return strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "") }

// trusted says whether an answer may go there. Whoever may invoke the function writes the event, and could otherwise have it
// send requests to any address.
func (h Handler) trusted(address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return errors.New("its ResponseURL is no URL") // not wrapped: the text quotes the address, which is signed
	}
	host := parsed.Hostname()
	aws := strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
	switch {
	case parsed.Scheme == "https" && aws && parsed.Port() == "" && parsed.User == nil:
		return nil
	case h.options.Loopback && parsed.Scheme == "http" && net.ParseIP(host).IsLoopback():
		return nil
	}
	return errors.New("its ResponseURL is not of AWS")
}

// put sends the answer. The address is signed for an empty content type.
func (h Handler) put(ctx context.Context, address string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := h.client.Do(request)
	if err != nil {
		if unsent, ok := errors.AsType[*url.Error](err); ok {
			return unsent.Err // without the address
		}
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the status is %d", answer.StatusCode)
	}
	return nil
}
