/* Preloaded into a process, lets the Nth change of a file below one folder fail, or kills the process there.

   A change is a call that writes, syncs, cuts, renames, removes or makes a file. fault_arm(folder, n, kind, lasting)
   starts the count; with n 0 it only counts, and fault_count() tells how many there were. Kinds: an errno, which the
   call then fails with; -1, killed before the call; -2, killed after half of what was to be written. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static char folder[PATH_MAX];
static long nth, count;
static int kind, lasting;

void fault_arm(const char *below, long n, int how, int stays) {
    snprintf(folder, sizeof folder, "%s", below);
    nth = n, kind = how, lasting = stays, count = 0;
}

long fault_count(void) { return count; }

static int below(const char *path) {
    char whole[PATH_MAX * 2];
    if (!folder[0] || !path) return 0;
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(whole, sizeof whole, "%s/%s", here, path);
        path = whole;
    }
    return !strncmp(path, folder, strlen(folder));
}

static int below_fd(int fd) {
    char link[64], path[PATH_MAX];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* 1 where the call is to fail, with errno set; 2 where it is to be done by half. */
static int struck(void) {
    count++;
    if (!nth || count < nth || (count > nth && !lasting)) return 0;
    if (kind == -1) die();
    if (kind == -2) return 2;
    errno = kind;
    return 1;
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)
#define STRIKE(inside) int blow = (inside) ? struck() : 0; if (blow == 1) return -1
#define HALF(call) do { if (blow == 2) { call; die(); } } while (0)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write); STRIKE(below_fd(fd)); HALF(real(fd, data, size / 2));
    return real(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite); STRIKE(below_fd(fd)); HALF(real(fd, data, size / 2, at));
    return real(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64); STRIKE(below_fd(fd)); HALF(real(fd, data, size / 2, at));
    return real(fd, data, size, at);
}
int fsync(int fd) { REAL(fsync); STRIKE(below_fd(fd)); HALF((void)0); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); STRIKE(below_fd(fd)); HALF((void)0); return real(fd); }
int ftruncate(int fd, off_t size) { REAL(ftruncate); STRIKE(below_fd(fd)); HALF((void)0); return real(fd, size); }
int ftruncate64(int fd, off64_t size) { REAL(ftruncate64); STRIKE(below_fd(fd)); HALF((void)0); return real(fd, size); }
int unlink(const char *path) { REAL(unlink); STRIKE(below(path)); HALF((void)0); return real(path); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); STRIKE(below(path)); HALF((void)0); return real(path, mode); }
int rename(const char *from, const char *to) { REAL(rename); STRIKE(below(to)); HALF((void)0); return real(from, to); }

static int makes(const char *path, int flags) { return (flags & O_CREAT) && below(path) && access(path, F_OK); }

#define OPENED(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; va_start(rest, flags); \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        STRIKE(makes(path, flags)); HALF((void)0); \
        return real(path, flags, mode); \
    }
OPENED(open)
OPENED(open64)
