// Package linelog writes whole lines from many sources into one log, each with its source in front: what functions and programs print
// in pieces, and what their host has to say about them. It is for people who watch a run; it has no levels, times or fields.
package linelog

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"sync"
)

// maxLine is the longest line written whole, as in CloudWatch Logs; a longer one is cut into several.
const maxLine = 256 << 10

// Log is the log. Its methods may be called from any goroutine.
type Log struct {
	mu  sync.Mutex
	out io.Writer
}

// New is a log whose lines go to out, each in one Write and one at a time.
func New(out io.Writer) *Log { return &Log{out: out} }

func (l *Log) line(label string, text []byte) {
	line := make([]byte, 0, len(label)+len(text)+4)
	line = append(line, label...)
	line = append(line, " | "...)
	line = append(line, bytes.TrimSuffix(text, []byte("\r"))...)
	line = append(line, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.out.Write(line) // a log that cannot be written has nowhere to say so
}

// Host writes a line of the host's own.
func (l *Log) Host(format string, args ...any) {
	for text := range bytes.Lines(fmt.Appendf(nil, format, args...)) {
		l.line("host", bytes.TrimSuffix(text, []byte("\n")))
	}
}

// Logger is for packages that want one of the standard library. Its lines are the host's own.
func (l *Log) Logger() *log.Logger { return log.New(l.Writer("host"), "", 0) }

// Writer takes a stream of output apart into lines.
func (l *Log) Writer(label string) *Writer { return &Writer{log: l, label: label} }

// Writer holds back the end of its stream that is no whole line yet, until Flush.
type Writer struct {
	log   *Log
	label string

	mu   sync.Mutex
	rest []byte
}

// Write implements [io.Writer] and never fails, so that a function is not ended by its log.
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
			w.rest = bytes.Clone(w.rest) // let go of what is written
			return len(text), nil
		}
	}
}

// Flush writes what the stream ended with if that is no whole line.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.log.line(w.label, w.rest)
		w.rest = nil
	}
}
