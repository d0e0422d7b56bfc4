package mail

import (
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"io"
	"strings"
	text "text/template"
	"time"

	"latchkey/pkg/identifier"
	"latchkey/pkg/secret"
)

// Kind says which message a mail is. Its value is the base name of the message's two template files.
type Kind string

// The messages.
const (
	Verification  Kind = "verification"   // with the link that confirms the address
	PasswordReset Kind = "password_reset" // with the link that sets a new password

	// Taken tells who registers again that there is an account. It has no link, like the notices.
	Taken Kind = "taken"

	// Notices have no link, so that they train nobody to follow one.
	PasswordChanged Kind = "password_changed"
	PasswordRemoved Kind = "password_removed" // the owner of the mailbox signed in by a provider
	Guessing        Kind = "guessing"         // somebody has tried too many passwords
)

// kinds holds whether a message carries a link.
var kinds = map[Kind]bool{
	Verification: true, PasswordReset: true, Taken: false, PasswordChanged: false, PasswordRemoved: false, Guessing: false,
}

// Data is what a message tells.
type Data struct {
	To       identifier.Address // of the account, as stored; never one that a request typed
	Username string             // of the account, in any state: it is shown so that it cannot mislead
	Link     secret.String      // with the kinds that carry one, made by [Links]
	Life     time.Duration      // of the link, from the mail on
}

// view is what the templates see. They get nothing else, so that nothing else can get out.
type view struct {
	Product  string
	Subject  string
	Username string
	Link     string
	Life     string
}

//go:embed templates
var files embed.FS

// Composer writes the mails of one product. It is safe for concurrent use.
type Composer struct {
	product string
	texts   map[Kind]*text.Template
	htmls   map[Kind]*html.Template
}

// NewComposer reads the templates. The product's name, 1 to 64 visible characters on one line, is in subjects and bodies. It is a
// constructor, and not work at the package's initialisation, so that functions which send no mail neither pay for the parsing
// nor link the template engines.
func NewComposer(product string) (*Composer, error) {
	if n := len([]rune(product)); n == 0 || n > 64 || strings.ContainsFunc(product, identifier.IsInvisible) {
		return nil, errors.New("preparing the mails: the product's name must have 1 to 64 visible characters")
	}
	c := &Composer{product, map[Kind]*text.Template{}, map[Kind]*html.Template{}}
	for kind := range kinds {
		var err error
		name := "templates/" + string(kind)
		c.texts[kind], err = text.New("").Option("missingkey=error").ParseFS(files, "templates/layout.txt", name+".txt")
		if err != nil {
			return nil, fmt.Errorf("preparing the mails: %w", err)
		}
		c.htmls[kind], err = html.New("").Option("missingkey=error").ParseFS(files, "templates/layout.html", name+".html")
		if err != nil {
			return nil, fmt.Errorf("preparing the mails: %w", err)
		}
	}
	return c, nil
}

// Compose writes one message. An address that cannot be sent to is [ErrRejected]; any other error is a fault of the caller: a kind
// that is not there, a link too many or too few.
func (c *Composer) Compose(kind Kind, data Data) (Message, error) {
	message, err := c.compose(kind, data)
	if err != nil {
		return Message{}, fmt.Errorf("composing the mail %q: %w", kind, err)
	}
	return message, nil
}

func (c *Composer) compose(kind Kind, data Data) (Message, error) {
	linked, known := kinds[kind]
	switch {
	case !known:
		return Message{}, errors.New("there is no such message")
	case linked != !data.Link.IsZero():
		return Message{}, fmt.Errorf("it must have a link: %t", linked)
	case linked && data.Life < time.Second:
		return Message{}, errors.New("its link has no life left")
	}
	to, err := recipient(data.To)
	if err != nil {
		return Message{}, err
	}
	return c.render(kind, to, view{
		Product:  c.product,
		Username: displayName(data.Username),
		Link:     data.Link.Reveal(),
		Life:     lifetime(data.Life),
	})
}

func (c *Composer) render(kind Kind, to string, v view) (Message, error) {
	var err error
	if v.Subject, err = execute(c.texts[kind], "subject", v); err != nil {
		return Message{}, err
	}
	plain, err := execute(c.texts[kind], "layout", v)
	if err != nil {
		return Message{}, err
	}
	markup, err := execute(c.htmls[kind], "layout", v)
	if err != nil {
		return Message{}, err
	}
	return Message{To: to, Subject: v.Subject, Text: secret.New(plain), HTML: secret.New(markup)}, nil
}

// executor is what the two template engines have in common.
type executor interface {
	ExecuteTemplate(w io.Writer, name string, data any) error
}

func execute(t executor, name string, v view) (string, error) {
	var b strings.Builder
	err := t.ExecuteTemplate(&b, name, v)
	return b.String(), err
}

// lifetime tells a duration in words, never more than it is: whole hours as hours, the rest in minutes, a short one in seconds.
func lifetime(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return count(d/time.Hour, "hour")
	case d >= 2*time.Minute:
		return count(d/time.Minute, "minute")
	default:
		return count(d/time.Second, "second")
	}
}

func count(n time.Duration, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
