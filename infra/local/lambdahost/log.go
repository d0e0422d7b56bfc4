package lambdahost

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"sync"
)

// maxLine is the longest line written whole, as in CloudWatch Logs; a longer one is cut into several.
const maxLine = 256 << 10

// lineLog writes whole lines from many sources, each with its source in front.
type lineLog struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *lineLog) line(label string, text []byte) {
	line := make([]byte, 0, len(label)+len(text)+4)
	line = append(line, label...)
	line = append(line, " | "...)
	line = append(line, bytes.TrimSuffix(text, []byte("\r"))...)
	line = append(line, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.out.Write(line) // a log that cannot be written has nowhere to say so
}

// host writes a line of the host's own.
func (l *lineLog) host(format string, args ...any) {
	for text := range bytes.Lines(fmt.Appendf(nil, format, args...)) {
		l.line("host", bytes.TrimSuffix(text, []byte("\n")))
	}
}

// logger is for packages that want one of the standard library.
func (l *lineLog) logger() *log.Logger { return log.New(l.writer("host"), "", 0) }

// writer takes a stream of output apart into lines.
func (l *lineLog) writer(label string) *lineWriter { return &lineWriter{log: l, label: label} }

// lineWriter holds back the end of its stream that is no whole line yet, until flush.
type lineWriter struct {
	log   *lineLog
	label string

	mu   sync.Mutex
	rest []byte
}

// Write implements [io.Writer] and never fails, so that a function is not ended by its log.
func (w *lineWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, text...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		switch {
		case end >= 0 && end <= maxLine:
			w.log.line(w.label, w.rest[:end])
			w.rest = w.rest[end+1:]
		case len(w.rest) > maxLine:
			w.log.line(w.label, w.rest[:maxLine])
			w.rest = w.rest[maxLine:]
		default:
			w.rest = bytes.Clone(w.rest) // let go of what is written
			return len(text), nil
		}
	}
}

// flush writes what the stream ended with if that is no whole line.
func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.log.line(w.label, w.rest)
		w.rest = nil
	}
}
