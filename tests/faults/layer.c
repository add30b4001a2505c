/* The layer between a command and the disk (LD_PRELOAD): it counts the operations on what lies below a folder, notes each, and
   at one of them fails with an error number, or sends the process a signal.

   FAULT_ROOT: the folder. FAULT_TRACE: the file that takes a record of RECORD bytes per operation. FAULT_AT: the operation, from
   1; 0: none. FAULT_ERROR: the error number, or the negative number of a signal. FAULT_STICKY: 1 if all later operations fail
   too. FAULT_KINDS: the letters of the operations that can fail: Open to write, open to read (I), Write, Sync, Rename, Make, Unlink,
   Truncate, chmod (C). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define RECORD 1024
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *place(int folder, const char *path, char *whole) {
  char link[64];
  ssize_t length = 0;
  if (path == NULL || path[0] != '/') {
    if (folder == AT_FDCWD) {
      length = getcwd(whole, PATH_MAX) == NULL ? 0 : (ssize_t)strlen(whole);
    } else {
      snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
      length = readlink(link, whole, PATH_MAX - 1);
      length = length < 0 ? 0 : length;
    }
  }
  whole[length] = 0;
  if (path != NULL) snprintf(whole + length, PATH_MAX - length, "%s%s", length ? "/" : "", path);
  return whole;
}

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value == NULL ? "" : value;
}

/* Returns the error number that the operation has to fail with, or 0. half: what a killed process still does of it. */
static int fault(char kind, int folder, const char *path, void (*half)(void *), void *what) {
  const char *root = getenv("FAULT_ROOT");
  char whole[PATH_MAX], record[RECORD];
  int former = errno;
  if (root == NULL || strncmp(place(folder, path, whole), root, strlen(root)) != 0) return 0;
  int at = atoi(setting("FAULT_AT")), error = atoi(setting("FAULT_ERROR"));
  memset(record, ' ', RECORD);
  memcpy(record + snprintf(record, RECORD - 1, "%c %s", kind, whole + strlen(root)), " ", 1);
  record[RECORD - 1] = '\n';
  int trace = syscall(SYS_openat, AT_FDCWD, setting("FAULT_TRACE"), O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (trace < 0) return 0;
  syscall(SYS_write, trace, record, RECORD);
  long number = lseek(trace, 0, SEEK_CUR) / RECORD;
  syscall(SYS_close, trace);
  errno = former;
  int is_now = number == at || (at > 0 && number > at && setting("FAULT_STICKY")[0] == '1');
  if (!is_now || strchr(setting("FAULT_KINDS"), kind) == NULL) return 0;
  if (error > 0) return error;
  /* A process that answers the signal goes on with the whole operation: half of it before would be written twice. */
  if (half != NULL && error == -SIGKILL) half(what);
  kill(getpid(), -error);
  return 0;
}

#define FAIL(kind, folder, path, value) \
  do { \
    int error = fault(kind, folder, path, NULL, NULL); \
    if (error) { \
      errno = error; \
      return value; \
    } \
  } while (0)

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = va_arg(more, mode_t); \
    va_end(more); \
    FAIL(flags & (O_WRONLY | O_RDWR) ? 'O' : 'I', AT_FDCWD, path, -1); \
    return REAL(name)(path, flags, mode); \
  }
#define OPENAT(name) \
  int name(int folder, const char *path, int flags, ...) { \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = va_arg(more, mode_t); \
    va_end(more); \
    FAIL(flags & (O_WRONLY | O_RDWR) ? 'O' : 'I', folder, path, -1); \
    return REAL(name)(folder, path, flags, mode); \
  }
#define FOPEN(name) \
  FILE *name(const char *path, const char *mode) { \
    FAIL(mode[0] != 'r' || strchr(mode, '+') ? 'O' : 'I', AT_FDCWD, path, NULL); \
    return REAL(name)(path, mode); \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
FOPEN(fopen)
FOPEN(fopen64)

struct content {
  int file;
  const void *bytes;
  size_t size;
};

static void write_half(void *what) {
  struct content *content = what;
  syscall(SYS_write, content->file, content->bytes, content->size / 2);
}

ssize_t write(int file, const void *bytes, size_t size) {
  struct content content = {file, bytes, size};
  int error = fault('W', file, NULL, write_half, &content);
  if (error) {
    errno = error;
    return -1;
  }
  return syscall(SYS_write, file, bytes, size);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  FAIL('W', file, NULL, -1);
  return REAL(writev)(file, parts, count);
}

#define PASS(type, kind, folder, path, name, parameters, ...) \
  type name parameters { \
    FAIL(kind, folder, path, -1); \
    return REAL(name)(__VA_ARGS__); \
  }
PASS(ssize_t, 'W', file, NULL, pwrite, (int file, const void *bytes, size_t size, off_t at), file, bytes, size, at)
PASS(ssize_t, 'W', file, NULL, pwrite64, (int file, const void *bytes, size_t size, off64_t at), file, bytes, size, at)
PASS(ssize_t, 'W', out, NULL, copy_file_range,
     (int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags), in, from, out, to, size, flags)
PASS(int, 'S', file, NULL, fsync, (int file), file)
PASS(int, 'S', file, NULL, fdatasync, (int file), file)
PASS(int, 'T', file, NULL, ftruncate, (int file, off_t size), file, size)
PASS(int, 'T', file, NULL, ftruncate64, (int file, off64_t size), file, size)
PASS(int, 'R', AT_FDCWD, to, rename, (const char *from, const char *to), from, to)
PASS(int, 'R', there, to, renameat, (int here, const char *from, int there, const char *to), here, from, there, to)
PASS(int, 'R', AT_FDCWD, to, link, (const char *from, const char *to), from, to)
PASS(int, 'R', AT_FDCWD, to, symlink, (const char *from, const char *to), from, to)
PASS(int, 'M', AT_FDCWD, path, mkdir, (const char *path, mode_t mode), path, mode)
PASS(int, 'M', folder, path, mkdirat, (int folder, const char *path, mode_t mode), folder, path, mode)
PASS(int, 'U', AT_FDCWD, path, unlink, (const char *path), path)
PASS(int, 'U', folder, path, unlinkat, (int folder, const char *path, int flags), folder, path, flags)
PASS(int, 'U', AT_FDCWD, path, rmdir, (const char *path), path)
PASS(int, 'C', AT_FDCWD, path, chmod, (const char *path, mode_t mode), path, mode)
PASS(int, 'C', folder, path, fchmodat, (int folder, const char *path, mode_t mode, int flags), folder, path, mode, flags)

extern ssize_t sendfile(int out, int in, off_t *from, size_t size);
extern ssize_t sendfile64(int out, int in, off64_t *from, size_t size);
PASS(ssize_t, 'W', out, NULL, sendfile, (int out, int in, off_t *from, size_t size), out, in, from, size)
PASS(ssize_t, 'W', out, NULL, sendfile64, (int out, int in, off64_t *from, size_t size), out, in, from, size)
