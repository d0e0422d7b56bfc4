package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/signin"
)

// PutFlow implements [signin.FlowStore].
func (s *Store) PutFlow(ctx context.Context, flow signin.Flow) error {
	return s.putSession(ctx, "writing the flow", flowItem(flow))
}

// SpendFlow implements [signin.FlowStore] with one conditional write. A flow is spent once it has the id of an operation.
func (s *Store) SpendFlow(ctx context.Context, presented signin.Flow, now time.Time) (signin.Flow, error) {
	stored, done, err := s.updateOnce(ctx, "spending the flow", update{
		table: s.sessions,
		key:   flowKey(presented.State),
		when: present(
			absent(attrOperation),
			equal(attrProvider, text(presented.Provider)),
			equal(attrBinding, binary(presented.Binding)),
			compare(attrExpires, ">", seconds(now)),
		),
		returns: types.ReturnValueAllNew,
	})
	if err != nil {
		return signin.Flow{}, err
	}
	if !done {
		return signin.Flow{}, account.ErrNotFound
	}
	return readFlow(stored, presented.State)
}

// flowAccess declares the access of the methods for flows.
func flowAccess() map[string][]Grant {
	return map[string][]Grant{
		"PutFlow":   on(Sessions, "PutItem", prefixFlow),
		"SpendFlow": on(Sessions, "UpdateItem", prefixFlow),
	}
}
