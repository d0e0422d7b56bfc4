package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/pkg/fault"
)

// Limits of a body. They are checked before any other work.
const (
	maxBody    = 16 << 10 // bytes
	maxNesting = 32       // objects and arrays inside one another
)

// Body is the JSON body of a request.
type Body interface {
	// Validate returns the faults of fields that the body alone determines.
	Validate() []fault.Field
}

// optionalBody marks a body that may be absent. The document null counts as absent.
type optionalBody interface{ BodyOptional() }

// formBody is a body that may also be sent as a form.
type formBody[Req any] interface {
	// FromForm returns the body with the values of a form, and the faults of fields that only a form has.
	FromForm(form url.Values) (Req, []fault.Field)
}

// jsonDecoder returns the decoder of a body type. The body must be one JSON object within the limits (RFC 8259, with the rules of
// RFC 7493 against duplicate names and invalid Unicode). The decoder ignores unknown members. For [Unread] it reads nothing.
func jsonDecoder[Req Body]() func(*http.Request) (Req, error) {
	var none Req
	if _, is := any(none).(Unread); is {
		return func(*http.Request) (Req, error) { return none, nil }
	}
	_, optional := any(none).(optionalBody)
	form, formable := any(none).(formBody[Req])
	return func(r *http.Request) (Req, error) {
		body, err := readCapped(r)
		switch {
		case err != nil, optional && len(body) == 0:
			return none, err
		case formable && hasType(r, typeForm):
			return parseFormBody(body, form)
		case len(body) > 0 && !hasType(r, typeJSON):
			return none, errUnsupportedMedia
		case optional && string(bytes.TrimSpace(body)) == "null":
			return none, nil
		}
		return parse[Req](body)
	}
}

// parseFormBody decodes a body that was sent as a form.
func parseFormBody[Req Body](body []byte, decoder formBody[Req]) (Req, error) {
	var none Req
	form, err := parseForm(body)
	if err != nil {
		return none, err
	}
	decoded, faults := decoder.FromForm(form)
	if faults = append(faults, decoded.Validate()...); len(faults) > 0 {
		return decoded, fault.Validation(faults...)
	}
	return decoded, nil
}

func parse[Req Body](body []byte) (Req, error) {
	var decoded Req
	if err := checkObject(body); err != nil {
		return decoded, errMalformedJSON.Because(withoutText(err))
	}
	if err := json.Unmarshal(body, &decoded); err != nil {
		return decoded, misfit(err)
	}
	if fields := decoded.Validate(); len(fields) > 0 {
		return decoded, fault.Validation(fields...)
	}
	return decoded, nil
}

// readCapped reads a body within the limit.
func readCapped(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, errMalformedJSON.Because(err)
	}
	if len(body) > maxBody {
		return nil, errTooLarge
	}
	return body, nil
}

var (
	errNotObject = errors.New("the document is not an object")
	errDeep      = errors.New("the document is nested too deeply")
	errTrailing  = errors.New("there is something after the document")
)

// checkObject verifies in one pass that a document is a well-formed object, with nothing after it, nested within the limit.
func checkObject(body []byte) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	if decoder.PeekKind() != jsontext.KindBeginObject {
		return errNotObject
	}
	for {
		if _, err := decoder.ReadToken(); err != nil {
			return err
		}
		switch depth := decoder.StackDepth(); {
		case depth > maxNesting:
			return errDeep
		case depth == 0:
			if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
				return errTrailing
			}
			return nil
		}
	}
}

// withoutText removes the decoder's quotations of the document from an error, because the error is logged.
func withoutText(err error) error {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("a syntax error at byte %d", syntactic.ByteOffset)
	}
	if errors.Is(err, errNotObject) || errors.Is(err, errDeep) || errors.Is(err, errTrailing) {
		return err
	}
	return errors.New("the document does not decode")
}

// misfit returns the validation fault of a member with the wrong type. All members of all bodies are strings.
func misfit(err error) error {
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return errMalformedJSON.Because(withoutText(err))
	}
	return fault.Validation(fault.Field{Key: semantic.JSONPointer.LastToken(), Message: "must be a string"})
}

// writeJSON writes value as the response.
func writeJSON(w http.ResponseWriter, status int, value any) { write(w, status, marshal(value)) }

// marshal encodes a response body. It cannot fail: invalid UTF-8, as a name in a query may contain, is replaced.
func marshal(value any) []byte {
	body, err := json.Marshal(value, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("httpapi: encoding a response: " + err.Error())
	}
	return body
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Member is one member of a body, and whether it is missing. An empty value counts as missing.
type Member struct {
	Key     string
	Missing bool
}

// Missing names the members that are missing.
func Missing(members ...Member) []fault.Field {
	var faults []fault.Field
	for _, m := range members {
		if m.Missing {
			faults = append(faults, fault.Field{Key: m.Key, Message: "is required"})
		}
	}
	return faults
}
