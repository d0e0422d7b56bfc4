package outbox

import (
	"errors"
	"time"
)

var (
	// ErrRefused is the error of a [Sender] for a mail that can never be sent.
	ErrRefused = errors.New("the mail is refused permanently")
	// ErrStale reports that the state of a mail has changed since it was read.
	ErrStale = errors.New("the mail has been leased, sent, used or voided since it was read")
	// ErrHistoryChanged reports that the history of an address has changed since it was read.
	ErrHistoryChanged = errors.New("the history of the address has changed since it was read")
)

// leaseTime exceeds the mailer's timeout, so an expired lease means that its holder has died.
const leaseTime = 90 * time.Second

// Lease is the exclusive right of one worker to send a mail, as the store must write it.
type Lease struct {
	Mail     Mail      // leased: with its user, epoch, key, worker, and the ends of link and lease
	Now      time.Time // an earlier lease that has ended by now may be taken over
	Takeover bool      // the mail was leased and counted before, and that lease has expired
	History  History   // replaces the history with the same revision; ignored for a takeover and for a notice
}

// History holds the times at which mails of one purpose were recently leased for one address.
type History struct {
	Times    []time.Time // to the millisecond
	Revision uint64      // zero if nothing is stored
}

// Limits holds how many mails of one purpose one address receives. Notices are not limited.
type Limits struct {
	PerHour     int           // the maximum in any hour
	MinInterval time.Duration // the minimum time between two
}

// add returns the history with one more mail at now, and false if the limits do not allow it.
func (l Limits) add(history History, now time.Time) (History, bool) {
	recent := History{Revision: history.Revision}
	for _, sent := range history.Times {
		if sent.After(now.Add(-time.Hour)) {
			recent.Times = append(recent.Times, sent)
		}
		if sent.After(now.Add(-l.MinInterval)) {
			return History{}, false
		}
	}
	if len(recent.Times) >= l.PerHour {
		return History{}, false
	}
	recent.Times = append(recent.Times, now.Truncate(time.Millisecond))
	return recent, true
}
