package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/fault"
	"latchkey/pkg/limit"
)

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
