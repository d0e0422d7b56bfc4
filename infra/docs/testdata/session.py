"""A Python session that runs each file named on descriptor 3 and ends what it printed with a NUL. What fails ends it."""

names = {"__name__": "guide"}
for line in open(3, encoding="utf-8"):
    path = line.rstrip("\n")
    with open(path, encoding="utf-8") as sample:
        exec(compile(sample.read(), path, "exec"), names)
    print(end="\0", flush=True)
