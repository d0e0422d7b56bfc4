package dynamo

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// QueueMail implements [MailQueue]. A write that is repeated puts no second record on the stream, since the item does
// not change.
func (s *Store) QueueMail(ctx context.Context, mail outbox.Mail) error {
	return s.putSession(ctx, "writing the mail", mailItem(mail))
}

// ReadMail implements [MailerStore] and [ResetStore].
func (s *Store) ReadMail(ctx context.Context, mail id.ID) (outbox.Mail, error) {
	return readOne(ctx, s, "reading the mail", s.sessions, mailKey(mail), readMail)
}

// ReadMailAndSessions implements [VerificationStore] with one consistent read over both tables.
func (s *Store) ReadMailAndSessions(
	ctx context.Context, mail id.ID, named []session.Ref,
) (outbox.Mail, map[session.Ref]session.Principal, error) {
	found, callers, err := s.readSessionsAnd(ctx, mailKey(mail), named)
	if err != nil {
		return outbox.Mail{}, nil, err
	}
	if found == nil {
		return outbox.Mail{}, nil, account.ErrNotFound
	}
	read, err := readMail(found)
	return read, callers, err
}

// ReadMailHistory implements [MailerStore].
func (s *Store) ReadMailHistory(ctx context.Context, purpose outbox.Purpose, address string) (outbox.History, error) {
	found, err := s.get(ctx, s.sessions, mailRateKey(purpose, address))
	if err != nil {
		return outbox.History{}, classify("reading the counter", err)
	}
	return readMailCount(found)
}

// LeaseMail implements [MailerStore] with one transaction.
func (s *Store) LeaseMail(ctx context.Context, claim outbox.Lease) error {
	items := []types.TransactWriteItem{s.claimUpdate(claim)}
	if !claim.Takeover && len(claim.History.Times) > 0 {
		items = append(items, s.countPut(claim))
	}
	return s.transact(ctx, "claiming the mail", items, outbox.ErrStale, outbox.ErrHistoryChanged)
}

// claimUpdate takes a queued mail, or one whose lease has run out.
func (s *Store) claimUpdate(claim outbox.Lease) types.TransactWriteItem {
	mail := claim.Mail
	condition := "attribute_exists(pk) AND #state = :queued"
	values := item{
		":queued": text(string(outbox.Queued)), ":claimed": text(string(outbox.Leased)), ":user": text(mail.User.String()),
		":epoch": number(mail.Epoch), ":kid": text(mail.KeyID), ":worker": text(mail.Worker), ":lease": seconds(mail.LeaseEnd),
		":end": seconds(mail.LinkEnd), ":exp": seconds(mail.Expires),
	}
	if claim.Takeover {
		condition = "attribute_exists(pk) AND #state = :claimed AND lease <= :now"
		values[":now"] = seconds(claim.Now)
		delete(values, ":queued")
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.sessions,
		Key:       mailKey(mail.ID),
		UpdateExpression: aws.String("SET #state = :claimed, #user = :user, epoch = :epoch, kid = :kid, " +
			"worker = :worker, lease = :lease, #end = :end, exp = :exp"),
		ConditionExpression:       aws.String(condition),
		ExpressionAttributeNames:  reserved("state", "user", "end"),
		ExpressionAttributeValues: values,
	}}
}

// countPut replaces the counter of an address if nobody else has since it was read.
func (s *Store) countPut(claim outbox.Lease) types.TransactWriteItem {
	stored := mailRateKey(claim.Mail.Purpose, claim.Mail.Address)
	times := make([]string, len(claim.History.Times))
	for i, sent := range claim.History.Times {
		times[i] = strconv.FormatInt(sent.UnixMilli(), 10)
	}
	stored[attrTimes] = text(strings.Join(times, ","))
	stored[attrRevision] = number(claim.History.Revision + 1)
	stored[attrExpires] = seconds(claim.Now.Add(time.Hour + time.Second))
	return types.TransactWriteItem{Put: &types.Put{
		TableName:                 &s.sessions,
		Item:                      stored,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR rev = :seen"),
		ExpressionAttributeValues: item{":seen": number(claim.History.Revision)},
	}}
}

func readMailCount(stored item) (outbox.History, error) {
	r := &reader{item: stored}
	count := outbox.History{Revision: r.count(attrRevision, 1<<62)}
	for text := range strings.SplitSeq(r.text(attrTimes), ",") {
		if text == "" {
			continue
		}
		sent, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return outbox.History{}, err
		}
		count.Times = append(count.Times, time.UnixMilli(sent).UTC())
	}
	return count, r.err
}

// SetMailState implements [MailerStore]. A move of its own that is found done is refused and so does nothing.
func (s *Store) SetMailState(ctx context.Context, mail id.ID, worker string, to outbox.State) error {
	from, holder := outbox.Queued, ""
	values := item{":to": text(string(to)), ":none": number(0)}
	if worker != "" {
		from, holder = outbox.Leased, " AND worker = :worker"
		values[":worker"] = text(worker)
	}
	values[":from"] = text(string(from))
	_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &s.sessions,
		Key:                       mailKey(mail),
		UpdateExpression:          aws.String("SET #state = :to, lease = :none"),
		ConditionExpression:       aws.String("attribute_exists(pk) AND #state = :from" + holder),
		ExpressionAttributeNames:  reserved("state"),
		ExpressionAttributeValues: values,
	})
	if _, refused := refusedItem(err); err == nil || refused {
		return nil
	}
	return classify("moving the mail", err)
}

// VerifyEmail implements [VerificationStore] with one transaction.
func (s *Store) VerifyEmail(ctx context.Context, mail outbox.Mail, proven bool) error {
	change := "SET email_verified = :true, rev = rev + :one"
	if proven {
		change = "SET email_verified = :true, proven = :true, rev = rev + :one"
	}
	change += " REMOVE pending"
	return s.spend(ctx, mail, outbox.Used, linkStates, types.Update{
		UpdateExpression:          aws.String(change),
		ConditionExpression:       aws.String(linkUser),
		ExpressionAttributeValues: linkValues(mail, item{":true": flag(true), ":one": number(1)}),
	})
}

// DisownAccount implements [VerificationStore] with one transaction.
func (s *Store) DisownAccount(ctx context.Context, mail outbox.Mail) error {
	return s.spend(ctx, mail, outbox.Void, linkStates, types.Update{
		UpdateExpression:          aws.String("SET epoch = epoch + :one, rev = rev + :one REMOVE phc"),
		ConditionExpression:       aws.String(linkUser + " AND proven = :false"),
		ExpressionAttributeValues: linkValues(mail, item{":false": flag(false), ":one": number(1)}),
	})
}

// ResetPassword implements [ResetStore] with one transaction.
func (s *Store) ResetPassword(ctx context.Context, mail outbox.Mail, hash secret.String, notice outbox.Mail) error {
	return s.spend(ctx, mail, outbox.Used, freshLinkStates, types.Update{
		UpdateExpression: aws.String("SET phc = :phc, email_verified = :true, proven = :true, " +
			"epoch = epoch + :one, rev = rev + :one REMOVE pending"),
		ConditionExpression:       aws.String(linkUser + " AND active = :true"),
		ExpressionAttributeValues: linkValues(mail, item{":phc": text(hash.Reveal()), ":true": flag(true), ":one": number(1)}),
	}, putNew(s.sessions, mailItem(notice)))
}

// linkUser demands that an account is still the one that a link was mailed for.
const linkUser = "attribute_exists(pk) AND epoch = :epoch AND email_key = :address"

func linkValues(mail outbox.Mail, values item) item {
	values[":epoch"], values[":address"] = number(mail.Epoch), text(mail.Address)
	return values
}

// The states in which a link can be spent: once, or again.
var (
	freshLinkStates = []outbox.State{outbox.Leased, outbox.Sent}
	linkStates      = append(freshLinkStates, outbox.Used)
)

// spend moves a mail whose link counts to its last state and changes its user, with whatever else belongs to it, all or
// nothing. A link that does not count any more is [ErrMailTaken].
func (s *Store) spend(
	ctx context.Context, mail outbox.Mail, to outbox.State, from []outbox.State, user types.Update, more ...types.TransactWriteItem,
) error {
	user.TableName, user.Key = &s.users, userKey(mail.User)
	items := append([]types.TransactWriteItem{s.spendUpdate(mail, to, from), {Update: &user}}, more...)
	return s.transact(ctx, "spending the link", items, outbox.ErrStale, outbox.ErrStale)
}

func (s *Store) spendUpdate(mail outbox.Mail, to outbox.State, from []outbox.State) types.TransactWriteItem {
	values := item{":to": text(string(to))}
	names := make([]string, len(from))
	for i, state := range from {
		names[i] = ":from" + strconv.Itoa(i)
		values[names[i]] = text(string(state))
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName:                 &s.sessions,
		Key:                       mailKey(mail.ID),
		UpdateExpression:          aws.String("SET #state = :to"),
		ConditionExpression:       aws.String("attribute_exists(pk) AND #state IN (" + strings.Join(names, ", ") + ")"),
		ExpressionAttributeNames:  reserved("state"),
		ExpressionAttributeValues: values,
	}}
}
