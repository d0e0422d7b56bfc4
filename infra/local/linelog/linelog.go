// Package linelog merges the output of several processes, and the messages of their host, into one log. Each line is
// complete and begins with the label of its source. The log is for people who watch a run. It has no levels, times or
// fields.
package linelog

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"sync"
)

// maxLine is the maximum length of a line in bytes, as in CloudWatch Logs. A Writer splits longer lines.
const maxLine = 256 << 10

// Log is a log of labeled lines. Its methods are safe for concurrent use.
type Log struct {
	mu  sync.Mutex
	out io.Writer
}

// New returns a Log that writes each line to out in one call of Write. The calls are not concurrent.
func New(out io.Writer) *Log { return &Log{out: out} }

func (l *Log) line(label string, text []byte) {
	line := make([]byte, 0, len(label)+len(text)+4)
	line = append(line, label...)
	line = append(line, " | "...)
	line = append(line, bytes.TrimSuffix(text, []byte("\r"))...)
	line = append(line, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.out.Write(line) // there is no other place to report the error
}

// Host writes a message of the host, as one line for each line of its text.
func (l *Log) Host(format string, args ...any) {
	for text := range bytes.Lines(fmt.Appendf(nil, format, args...)) {
		l.line("host", bytes.TrimSuffix(text, []byte("\n")))
	}
}

// Logger returns a standard logger whose lines have the label of the host.
func (l *Log) Logger() *log.Logger { return log.New(l.Writer("host"), "", 0) }

// Writer returns a writer for a stream of output with the label.
func (l *Log) Writer(label string) *Writer { return &Writer{log: l, label: label} }

// Writer splits a stream of output into lines. It keeps an incomplete line until the rest arrives, or until Flush.
type Writer struct {
	log   *Log
	label string

	mu   sync.Mutex
	rest []byte
}

// Write implements [io.Writer]. It never fails, so an error of the log does not end the process that writes.
func (w *Writer) Write(text []byte) (int, error) {
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
			w.rest = bytes.Clone(w.rest) // releases the memory of the written lines
			return len(text), nil
		}
	}
}

// Flush writes the incomplete line, if there is one.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.log.line(w.label, w.rest)
		w.rest = nil
	}
}
