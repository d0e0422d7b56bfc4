// Command health is GET /api/auth/health: it reports whether the API can serve requests.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Health) }
