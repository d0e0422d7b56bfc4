// Command register is POST /api/auth/register: it creates an account.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Register) }
