// Command hello is a function that asks for no event: these tests send none.
package main

func main() {}
