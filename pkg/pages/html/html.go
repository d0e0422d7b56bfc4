// Package html renders pages as HTML. The content of a page is treated as hostile, and html/template escapes it.
//
// The package is separate from package pages so that functions without pages do not start the template engine.
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

// templates parses the templates at the first use.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("pages.html").Parse(source))
})

// Render returns the HTML of a page. It panics if a template fails, which is a fault of this package that its tests find.
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
