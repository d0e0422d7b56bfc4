// Command rotate-keys creates the first keys of a stack, and rotates and revokes keys.
package main

import "latchkey/pkg/app"

func main() { app.MainKeys(app.RotateKeys) }
