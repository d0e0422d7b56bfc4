package httpapi

import (
	"bytes"
	"context"
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

// request is a body that an endpoint takes.
type request interface {
	// Validate names what does not fit, as far as that follows from the body alone.
	Validate() []fault.Field
}

// serveJSON makes an endpoint of a function from request to response.
func serveJSON[Req request, Res any](status int, do func(context.Context, Req) (Res, error)) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		asked, err := decode[Req](r)
		if err != nil {
			return err
		}
		answer, err := do(r.Context(), asked)
		if err != nil {
			return err
		}
		writeJSON(w, status, answer)
		return nil
	}
}

// decode reads the one JSON object that the body has to be (RFC 8259, and of RFC 7493 the rules against names twice and
// against text that is no Unicode), within the limits, and validates it. Unknown members are ignored.
func decode[Req request](r *http.Request) (Req, error) {
	body, err := readBody(r)
	if err != nil {
		var none Req
		return none, err
	}
	return parse[Req](body)
}

// decodeOptional is decode for an endpoint whose body may be left out.
func decodeOptional[Req request](r *http.Request) (Req, error) {
	var none Req
	body, err := readBody(r)
	if err != nil || len(body) == 0 {
		return none, err
	}
	return parse[Req](body)
}

func parse[Req request](body []byte) (Req, error) {
	var asked Req
	if err := checkObject(body); err != nil {
		return asked, errMalformedJSON.Because(withoutText(err))
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		return asked, misfit(err)
	}
	if fields := asked.Validate(); len(fields) > 0 {
		return asked, fault.Validation(fields...)
	}
	return asked, nil
}

// noBody is the body of an endpoint that takes none: it may be left out, and whatever object it is says nothing.
type noBody struct{}

// Validate implements request.
func (noBody) Validate() []fault.Field { return nil }

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
