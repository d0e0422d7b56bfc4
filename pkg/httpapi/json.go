package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/pkg/fault"
)

// Limits of a body: everything a caller can send is bounded before it costs anything.
const (
	maxBody    = 16 << 10 // bytes
	maxNesting = 32       // objects and arrays inside one another
)

// Body is a JSON body that an endpoint takes.
type Body interface {
	// Validate names the fields that have faults, as far as that follows from the body alone.
	Validate() []fault.Field
}

// optionalBody marks a body that may be absent.
type optionalBody interface{ BodyOptional() }

// jsonDecoder returns what reads a body of that type: nothing for [Unread], else the one JSON object that the body has to be
// (RFC 8259, and the rules of RFC 7493 against duplicate names and invalid Unicode), within the limits. Unknown members are
// ignored.
func jsonDecoder[Req Body]() func(*http.Request) (Req, error) {
	var none Req
	if _, is := any(none).(Unread); is {
		return func(*http.Request) (Req, error) { return none, nil }
	}
	_, optional := any(none).(optionalBody)
	return func(r *http.Request) (Req, error) {
		body, err := readBody(r)
		if err != nil || optional && len(body) == 0 {
			return none, err
		}
		return parse[Req](body)
	}
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

// readBody reads a body within the cap and refuses one of another type than JSON. An empty one needs no type.
func readBody(r *http.Request) ([]byte, error) {
	body, err := readCapped(r)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 && !hasType(r, "application/json") {
		return nil, errUnsupportedMedia
	}
	return body, nil
}

// readCapped reads a body within the cap.
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

// hasType says whether the body is of that media type, whatever its parameters.
func hasType(r *http.Request, want string) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == want
}

var (
	errNotObject = errors.New("the document is not an object")
	errDeep      = errors.New("the document is nested too deeply")
	errTrailing  = errors.New("there is something after the document")
)

// checkObject walks the document once: well-formed, one object, nothing behind it, nested within the limit.
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

// withoutText keeps what the decoder says of a document out of the log, where it would quote a name or a value of it.
func withoutText(err error) error {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("a syntax error at byte %d", syntactic.ByteOffset)
	}
	if errors.Is(err, errNotObject) || errors.Is(err, errDeep) || errors.Is(err, errTrailing) {
		return err
	}
	return errors.New("the document cannot be decoded")
}

// misfit names the member of a well-formed document that has the wrong type. All members of all requests are strings.
func misfit(err error) error {
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return errMalformedJSON.Because(withoutText(err))
	}
	return fault.Validation(fault.Field{Key: semantic.JSONPointer.LastToken(), Message: "must be a string"})
}

// writeJSON answers with value.
func writeJSON(w http.ResponseWriter, status int, value any) { write(w, status, marshal(value)) }

// marshal encodes a body of ours, which cannot fail: bytes that are no Unicode, as a name in a query may have, are replaced.
func marshal(value any) []byte {
	body, err := json.Marshal(value, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("httpapi: an answer does not marshal: " + err.Error())
	}
	return body
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Member is one member of a body, and whether it is missing. An empty one counts as missing.
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
