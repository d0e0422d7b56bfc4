// Command rotate-keys makes the first keys of a stack, and rotates and revokes keys.
package main

import "latchkey/pkg/app"

func main() { app.MainKeys(app.RotateKeys) }
