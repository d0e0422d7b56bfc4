"""A Python session that runs each file named on descriptor 3, and prints a NUL after its output. A failure ends the session."""

names = {"__name__": "guide"}
for line in open(3, encoding="utf-8"):
    path = line.rstrip("\n")
    with open(path, encoding="utf-8") as sample:
        exec(compile(sample.read(), path, "exec"), names)
    print(end="\0", flush=True)
