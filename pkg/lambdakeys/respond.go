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

// Limits of a response. CloudFormation accepts 4 KB in total. If the response fails, Lambda repeats the event.
const (
	responseTimeout  = 3 * time.Second
	responseAttempts = 3
	maxReason        = 1000 // bytes
)

// request is the event of a custom resource, without the members that are not used.
type request struct {
	RequestType        string `json:"RequestType"`
	ResponseURL        string `json:"ResponseURL"`
	StackID            string `json:"StackId"`
	RequestID          string `json:"RequestId"`
	LogicalResourceID  string `json:"LogicalResourceId"`
	PhysicalResourceID string `json:"PhysicalResourceId"`
}

// response is the response to a custom resource.
type response struct {
	Status             string `json:"Status"`
	Reason             string `json:"Reason,omitempty"`
	PhysicalResourceID string `json:"PhysicalResourceId"`
	StackID            string `json:"StackId"`
	RequestID          string `json:"RequestId"`
	LogicalResourceID  string `json:"LogicalResourceId"`
}

// respond sends the result to CloudFormation. workErr is nil if the work succeeded.
func (h Handler) respond(ctx context.Context, req request, workErr error) error {
	if err := h.checkURL(req.ResponseURL); err != nil {
		return fmt.Errorf("responding to CloudFormation: %w", err)
	}
	res := response{
		Status: "SUCCESS", PhysicalResourceID: h.options.ID,
		StackID: req.StackID, RequestID: req.RequestID, LogicalResourceID: req.LogicalResourceID,
	}
	if workErr != nil {
		res.Status, res.Reason = "FAILED", cut(workErr.Error())
	}
	body, err := json.Marshal(res)
	for range responseAttempts {
		if err = h.put(ctx, req.ResponseURL, body); err == nil {
			return nil
		}
	}
	return fmt.Errorf("responding to CloudFormation: %w", err)
}

func cut(reason string) string { return strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "") }

// checkURL returns an error unless a response may be sent to the address. Anyone who may invoke the function controls the
// event, and could otherwise make the function send requests to any address.
func (h Handler) checkURL(address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return errors.New("the ResponseURL is not a URL") // not wrapped: the text quotes the address, which is signed
	}
	host := parsed.Hostname()
	aws := strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
	switch {
	case parsed.Scheme == "https" && aws && parsed.Port() == "" && parsed.User == nil:
		return nil
	case h.options.Loopback && parsed.Scheme == "http" && net.ParseIP(host).IsLoopback():
		return nil
	}
	return errors.New("the ResponseURL is not an address of AWS")
}

// put sends a response. The address is signed for an empty content type.
func (h Handler) put(ctx context.Context, address string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	result, err := h.client.Do(request)
	if err != nil {
		if urlErr, ok := errors.AsType[*url.Error](err); ok {
			return urlErr.Err // without the address
		}
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(result.Body, 1<<16))
	if err := errors.Join(err, result.Body.Close()); err != nil {
		return err
	}
	if result.StatusCode != http.StatusOK {
		return fmt.Errorf("the status is %d", result.StatusCode)
	}
	return nil
}
