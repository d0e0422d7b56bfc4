package dynamo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/limit"
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

// windowAttempts is the number of times that a window is read again while concurrent callers change it.
const windowAttempts = 3

// TakePermits implements [limit.Store] with one conditional write, and a second one if the window in the store has ended. A
// repeated call after a lost response counts twice. That errs on the safe side.
func (s *Store) TakePermits(
	ctx context.Context, bucket limit.Bucket, permits int, now, end time.Time,
) (limit.Count, bool, error) {
	for range windowAttempts {
		count, granted, err := s.addPermits(ctx, bucket, permits, now, end)
		ended := !granted && !count.End.After(now)
		if err != nil || !ended {
			return count, granted, err
		}
		replaced, err := s.replaceWindow(ctx, bucket, permits, count.End, end)
		if err != nil || replaced {
			return limit.Count{Taken: permits, End: end}, replaced, err
		}
	}
	return limit.Count{}, false, fault.ServiceUnavailable.Because(errors.New("taking permits: the window kept changing"))
}

// addPermits adds permits to a window that has not ended, or to a new one if there is none. It returns the resulting count, or
// the current one if the permits were not granted.
func (s *Store) addPermits(
	ctx context.Context, bucket limit.Bucket, permits int, now, end time.Time,
) (count limit.Count, granted bool, err error) {
	stored, granted, err := s.update(ctx, "taking permits", update{
		table: s.sessions,
		key:   windowKey(bucket),
		when: or(missing(), and(
			compare(attrExpires, ">", seconds(now)),
			compare(attrPermits, "<=", number(bucket.Limit-permits)),
		)),
		changes: []change{setDefault(attrExpires, seconds(end)), add(attrPermits, permits)},
		returns: types.ReturnValueAllNew,
	})
	if err != nil {
		return limit.Count{}, false, err
	}
	count, err = readWindow(stored)
	return count, granted, err
}

// replaceWindow starts a window in place of one that has ended. It reports whether it did, rather than a concurrent caller.
func (s *Store) replaceWindow(ctx context.Context, bucket limit.Bucket, permits int, ended, end time.Time) (bool, error) {
	_, replaced, err := s.update(ctx, "starting a window", update{
		table:   s.sessions,
		key:     windowKey(bucket),
		when:    or(missing(), equal(attrExpires, seconds(ended))),
		changes: []change{set(attrExpires, seconds(end)), set(attrPermits, number(permits))},
	})
	return replaced, err
}

// permitAccess declares the access of the methods for permits.
func permitAccess() map[string][]Grant {
	return map[string][]Grant{
		"TakePermits": on(Sessions, "UpdateItem", prefixWindow),
	}
}
