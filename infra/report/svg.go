package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// style follows infra/docs/architecture.svg. All colours exist for a light and a dark page. Series differ by colour and by their labels.
const style = `  <style>
    .page { fill: #ffffff; stroke: #d0d7de; }
    .grid { stroke: #d8dee4; stroke-width: 1; }
    .axis { stroke: #8c959f; stroke-width: 1.5; }
    .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round; }
    .range { stroke-width: 3; stroke-linecap: round; opacity: 0.55; }
    .s0 { stroke: #bc6b00; } .d0 { fill: #bc6b00; }
    .s1 { stroke: #2f6fbf; } .d1 { fill: #2f6fbf; }
    .s2 { stroke: #7a4fc0; } .d2 { fill: #7a4fc0; }
    .s3 { stroke: #1a7f5a; } .d3 { fill: #1a7f5a; }
    .s4 { stroke: #b3366f; } .d4 { fill: #b3366f; }
    .s5 { stroke: #57606a; } .d5 { fill: #57606a; }
    text { font-family: -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 14px; fill: #1f2328; }
    .title { font-size: 18px; font-weight: 600; }
    .note { font-size: 13px; fill: #57606a; }
    .first { font-weight: 600; }
    .end { text-anchor: end; }
    .middle { text-anchor: middle; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; stroke: #30363d; }
      .grid { stroke: #262c34; }
      .axis { stroke: #8b949e; }
      .s0 { stroke: #e09b3d; } .d0 { fill: #e09b3d; }
      .s1 { stroke: #6ca4ea; } .d1 { fill: #6ca4ea; }
      .s2 { stroke: #b48cf2; } .d2 { fill: #b48cf2; }
      .s3 { stroke: #4cc38a; } .d3 { fill: #4cc38a; }
      .s4 { stroke: #f07fb0; } .d4 { fill: #f07fb0; }
      .s5 { stroke: #b1bac4; } .d5 { fill: #b1bac4; }
      text { fill: #e6edf3; }
      .note { fill: #b1bac4; }
    }
  </style>
`

const width = 1000 // of every plot, in pixels

// drawing is an SVG in progress. The origin is the upper left corner.
type drawing struct{ strings.Builder }

// newDrawing begins a plot with a title and a description for readers who do not see it.
func newDrawing(height float64, title, description string) *drawing {
	d := &drawing{}
	fmt.Fprintf(d, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %g"`, width, height)
	d.WriteString(` role="img" aria-labelledby="title description">` + "\n")
	fmt.Fprintf(d, "  <title id=\"title\">%s</title>\n", html.EscapeString(title))
	fmt.Fprintf(d, "  <desc id=\"description\">%s</desc>\n", html.EscapeString(description))
	d.WriteString(style)
	fmt.Fprintf(d, `  <rect class="page" x="0.5" y="0.5" width="%d" height="%g" rx="10"/>`+"\n", width-1, height-1)
	d.text(24, 34, "title", title)
	return d
}

func (d *drawing) text(x, y float64, class, text string) {
	fmt.Fprintf(d, `  <text class="%s" x="%s" y="%s">%s</text>`+"\n", class, pixels(x), pixels(y), html.EscapeString(text))
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(d, `  <line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`+"\n", class, pixels(x1), pixels(y1), pixels(x2), pixels(y2))
}

func (d *drawing) dot(class string, x, y float64) {
	fmt.Fprintf(d, `  <circle class="%s" cx="%s" cy="%s" r="4.5"/>`+"\n", class, pixels(x), pixels(y))
}

func (d *drawing) end() string {
	d.WriteString("</svg>\n")
	return d.String()
}

// pixels formats a coordinate. Tenths are enough, and the file does not depend on the last bits of a logarithm.
func pixels(value float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", value), ".0") }

// scale maps positive values to coordinates by their logarithm. Values beyond an end are drawn at the end.
type scale struct {
	low, high   float64 // values at the ends
	start, stop float64 // coordinates there
}

func (s scale) at(value float64) float64 {
	part := math.Log(value/s.low) / math.Log(s.high/s.low)
	return s.start + (s.stop-s.start)*min(max(part, 0), 1)
}

// decades returns the powers of ten from low to high.
func (s scale) decades() (values []float64) {
	for exponent := math.Ceil(math.Log10(s.low) - 1e-9); exponent <= math.Log10(s.high)+1e-9; exponent++ {
		values = append(values, math.Pow(10, exponent))
	}
	return values
}
