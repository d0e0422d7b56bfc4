package dynamo

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/session"
)

// QueueMail implements [outbox.Queue]. A repeated call after a lost response does not change the item and therefore adds no
// second record to the stream.
func (s *Store) QueueMail(ctx context.Context, mail outbox.Mail) error {
	return s.putSession(ctx, "writing the mail", mailItem(mail))
}

// ReadMail implements [outbox.MailerStore] and [maillink.ResetStore] with one consistent read.
func (s *Store) ReadMail(ctx context.Context, mail id.ID) (outbox.Mail, error) {
	return readOne(ctx, s, "reading the mail", s.sessions, mailKey(mail), readMail)
}

// ReadMailAndSessions implements [maillink.VerificationStore] with one consistent read of both tables.
func (s *Store) ReadMailAndSessions(
	ctx context.Context, mail id.ID, refs []session.Ref,
) (outbox.Mail, map[session.Ref]session.Principal, error) {
	stored, principals, err := s.readSessionsAnd(ctx, mailKey(mail), refs)
	if err != nil {
		return outbox.Mail{}, nil, err
	}
	if stored == nil {
		return outbox.Mail{}, nil, account.ErrNotFound
	}
	read, err := readMail(stored)
	return read, principals, err
}

// ReadMailHistory implements [outbox.MailerStore] with one consistent read.
func (s *Store) ReadMailHistory(ctx context.Context, purpose outbox.Purpose, address string) (outbox.History, error) {
	stored, err := s.get(ctx, s.sessions, mailHistoryKey(purpose, address))
	if err != nil {
		return outbox.History{}, classify("reading the mail history", err)
	}
	return readMailHistory(stored)
}

// LeaseMail implements [outbox.MailerStore] with one transaction.
func (s *Store) LeaseMail(ctx context.Context, lease outbox.Lease) error {
	writes := []types.TransactWriteItem{updateItem(s.leaseUpdate(lease))}
	if !lease.Takeover && len(lease.History.Times) > 0 {
		unchanged := or(missing(), equal(attrRevision, number(lease.History.Revision)))
		writes = append(writes, putIf(s.sessions, mailHistoryItem(lease), unchanged))
	}
	return s.transact(ctx, "leasing the mail", writes, outbox.ErrStale, outbox.ErrHistoryChanged)
}

// leaseUpdate is the change of a mail that is queued or, for a takeover, has an expired lease.
func (s *Store) leaseUpdate(lease outbox.Lease) update {
	mail := lease.Mail
	when := present(equal(attrState, text(string(outbox.Queued))))
	if lease.Takeover {
		when = present(
			equal(attrState, text(string(outbox.Leased))),
			compare(attrLease, "<=", seconds(lease.Now)),
		)
	}
	return update{
		table: s.sessions,
		key:   mailKey(mail.ID),
		when:  when,
		changes: []change{
			set(attrState, text(string(outbox.Leased))),
			set(attrUser, text(mail.User.String())),
			set(attrEpoch, number(mail.Epoch)),
			set(attrKeyID, text(mail.KeyID)),
			set(attrWorker, text(mail.Worker)),
			set(attrLease, seconds(mail.LeaseEnd)),
			set(attrEnd, seconds(mail.LinkEnd)),
			set(attrExpires, seconds(mail.Expires)),
		},
	}
}

// SetMailState implements [outbox.MailerStore] with one conditional write. A repeated call after a lost response is refused and
// does nothing.
func (s *Store) SetMailState(ctx context.Context, mail id.ID, worker string, to outbox.State) error {
	when := present(equal(attrState, text(string(outbox.Queued))))
	if worker != "" {
		when = present(equal(attrState, text(string(outbox.Leased))), equal(attrWorker, text(worker)))
	}
	_, _, err := s.update(ctx, "setting the state of the mail", update{
		table:   s.sessions,
		key:     mailKey(mail),
		when:    when,
		changes: []change{set(attrState, text(string(to))), set(attrLease, number(0))},
	})
	return err
}

// mailAccess declares the access of the methods for mails.
func mailAccess() map[string][]Grant {
	return map[string][]Grant{
		"QueueMail":           on(Sessions, "PutItem", prefixMail),
		"ReadMail":            on(Sessions, "GetItem", prefixMail),
		"ReadMailAndSessions": slices.Concat(on(Sessions, "BatchGetItem", prefixMail, prefixSession), on(Users, "BatchGetItem", prefixUser)),
		"ReadMailHistory":     on(Sessions, "GetItem", prefixMailHistory),
		"LeaseMail":           slices.Concat(on(Sessions, "UpdateItem", prefixMail), on(Sessions, "PutItem", prefixMailHistory)),
		"SetMailState":        on(Sessions, "UpdateItem", prefixMail),
	}
}
