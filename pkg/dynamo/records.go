package dynamo

import (
	"maps"
	"math"

	"latchkey/pkg/auth"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/secret"
)

func userItem(user auth.User) item {
	stored := item{
		attrUsername:      text(user.Username.Typed),
		attrUsernameKey:   text(user.Username.Canonical),
		attrEmail:         text(user.Email.Typed),
		attrEmailKey:      text(user.Email.Canonical),
		attrFirstName:     text(user.FirstName),
		attrLastName:      text(user.LastName),
		attrEpoch:         number(user.Epoch),
		attrRevision:      number(user.Revision),
		attrRoom:          number(user.Room),
		attrActive:        flag(user.Active),
		attrStaff:         flag(user.Staff),
		attrSuperuser:     flag(user.Superuser),
		attrMembership:    flag(user.Membership),
		attrEmailVerified: flag(user.EmailVerified),
		attrProven:        flag(user.Proven),
		attrJoined:        millis(user.Joined),
	}
	if !user.PasswordHash.IsZero() {
		stored[attrPHC] = text(user.PasswordHash.Reveal())
	}
	if user.OAuthProvider != "" {
		stored[attrOAuthProvider] = text(user.OAuthProvider)
	}
	if !user.LastLogin.IsZero() {
		stored[attrLastLogin] = millis(user.LastLogin)
	}
	maps.Copy(stored, userKey(user.ID))
	return stored
}

func readUser(stored item) (auth.User, error) {
	r := &reader{item: stored}
	user := auth.User{
		ID:            r.idAfter(prefixUser, attrPK),
		Username:      identifier.Username{Typed: r.text(attrUsername), Canonical: r.text(attrUsernameKey)},
		Email:         identifier.Address{Typed: r.text(attrEmail), Canonical: r.text(attrEmailKey)},
		FirstName:     r.text(attrFirstName),
		LastName:      r.text(attrLastName),
		PasswordHash:  secret.New(r.text(attrPHC)),
		Epoch:         r.count(attrEpoch, math.MaxInt64),
		Revision:      r.count(attrRevision, math.MaxInt64),
		Room:          int(r.integer(attrRoom)),
		Active:        r.flag(attrActive),
		Staff:         r.flag(attrStaff),
		Superuser:     r.flag(attrSuperuser),
		Membership:    r.flag(attrMembership),
		EmailVerified: r.flag(attrEmailVerified),
		Proven:        r.flag(attrProven),
		OAuthProvider: r.text(attrOAuthProvider),
		Joined:        r.millis(attrJoined),
		LastLogin:     r.millis(attrLastLogin),
	}
	return user, r.err
}

func guardItem(guard item, user id.ID) item {
	guard[attrUser] = text(user.String())
	return guard
}

func sessionItem(session auth.Session) item {
	stored := item{
		attrKind:    text(string(session.Kind)),
		attrEpoch:   number(session.Epoch),
		attrBorn:    millis(session.Born),
		attrRotated: millis(session.Rotated),
		attrExpires: seconds(session.Expires),
		attrEnd:     seconds(session.End),
	}
	switch session.Kind {
	case auth.SessionTokens:
		stored[attrGeneration] = number(session.Generation)
		stored[attrKeyID] = text(session.KeyID)
	case auth.SessionCookie:
		stored[attrSecret] = binary(session.SecretHash)
	}
	maps.Copy(stored, sessionKey(session.User, session.ID))
	return stored
}

func readSession(stored item) (auth.Session, error) {
	r := &reader{item: stored}
	session := auth.Session{
		User:       r.idAfter(prefixSession, attrPK),
		ID:         r.id(attrSK),
		Kind:       auth.SessionKind(r.text(attrKind)),
		Epoch:      r.count(attrEpoch, math.MaxInt64),
		Born:       r.millis(attrBorn),
		Rotated:    r.millis(attrRotated),
		Generation: uint32(r.count(attrGeneration, math.MaxUint32)),
		KeyID:      r.text(attrKeyID),
		SecretHash: r.binary(attrSecret),
		Expires:    r.seconds(attrExpires),
		End:        r.seconds(attrEnd),
	}
	return session, r.err
}

func mailItem(mail auth.Mail) item {
	stored := item{
		attrPurpose: text(string(mail.Purpose)),
		attrState:   text(string(mail.State)),
		attrAddress: text(mail.Address),
		attrCreated: millis(mail.Created),
		attrExpires: seconds(mail.Expires),
	}
	if !mail.User.IsZero() {
		stored[attrUser] = text(mail.User.String())
	}
	maps.Copy(stored, mailKey(mail.ID))
	return stored
}

func readMail(stored item) (auth.Mail, error) {
	r := &reader{item: stored}
	mail := auth.Mail{
		ID:      r.idAfter(prefixMail, attrPK),
		Purpose: auth.MailPurpose(r.text(attrPurpose)),
		State:   auth.MailState(r.text(attrState)),
		Address: r.text(attrAddress),
		Created: r.millis(attrCreated),
		Expires: r.seconds(attrExpires),
		Epoch:   r.count(attrEpoch, math.MaxInt64),
		KeyID:   r.text(attrKeyID),
		LinkEnd: r.seconds(attrEnd),
		Lease:   r.seconds(attrLease),
		Worker:  r.text(attrWorker),
	}
	if stored[attrUser] != nil {
		mail.User = r.id(attrUser)
	}
	return mail, r.err
}
