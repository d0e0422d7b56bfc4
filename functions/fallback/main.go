// Command fallback is the $default route: it answers whatever fits no other.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Fallback) }
