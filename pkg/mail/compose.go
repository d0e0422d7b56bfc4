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
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

// Data is the variable content of a message.
type Data struct {
	To       identifier.Address // as stored in the account; never from a request
	Username string             // as stored; it is displayed in a form that cannot mislead
	Link     secret.String      // from [Links]; only for messages with a link
	Life     time.Duration      // of the link, counted from the mail
}

// view is the data of the templates. They have access to nothing else.
type view struct {
	Product  string
	Subject  string
	Username string
	Link     string
	Life     string
}

//go:embed templates
var files embed.FS

// Composer composes the mails of one product. It is safe for concurrent use.
type Composer struct {
	product string
	texts   map[outbox.Purpose]*text.Template
	htmls   map[outbox.Purpose]*html.Template
}

// NewComposer parses the templates. Subjects and bodies contain the name of the product, which must have 1 to 64 visible
// characters. The templates are not parsed when the package is initialized, so that functions that send no mail do not pay for
// it and do not link the template engines.
func NewComposer(product string) (*Composer, error) {
	if n := len([]rune(product)); n == 0 || n > 64 || strings.ContainsFunc(product, identifier.IsInvisible) {
		return nil, errors.New("preparing the mails: the product name must have 1 to 64 visible characters")
	}
	c := &Composer{product, map[outbox.Purpose]*text.Template{}, map[outbox.Purpose]*html.Template{}}
	for _, purpose := range outbox.Purposes() {
		var err error
		definition, _ := purpose.Definition()
		name := "templates/" + definition.Template
		c.texts[purpose], err = text.New("").Option("missingkey=error").ParseFS(files, "templates/layout.txt", name+".txt")
		if err != nil {
			return nil, fmt.Errorf("preparing the mails: %w", err)
		}
		c.htmls[purpose], err = html.New("").Option("missingkey=error").ParseFS(files, "templates/layout.html", name+".html")
		if err != nil {
			return nil, fmt.Errorf("preparing the mails: %w", err)
		}
	}
	return c, nil
}

// Compose returns the message of a purpose. The error wraps [ErrRejected] if mail cannot be sent to the address. Other errors are
// faults of the caller: an unknown purpose, or a missing or superfluous link.
func (c *Composer) Compose(purpose outbox.Purpose, data Data) (Message, error) {
	message, err := c.compose(purpose, data)
	if err != nil {
		return Message{}, fmt.Errorf("composing the mail %q: %w", purpose, err)
	}
	return message, nil
}

func (c *Composer) compose(purpose outbox.Purpose, data Data) (Message, error) {
	definition, found := purpose.Definition()
	switch {
	case !found:
		return Message{}, errors.New("there is no such message")
	case definition.HasLink() && data.Link.IsZero():
		return Message{}, errors.New("the link is missing")
	case !definition.HasLink() && !data.Link.IsZero():
		return Message{}, errors.New("this message must not have a link")
	case definition.HasLink() && data.Life < time.Second:
		return Message{}, errors.New("the link has expired")
	}
	to, err := recipient(data.To)
	if err != nil {
		return Message{}, err
	}
	return c.render(purpose, to, view{
		Product:  c.product,
		Subject:  fmt.Sprintf(definition.Subject, c.product),
		Username: displayName(data.Username),
		Link:     data.Link.Reveal(),
		Life:     lifetime(data.Life),
	})
}

func (c *Composer) render(purpose outbox.Purpose, to string, v view) (Message, error) {
	plain, err := execute(c.texts[purpose], v)
	if err != nil {
		return Message{}, err
	}
	markup, err := execute(c.htmls[purpose], v)
	if err != nil {
		return Message{}, err
	}
	return Message{To: to, Subject: v.Subject, Text: secret.New(plain), HTML: secret.New(markup)}, nil
}

// executor is the common method of the two template engines.
type executor interface {
	ExecuteTemplate(w io.Writer, name string, data any) error
}

func execute(t executor, v view) (string, error) {
	var b strings.Builder
	err := t.ExecuteTemplate(&b, "layout", v)
	return b.String(), err
}

// lifetime returns a duration in words, rounded down: whole hours as hours, other times in minutes, short ones in seconds.
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
