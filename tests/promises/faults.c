/* Faults from outside: a library to be preloaded into a command that knows nothing of it.
 *
 * It stands between the program and the C library for what changes files, and numbers those calls on paths below one
 * folder. At a chosen number it kills the process (in the middle of a write), or lets the call fail, once or from then
 * on. Every call can be noted in a log, from which a test can tell what a power cut would have left. It also makes the
 * clock jump, and notes every attempt to reach the network. Nothing happens until `faults_arm` is called.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PATH 4096
enum { NOTE, KILL, FAIL_ONCE, FAIL_FROM };

static struct {
    int armed, kind, error, log;
    long at;
    char root[PATH];
    size_t root_length;
} fault = {0, NOTE, 0, -1, -1, "", 0};
static atomic_long calls;
static atomic_int jumping;
static int network_log = -1;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

void faults_arm(const char *root, int kind, long at, int error, int log) {
    snprintf(fault.root, PATH, "%s", root);
    fault.root_length = strlen(root);
    fault.kind = kind, fault.at = at, fault.error = error, fault.log = log;
    atomic_store(&calls, 0);
    fault.armed = 1;
}

void faults_jump(void) { atomic_store(&jumping, 1); }

void faults_watch_network(int log) { network_log = log; }

/* The absolute path of a name relative to an open folder; empty if it cannot be told. */
static void resolve(int folder, const char *name, char *out) {
    char link[64];
    out[0] = 0;
    if (name && name[0] == '/') {
        snprintf(out, PATH, "%s", name);
        return;
    }
    if (folder == AT_FDCWD) {
        if (syscall(SYS_getcwd, out, PATH) < 0) out[0] = 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t n = readlink(link, out, PATH - 1);
        out[n < 0 ? 0 : n] = 0;
    }
    if (name && name[0]) {
        size_t n = strlen(out);
        snprintf(out + n, PATH - n, "/%s", name);
    }
}

static void note(const char *what, const char *path, const char *other, long number) {
    char line[2 * PATH + 64];
    int n = snprintf(line, sizeof line, "%s\t%s\t%s\t%ld\n", what, path, other, number);
    if (fault.log >= 0) syscall(SYS_write, fault.log, line, n);
}

static int ours(const char *path) {
    return fault.armed && strncmp(path, fault.root, fault.root_length) == 0 &&
           (path[fault.root_length] == '/' || path[fault.root_length] == 0);
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* Count a call; 1 if it is to fail (errno is set), 2 if the process is to be killed by it. A call that takes no space
   (rename, remove) fails only when it is its own number's turn: a full disk does not keep anybody from deleting. */
static int turn(const char *what, const char *path, const char *other, long number, int takes_space) {
    if (!ours(path) && !(other[0] && ours(other))) return 0;
    long mine = atomic_fetch_add(&calls, 1);
    note(what, path, other, number);
    if (fault.at < 0) return 0;
    if (fault.kind == KILL && mine == fault.at) return 2;
    if ((fault.kind == FAIL_ONCE && mine == fault.at) ||
        (fault.kind == FAIL_FROM && mine >= fault.at && (takes_space || mine == fault.at))) {
        errno = fault.error;
        return 1;
    }
    return 0;
}

static int before(const char *what, const char *path, const char *other, int takes_space) {
    int found = turn(what, path, other, 0, takes_space);
    if (found == 2) die();
    return found;
}

static int opening(int folder, const char *name, int flags) {
    char path[PATH];
    if (!fault.armed || !(flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC))) return 0;
    resolve(folder, name, path);
    return before(flags & O_TRUNC ? "truncate" : "open", path, "", flags & O_CREAT ? 1 : 0);
}

#define MODE                                    \
    mode_t mode = 0;                            \
    if (flags & (O_CREAT | O_TMPFILE)) {        \
        va_list list;                           \
        va_start(list, flags);                  \
        mode = va_arg(list, mode_t);            \
        va_end(list);                           \
    }

int open(const char *name, int flags, ...) {
    MODE return opening(AT_FDCWD, name, flags) ? -1 : REAL(open)(name, flags, mode);
}
int open64(const char *name, int flags, ...) {
    MODE return opening(AT_FDCWD, name, flags) ? -1 : REAL(open64)(name, flags, mode);
}
int openat(int folder, const char *name, int flags, ...) {
    MODE return opening(folder, name, flags) ? -1 : REAL(openat)(folder, name, flags, mode);
}
int openat64(int folder, const char *name, int flags, ...) {
    MODE return opening(folder, name, flags) ? -1 : REAL(openat64)(folder, name, flags, mode);
}

/* Decide about a write of n bytes: 0 do it, 1 it fails. A kill comes when half of it is done. */
static int writing(int file, const void *data, size_t n) {
    char path[PATH];
    struct stat found;
    if (!fault.armed || file == fault.log) return 0;
    resolve(file, "", path);
    if (!ours(path)) return 0;
    long size = fstat(file, &found) == 0 ? (long)found.st_size : 0;
    int what = turn("write", path, "", size, 1);
    if (what == 2) {
        syscall(SYS_write, file, data, n / 2);
        die();
    }
    return what;
}

ssize_t write(int file, const void *data, size_t n) { return writing(file, data, n) ? -1 : REAL(write)(file, data, n); }
ssize_t pwrite(int file, const void *data, size_t n, off_t at) {
    return writing(file, data, n) ? -1 : REAL(pwrite)(file, data, n, at);
}
ssize_t pwrite64(int file, const void *data, size_t n, off64_t at) {
    return writing(file, data, n) ? -1 : REAL(pwrite64)(file, data, n, at);
}
ssize_t writev(int file, const struct iovec *parts, int n) {
    return writing(file, parts->iov_base, parts->iov_len) ? -1 : REAL(writev)(file, parts, n);
}

static int syncing(int file) {
    char path[PATH];
    if (!fault.armed) return 0;
    resolve(file, "", path);
    return before("fsync", path, "", 1);
}
int fsync(int file) { return syncing(file) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return syncing(file) ? -1 : REAL(fdatasync)(file); }

static int on_file(const char *what, int file, int takes_space) {
    char path[PATH];
    if (!fault.armed) return 0;
    resolve(file, "", path);
    return before(what, path, "", takes_space);
}
int ftruncate(int file, off_t n) { return on_file("truncate", file, 0) ? -1 : REAL(ftruncate)(file, n); }
int ftruncate64(int file, off64_t n) { return on_file("truncate", file, 0) ? -1 : REAL(ftruncate64)(file, n); }
int fchmod(int file, mode_t mode) { return on_file("chmod", file, 0) ? -1 : REAL(fchmod)(file, mode); }

static int on_name(const char *what, int folder, const char *name, int takes_space) {
    char path[PATH];
    if (!fault.armed) return 0;
    resolve(folder, name, path);
    return before(what, path, "", takes_space);
}
int chmod(const char *name, mode_t mode) { return on_name("chmod", AT_FDCWD, name, 0) ? -1 : REAL(chmod)(name, mode); }
int fchmodat(int folder, const char *name, mode_t mode, int flags) {
    return on_name("chmod", folder, name, 0) ? -1 : REAL(fchmodat)(folder, name, mode, flags);
}
int mkdir(const char *name, mode_t mode) { return on_name("mkdir", AT_FDCWD, name, 1) ? -1 : REAL(mkdir)(name, mode); }
int mkdirat(int folder, const char *name, mode_t mode) {
    return on_name("mkdir", folder, name, 1) ? -1 : REAL(mkdirat)(folder, name, mode);
}
int unlink(const char *name) { return on_name("remove", AT_FDCWD, name, 0) ? -1 : REAL(unlink)(name); }
int unlinkat(int folder, const char *name, int flags) {
    return on_name("remove", folder, name, 0) ? -1 : REAL(unlinkat)(folder, name, flags);
}
int rmdir(const char *name) { return on_name("remove", AT_FDCWD, name, 0) ? -1 : REAL(rmdir)(name); }

static int renaming(int from_folder, const char *from, int to_folder, const char *to) {
    char from_path[PATH], to_path[PATH];
    if (!fault.armed) return 0;
    resolve(from_folder, from, from_path);
    resolve(to_folder, to, to_path);
    return before("rename", from_path, to_path, 0);
}
int rename(const char *from, const char *to) {
    return renaming(AT_FDCWD, from, AT_FDCWD, to) ? -1 : REAL(rename)(from, to);
}
int renameat(int a, const char *from, int b, const char *to) {
    return renaming(a, from, b, to) ? -1 : REAL(renameat)(a, from, b, to);
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    return renaming(a, from, b, to) ? -1 : REAL(renameat2)(a, from, b, to, flags);
}
int link(const char *from, const char *to) {
    return renaming(AT_FDCWD, from, AT_FDCWD, to) ? -1 : REAL(link)(from, to);
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
    return renaming(a, from, b, to) ? -1 : REAL(linkat)(a, from, b, to, flags);
}

/* A clock that is up to a day wrong, differently at every look. Clocks that only measure (CLOCK_MONOTONIC) stay. */
static long jump(void) {
    static atomic_ulong state = 88172645463325252UL;
    if (!atomic_load(&jumping)) return 0;
    unsigned long x = atomic_fetch_add(&state, 0x9E3779B97F4A7C15UL);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
    x ^= x >> 27;
    return (long)(x % 172801) - 86400;
}
int clock_gettime(clockid_t clock, struct timespec *out) {
    int found = REAL(clock_gettime)(clock, out);
    if (found == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += jump();
    return found;
}
int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    int found = REAL(gettimeofday)(out, zone);
    if (found == 0) out->tv_sec += jump();
    return found;
}
time_t time(time_t *out) {
    struct timespec now;
    REAL(clock_gettime)(CLOCK_REALTIME, &now);
    now.tv_sec += jump();
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

static void note_network(const char *what, int family) {
    char line[64];
    if (network_log < 0 || family == AF_UNIX || family == AF_UNSPEC) return;
    int n = snprintf(line, sizeof line, "%s family %d\n", what, family);
    syscall(SYS_write, network_log, line, n);
}
int connect(int socket_, const struct sockaddr *address, socklen_t n) {
    note_network("connect", address ? address->sa_family : -1);
    return REAL(connect)(socket_, address, n);
}
ssize_t sendto(int socket_, const void *data, size_t n, int flags, const struct sockaddr *address, socklen_t size) {
    if (address) note_network("sendto", address->sa_family);
    return REAL(sendto)(socket_, data, n, flags, address, size);
}
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
    note_network(host ? host : "getaddrinfo", -1);
    return REAL(getaddrinfo)(host, service, hints, out);
}
