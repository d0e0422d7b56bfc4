// Command health is GET /api/auth/health: it tells whether the API can do its work.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Health) }
