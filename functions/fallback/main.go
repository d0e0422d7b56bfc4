// Command fallback is the $default route: it responds to requests that match no other route.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Fallback) }
