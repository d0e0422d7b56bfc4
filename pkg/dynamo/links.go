package dynamo

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

// VerifyEmail implements [maillink.VerificationStore] with one transaction.
func (s *Store) VerifyEmail(ctx context.Context, mail outbox.Mail, proven bool) error {
	changes := []change{set(attrEmailVerified, flag(true)), increase(attrRevision, 1), remove(attrPending)}
	if proven {
		changes = append(changes, set(attrProven, flag(true)))
	}
	return s.transact(ctx, "verifying the address", []types.TransactWriteItem{
		s.spendLink(mail, outbox.Used, outbox.Leased, outbox.Sent, outbox.Used),
		s.changeUser(mail, unchangedSince(mail), changes...),
	}, outbox.ErrStale, outbox.ErrStale)
}

// DisownAccount implements [maillink.VerificationStore] with one transaction.
func (s *Store) DisownAccount(ctx context.Context, mail outbox.Mail) error {
	return s.transact(ctx, "disowning the account", []types.TransactWriteItem{
		s.spendLink(mail, outbox.Void, outbox.Leased, outbox.Sent, outbox.Used),
		s.changeUser(mail, and(unchangedSince(mail), equal(attrProven, flag(false))),
			increase(attrEpoch, 1), remove(attrForgiven), increase(attrRevision, 1), remove(attrPHC)),
	}, outbox.ErrStale, outbox.ErrStale)
}

// ResetPassword implements [maillink.ResetStore] with one transaction.
func (s *Store) ResetPassword(ctx context.Context, mail outbox.Mail, hash secret.String, notice outbox.Mail) error {
	return s.transact(ctx, "resetting the password", []types.TransactWriteItem{
		s.spendLink(mail, outbox.Used, outbox.Leased, outbox.Sent),
		s.changeUser(mail, and(unchangedSince(mail), equal(attrActive, flag(true))),
			set(attrPHC, text(hash.Reveal())), set(attrEmailVerified, flag(true)), set(attrProven, flag(true)),
			increase(attrEpoch, 1), remove(attrForgiven), increase(attrRevision, 1), remove(attrPending)),
		putNew(s.sessions, mailItem(notice)),
	}, outbox.ErrStale, outbox.ErrStale)
}

// spendLink moves a mail to a state if it is in one of the states from, in which its link can be used.
func (s *Store) spendLink(mail outbox.Mail, to outbox.State, from ...outbox.State) types.TransactWriteItem {
	states := make([]types.AttributeValue, len(from))
	for i, state := range from {
		states[i] = text(string(state))
	}
	return updateItem(update{
		table:   s.sessions,
		key:     mailKey(mail.ID),
		when:    present(oneOf(attrState, states...)),
		changes: []change{set(attrState, text(string(to)))},
	})
}

func (s *Store) changeUser(mail outbox.Mail, when clause, changes ...change) types.TransactWriteItem {
	return updateItem(update{table: s.users, key: userKey(mail.User), when: when, changes: changes})
}

// unchangedSince holds for an account that has the address and the epoch for which the mail was sent.
func unchangedSince(mail outbox.Mail) clause {
	return present(equal(attrEpoch, number(mail.Epoch)), equal(attrEmailKey, text(mail.Address)))
}

// linkAccess declares the access of the methods for the links in mails.
func linkAccess() map[string][]Grant {
	return map[string][]Grant{
		"VerifyEmail":   slices.Concat(on(Sessions, "UpdateItem", prefixMail), on(Users, "UpdateItem", prefixUser)),
		"DisownAccount": slices.Concat(on(Sessions, "UpdateItem", prefixMail), on(Users, "UpdateItem", prefixUser)),
		"ResetPassword": slices.Concat(
			on(Sessions, "UpdateItem", prefixMail), on(Sessions, "PutItem", prefixMail), on(Users, "UpdateItem", prefixUser),
		),
	}
}
