package dynamo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
func (s *Store) TakeSlot(ctx context.Context, counter guard.Counter, seen, next guard.Streak, now time.Time) error {
	u := update{
		table:   s.sessions,
		key:     attemptsKey(counter),
		when:    present(inStreak(seen), equal(attrSlotsTaken, number(seen.SlotsTaken))),
		changes: []change{set(attrSlotsTaken, number(next.SlotsTaken)), set(attrOpensAt, millis(next.OpensAt))},
	}
	if next.After == seen.After {
		u.when = and(u.when, or(absent(attrOpensAt), compare(attrOpensAt, "<=", millis(now))))
	} else {
		u.changes = append(u.changes, set(attrStreak, number(next.After)), remove(attrReported))
	}
	stored, done, err := s.updateOnce(ctx, "taking a slot", u)
	if err != nil || done {
		return err
	}
	count, err := readAttempts(stored)
	if err != nil {
		return err
	}
	return &guard.NoSlotError{OpensAt: count.Streak.OpensAt}
}

// inStreak holds for a counter with a stored streak that began where this one did.
func inStreak(streak guard.Streak) clause { return numberIs(attrStreak, streak.After) }

// errReported is the refusal of a report about a streak that was reported before or is not the stored one.
var errReported = errors.New("the streak was reported before, or has ended, or the count does not exist")

// ReportGuessing implements [guard.Store] with one transaction.
func (s *Store) ReportGuessing(ctx context.Context, counter guard.Counter, seen, next guard.Streak, notice outbox.Mail) error {
	u := update{
		table:   s.sessions,
		key:     attemptsKey(counter),
		when:    present(inStreak(seen)),
		changes: []change{set(attrReported, flag(true))},
	}
	if next.After == seen.After {
		u.when = and(u.when, absent(attrReported))
		u.changes = append(u.changes, setDefault(attrOpensAt, millis(next.OpensAt)))
	} else {
		u.changes = append(u.changes,
			set(attrStreak, number(next.After)), set(attrSlotsTaken, number(0)), set(attrOpensAt, millis(next.OpensAt)))
	}
	err := s.transact(ctx, "reporting guessing", []types.TransactWriteItem{
		updateItem(u), putNew(s.sessions, mailItem(notice)),
	}, errReported)
	if errors.Is(err, errReported) {
		return nil
	}
	return err
}

// attemptAccess declares the access of the methods for password attempts.
func attemptAccess() map[string][]Grant {
	return map[string][]Grant{
		"CountAttempt":   on(Sessions, "UpdateItem", prefixAttempts),
		"TakeSlot":       on(Sessions, "UpdateItem", prefixAttempts),
		"ReportGuessing": slices.Concat(on(Sessions, "UpdateItem", prefixAttempts), on(Sessions, "PutItem", prefixMail)),
	}
}

// windowSlack is how long a count is kept after its minute, for containers with different clocks.
const windowSlack = time.Minute

// TakePermits implements [limit.Store] with one write without a condition. A repeated call after a lost response counts twice.
// That errs on the safe side.
func (s *Store) TakePermits(ctx context.Context, window limit.Window, permits int) (int, error) {
	stored, _, err := s.update(ctx, "taking permits", update{
		table:   s.sessions,
		key:     windowKey(window),
		changes: []change{set(attrExpires, seconds(window.End().Add(windowSlack))), add(attrPermits, permits)},
		returns: types.ReturnValueUpdatedNew,
	})
	if err != nil {
		return 0, err
	}
	return readWindow(stored)
}

// permitAccess declares the access of the methods for permits.
func permitAccess() map[string][]Grant {
	return map[string][]Grant{
		"TakePermits": on(Sessions, "UpdateItem", prefixWindow),
	}
}
