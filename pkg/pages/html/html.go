// Package html writes pages as HTML. What a page shows is hostile input, and html/template escapes it.
//
// It is apart from package pages so that functions without pages do not start the template engine.
package html

import (
	"bytes"
	_ "embed"
	"html/template"
	"sync"

	"latchkey/pkg/pages"
)

//go:embed pages.html
var source string

// templates are parsed on first use.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("pages.html").Parse(source))
})

// Render returns the page's HTML. A template that fails is a fault of this package, which its tests find, and panics.
func Render(page pages.Page) []byte {
	name, title, product := page.Describe()
	content := execute(name, page)
	return execute("page", struct {
		Title, Product string
		Style          template.CSS
		Content        template.HTML
	}{title, product, template.CSS(pages.Style), template.HTML(content)})
}

func execute(name string, data any) []byte {
	var out bytes.Buffer
	if err := templates().ExecuteTemplate(&out, name, data); err != nil {
		panic("html: " + err.Error())
	}
	return out.Bytes()
}
