package session

// OpenCookie and SealCookie let tests outside of the package try cookies by themselves.
var (
	OpenCookie = openCookie
	SealCookie = sealCookie
)
