// Command fallback is the $default route: it answers requests that no other route matches.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Fallback) }
