/* supervise COMMAND [ARG...]: run a command inside a container so that nothing of it outlives the caller.

   `docker exec` forwards no signals, and killing its client leaves the command running. So the harness keeps the
   standard input of this program open, and the engine closes it when the client is gone, however it ended. Then, or
   when this program is told to end, the command's group gets SIGTERM and, after GRACE_MS, every descendant SIGKILL.
   Descendants that outlive the command itself are killed as well. The command has /dev/null as standard input,
   default signal dispositions and a session of its own. Exits as the command did; 128 + N for signal N, as shells do. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 3000, CANNOT_RUN = 127, INTERNAL = 125 };

static void
fail(const char *what)
{
    fprintf(stderr, "supervise: %s: %s\n", what, strerror(errno));
    exit(INTERNAL);
}

static long long
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Kill the children of this process; as a subreaper it then inherits theirs, so repeating it reaches all of them. */
static void
kill_children(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "r");
    if (children == NULL) {
        return;
    }
    int pid;
    while (fscanf(children, "%d", &pid) == 1) {
        kill(pid, SIGKILL);
    }
    fclose(children);
}

static void
kill_descendants(void)
{
    for (;;) {
        kill_children();
        if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD) {
            return;
        }
    }
}

static pid_t
start(char **argv, const sigset_t *original)
{
    pid_t pid = fork();
    if (pid < 0) {
        fail("fork");
    }
    if (pid > 0) {
        return pid;
    }
    setsid();
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, original, NULL);
    execvp(argv[0], argv);
    fprintf(stderr, "supervise: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(CANNOT_RUN);
}

/* Reap whatever ended; true when `pid` itself did, with its wait status in *status. */
static int
reap(pid_t pid, int *status)
{
    int one, done = 0;
    pid_t ended;
    while ((ended = waitpid(-1, &one, WNOHANG)) > 0) {
        if (ended == pid) {
            *status = one;
            done = 1;
        }
    }
    return done;
}

/* Has the caller closed our standard input (gone), or is there just something to read (ignored)? */
static int
caller_gone(short events)
{
    char ignored[512];
    return events != 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0;
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: supervise COMMAND [ARG...]\n");
        return INTERNAL;
    }
    sigset_t watched, original;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGINT);
    sigaddset(&watched, SIGHUP);
    sigprocmask(SIG_BLOCK, &watched, NULL);
    sigemptyset(&original);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int signals = signalfd(-1, &watched, SFD_CLOEXEC);
    if (signals < 0) {
        fail("signalfd");
    }
    pid_t pid = start(argv + 1, &original);
    struct pollfd wait_for[2] = {{.fd = signals, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    long long deadline = -1;
    int status = 0;
    for (;;) {
        int left = deadline < 0 ? -1 : (int)(deadline > now_ms() ? deadline - now_ms() : 0);
        int ready = poll(wait_for, 2, left);
        int told = 0;
        if (ready > 0 && wait_for[0].revents) {
            struct signalfd_siginfo which;
            if (read(signals, &which, sizeof which) == (ssize_t)sizeof which && which.ssi_signo != SIGCHLD) {
                told = 1;
            }
        }
        if (reap(pid, &status)) {
            break;
        }
        if (ready > 0 && caller_gone(wait_for[1].revents)) {
            wait_for[1].fd = -1;
            told = 1;
        }
        if (told && deadline < 0) {
            kill(-pid, SIGTERM);
            deadline = now_ms() + GRACE_MS;
        }
        if (deadline >= 0 && now_ms() >= deadline) {
            status = SIGKILL;
            break;
        }
    }
    kill_descendants();
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
