package dynamo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/guard"
	"latchkey/pkg/outbox"
)

// CountAttempt implements [guard.Store] with one write without a condition, because the first attempt creates the count. A
// repeated call after a lost response counts twice. That errs on the safe side.
func (s *Store) CountAttempt(ctx context.Context, counter guard.Counter, expires time.Time) (guard.Count, error) {
	stored, _, err := s.update(ctx, "counting an attempt", update{
		table: s.sessions,
		key:   attemptsKey(counter),
		changes: []change{
			set(attrExpires, seconds(expires)), setDefault(attrSlotsTaken, number(0)), add(attrAttempts, 1),
		},
		returns: types.ReturnValueAllNew,
	})
	if err != nil {
		return guard.Count{}, err
	}
	return readAttempts(stored)
}

// TakeSlot implements [guard.Store] with one conditional write.
func (s *Store) TakeSlot(ctx context.Context, counter guard.Counter, taken int, now, next time.Time) error {
	stored, done, err := s.updateOnce(ctx, "taking a slot", update{
		table: s.sessions,
		key:   attemptsKey(counter),
		when: present(
			equal(attrSlotsTaken, number(taken)),
			or(absent(attrOpensAt), compare(attrOpensAt, "<=", millis(now))),
		),
		changes: []change{set(attrSlotsTaken, number(taken+1)), set(attrOpensAt, millis(next))},
	})
	if err != nil || done {
		return err
	}
	count, err := readAttempts(stored)
	if err != nil {
		return err
	}
	return &guard.NoSlotError{OpensAt: count.OpensAt}
}

// errReported is the refusal of a report about a count that was reported before or does not exist.
var errReported = errors.New("the count was reported before or does not exist")

// ReportGuessing implements [guard.Store] with one transaction.
func (s *Store) ReportGuessing(ctx context.Context, counter guard.Counter, opens time.Time, notice outbox.Mail) error {
	err := s.transact(ctx, "reporting guessing", []types.TransactWriteItem{
		updateItem(update{
			table:   s.sessions,
			key:     attemptsKey(counter),
			when:    present(absent(attrReported)),
			changes: []change{set(attrReported, flag(true)), setDefault(attrOpensAt, millis(opens))},
		}),
		putNew(s.sessions, mailItem(notice)),
	}, errReported)
	if errors.Is(err, errReported) {
		return nil
	}
	return err
}

// ClearAttempts implements [guard.Store]. Deleting an absent item does nothing, so the call can be repeated.
func (s *Store) ClearAttempts(ctx context.Context, counter guard.Counter) error {
	_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.sessions, Key: attemptsKey(counter)})
	if err != nil {
		return classify("clearing the attempts", err)
	}
	return nil
}

// attemptAccess declares the access of the methods for password attempts.
func attemptAccess() map[string][]Grant {
	return map[string][]Grant{
		"CountAttempt":   on(Sessions, "UpdateItem", prefixAttempts),
		"TakeSlot":       on(Sessions, "UpdateItem", prefixAttempts),
		"ClearAttempts":  on(Sessions, "DeleteItem", prefixAttempts),
		"ReportGuessing": slices.Concat(on(Sessions, "UpdateItem", prefixAttempts), on(Sessions, "PutItem", prefixMail)),
	}
}
