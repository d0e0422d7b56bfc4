// Command hello is a function that exits without requesting an event, so every event for it fails.
package main

func main() {}
