# Locks whatever it can open for reading below a root, again and again, so that new files are locked too.
# As `other` it is another user if it may become one, else it looks only at what another user could read.
import fcntl, os, select, struct, sys
root, kind, who = sys.argv[1:]
if who == 'other' and os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
held = {}
def shut(path):
    return who == 'other' and not os.lstat(path).st_mode & 4
def lock(fd):
    if kind == 'flock-exclusive':
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elif kind == 'flock-shared':
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    elif kind == 'open-file':
        fcntl.fcntl(fd, 37, struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 0, 0, 0))
    else:
        fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
def take(path):
    try:
        if path in held or shut(path):
            return
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        lock(fd)
        held[path] = fd
    except OSError:
        os.close(fd)
def round():
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if not os.path.islink(os.path.join(folder, f))]
        for name in [''] + names:
            take(os.path.join(folder, name) if name else folder)
round()
print(len(held), flush=True)
while not select.select([sys.stdin], [], [], 0.005)[0]:
    round()
