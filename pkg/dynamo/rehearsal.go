package dynamo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"latchkey/pkg/account"
	"latchkey/pkg/outbox"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// Rehearsal is the transport of a [Store] that makes no call. It responds to reads with records of its own, encoded as the store
// encodes them, and to writes as if they had been made. A function can thus run its code without an effect on the tables.
//
// It evaluates no condition and keeps no write, so it does not replace an engine in a test of the store.
type Rehearsal struct {
	UsersTable    string
	SessionsTable string

	records []record
}

// record is an item as it is in the JSON of requests and responses.
type record struct {
	table string
	key   [2]string // the partition key and the sort key, in quotes
	item  map[string]any
}

// AddUser adds an account with the guards of its names.
func (r *Rehearsal) AddUser(user account.User) {
	r.add(r.UsersTable, userItem(user))
	r.add(r.UsersTable, guardItem(usernameKey(user.Username.Canonical), user.ID))
	r.add(r.UsersTable, guardItem(emailKey(user.Email.Canonical), user.ID))
}

// AddSession adds a session.
func (r *Rehearsal) AddSession(session session.Session) { r.add(r.SessionsTable, sessionItem(session)) }

// AddMail adds a mail that was sent, with its link.
func (r *Rehearsal) AddMail(mail outbox.Mail) {
	stored := mailItem(mail)
	stored[attrEpoch], stored[attrKeyID], stored[attrEnd] = number(mail.Epoch), text(mail.KeyID), seconds(mail.LinkEnd)
	r.add(r.SessionsTable, stored)
}

// AddFlow adds a sign-in at a provider.
func (r *Rehearsal) AddFlow(flow signin.Flow) { r.add(r.SessionsTable, flowItem(flow)) }

func (r *Rehearsal) add(table string, stored item) {
	key := keyOf(stored)
	written := make(map[string]any, len(stored))
	for name, attribute := range stored {
		if kind, value, err := wireValue(attribute); err == nil { // the Store writes no other type
			written[name] = map[string]any{kind: value}
		}
	}
	r.records = append(r.records, record{table: table, key: [2]string{`"` + key[0] + `"`, `"` + key[1] + `"`}, item: written})
}

// RoundTrip implements [http.RoundTripper]. A record counts as requested if the request contains its key.
func (r *Rehearsal) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	_ = request.Body.Close()
	_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	response, err := json.Marshal(r.respond(operation, body))
	if err != nil {
		return nil, fmt.Errorf("encoding the response: %w", err)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(bytes.NewReader(response)), ContentLength: int64(len(response)), Request: request,
	}, nil
}

func (r *Rehearsal) respond(operation string, body []byte) map[string]any {
	found := make(map[string][]any)
	var first any
	for _, each := range r.records {
		if !bytes.Contains(body, []byte(each.key[0])) || !bytes.Contains(body, []byte(each.key[1])) {
			continue
		}
		found[each.table] = append(found[each.table], each.item)
		if first == nil {
			first = each.item
		}
	}
	switch {
	case operation == "BatchGetItem":
		return map[string]any{"Responses": found}
	case operation == "GetItem" && first != nil:
		return map[string]any{"Item": first}
	case operation == "UpdateItem" && first != nil:
		return map[string]any{"Attributes": first}
	default:
		return map[string]any{}
	}
}
