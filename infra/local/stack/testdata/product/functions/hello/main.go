// Command hello is a function that asks for no event: an event for it fails.
package main

func main() {}
