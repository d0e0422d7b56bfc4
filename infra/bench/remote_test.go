package main

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// TestDelay sends two messages to a server that returns them, and compares the times with the round trips that a remote server takes:
// the first message waits until TCP has opened the connection.
func TestDelay(t *testing.T) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }()
	go func() {
		for {
			connection, err := far.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(connection, connection) }()
		}
	}()
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = near.Close() }()
	go delay(near, far.Addr().String())
	connection, err := net.Dial("tcp", near.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	for i, roundTrips := range []time.Duration{2, 1} {
		sent, got := bytes.Repeat([]byte{byte('a' + i)}, 100_000), make([]byte, 100_000)
		start := time.Now()
		if _, err := connection.Write(sent); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(connection, got); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("message %d: got another message or the error %v, want the message that was sent", i+1, err)
		}
		// The connection may be accepted a moment before the message is sent.
		if took, want := time.Since(start), roundTrips*2*latency-time.Millisecond; took < want {
			t.Errorf("message %d: got a response after %v, want at least %v", i+1, took, want)
		}
	}
}
